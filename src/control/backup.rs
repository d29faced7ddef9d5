//! A backup by a running server. The command opens the file and hands it over with its request, so
//! that it is written with the rights of whoever called and where they meant it, whatever the server
//! itself may see of the disk. The answer is lines: how far it is, and in the end what became of it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IoSlice, Write},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde::{Deserialize, Serialize};

use super::{Ask, PATIENCE, SOCKET_FILE, Told, explain};
use crate::{
    domain::{Actor, with_thousands},
    service::{BackupMade, Progress, Service},
};

/// How often the command hears how far it is.
const TELL_EVERY: Duration = Duration::from_millis(200);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress(Progress),
    Told(Told),
}

/// Has a running server write a backup to `file`. `None` if none runs on that data directory.
///
/// # Errors
/// If the server was there and then did not answer.
pub fn ask_for_backup(data_dir: &Path, file: &File, heard: &mut dyn FnMut(Progress)) -> io::Result<Option<Told>> {
    let stream = match UnixStream::connect(data_dir.join(SOCKET_FILE)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(&Ask::Backup)?;
    line.push(b'\n');
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    let files = [file.as_fd()];
    if !with.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("a file cannot be handed over"));
    }
    let sent = rustix::net::sendmsg(&stream, &[IoSlice::new(&line)], &mut with, SendFlags::NOSIGNAL)?;
    if sent != line.len() {
        return Err(io::Error::other("the request was cut off"));
    }
    for line in BufReader::new(&stream).lines() {
        match serde_json::from_str(&line?)? {
            Line::Progress(progress) => heard(progress),
            Line::Told(told) => return Ok(Some(told)),
        }
    }
    Err(io::Error::other("it went away before the backup was whole"))
}

/// Writes the backup on a thread of its own, so that other commands do not wait behind it.
pub(super) fn serve(stream: UnixStream, file: Option<OwnedFd>, service: Arc<Service>) -> io::Result<()> {
    std::thread::Builder::new().name("control-backup".into()).spawn(move || {
        let told = match file {
            Some(file) => back_up(&service, &file.into(), &mut |progress| tell(&stream, &Line::Progress(progress))),
            None => Err("the command did not say where to write the backup".to_owned()),
        };
        tell(&stream, &Line::Told(told));
    })?;
    Ok(())
}

/// Writes a backup, by the service of a server or of a command alone.
///
/// # Errors
/// Why there is none, for a person.
pub fn back_up(service: &Service, file: &File, heard: &mut dyn FnMut(Progress) -> bool) -> Told {
    let mut told_at = Instant::now();
    let mut now_and_then = |progress| {
        if told_at.elapsed() < TELL_EVERY {
            return true;
        }
        told_at = Instant::now();
        heard(progress)
    };
    let made = service.back_up_to(&Actor::operator(), file, &mut now_and_then);
    made.map(|made| vec![words(made)]).map_err(|problem| explain(&problem))
}

fn words(made: BackupMade) -> String {
    let BackupMade { bytes, rows, events } = made;
    format!("{} events, {} rows, {} bytes", with_thousands(events), with_thousands(rows), with_thousands(bytes))
}

/// Whether the command is still there to hear it.
fn tell(mut stream: &UnixStream, line: &Line) -> bool {
    let mut bytes = serde_json::to_vec(line).expect("numbers and texts are JSON");
    bytes.push(b'\n');
    stream.write_all(&bytes).is_ok()
}
