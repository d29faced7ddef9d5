//! `/system/backup`: makes a backup, lists those that there are, says how to restore one.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    form::Posted,
    notes::Note,
    page::{BACKUP, Frame, see_other, see_other_with, show as show_page},
    parts::{CopyValue, Moment},
    system::last_backup,
    text::{count, display_line, length, size},
    visitor::Visitor,
};
use crate::{
    domain::{ProblemKind, with_thousands},
    service::{Progress, Service},
    web::{State, problem::Reply, query::Query},
};

/// Seconds between two looks at it, without a script.
const REFRESH_S: u32 = 5;

#[derive(Template)]
#[template(path = "backup.html")]
struct BackupPage {
    frame: Frame,
    head: String,
    is_running: bool,
    is_refreshing: bool,
    percent: u64,
    rows: String,
    failed: Option<FailureShown>,
    unreadable: Option<String>,
    last: Option<Moment>,
    last_words: String,
    by_itself: String,
    kept: String,
    folder: String,
    files: Vec<FileShown>,
    restore: CopyValue,
    restore_paused: CopyValue,
    backup: CopyValue,
}

struct FailureShown {
    at: Moment,
    why: String,
}

struct FileShown {
    at: Moment,
    name: String,
    size: String,
}

/// Shows what there is.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let is_refreshing = Query::parse(request.query_string()).take("refresh").is_some();
    let actor = visitor.actor.clone();
    let asked = move |service: &Arc<Service>| Ok((service.backup_status()?, service.backup_files(&actor)));
    let (status, files) = ask(&state, asked).await?;
    let (files, unreadable) = match files {
        Ok(files) => (files, None),
        // A folder that cannot be read is a failure to show, and no reason to show nothing.
        Err(problem) if problem.kind == ProblemKind::Internal => (Vec::new(), Some(problem.detail)),
        Err(problem) => return Err(problem.into()),
    };
    let settings = &state.service().settings().backup;
    let progress = status.running.unwrap_or_default();
    let (zone, data_dir) = (&visitor.zone, state.config().data_dir.display().to_string());
    let newest = files.first().map_or_else(|| "hookstead.backup".to_owned(), |file| file.name.clone());
    let newest = settings.folder.join(newest).display().to_string();
    let command = |id, label, words: String| CopyValue { id, label, value: display_line(&words).into_owned() };
    let restore = format!("hookstead restore {} --data-dir {} --replace", quoted(&newest), quoted(&data_dir));
    let mut frame = Frame::new(&visitor, BACKUP, "Backup");
    frame.refresh_s = (is_refreshing && status.running.is_some()).then_some(REFRESH_S);
    let page = BackupPage {
        frame,
        head: zone.head(visitor.now),
        is_running: status.running.is_some(),
        is_refreshing,
        percent: (progress.done * 100).checked_div(progress.total).unwrap_or(0),
        rows: rows(progress),
        last: status.last.as_ref().map(|last| zone.seconds(last.at)),
        last_words: last_backup(&status, visitor.now),
        unreadable: unreadable.map(|why| display_line(&why).into_owned()),
        failed: status
            .failed
            .map(|failed| FailureShown { at: zone.seconds(failed.at), why: display_line(&failed.why).into_owned() }),
        by_itself: match settings.every {
            Some(every) => format!("every {} (backup.every_hours)", length(every)),
            None => "never: backup.every_hours is not set in the configuration".to_owned(),
        },
        kept: format!("the newest {} (backup.keep); older ones are deleted", with_thousands(settings.keep as u64)),
        folder: display_line(&settings.folder.display().to_string()).into_owned(),
        files: files
            .into_iter()
            .map(|file| FileShown {
                at: zone.seconds(file.at),
                name: file.name,
                size: size(usize::try_from(file.bytes).unwrap_or(usize::MAX)),
            })
            .collect(),
        restore_paused: command(
            "restore-paused",
            "Command that restores and pauses",
            format!("{restore} --pause-sending"),
        ),
        restore: command("restore-command", "Command that restores", restore),
        backup: command(
            "backup-command",
            "Command that makes a backup",
            format!("hookstead backup /mnt/backups/hookstead.backup --data-dir {}", quoted(&data_dir)),
        ),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Begins one.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    match state.service().start_backup(&visitor.actor) {
        Ok(()) => Ok(see_other_with(BACKUP, Note::BackupStarted, visitor.secure)),
        // Somebody else was quicker; what was asked for is being done.
        Err(problem) if problem.kind == ProblemKind::Conflict => Ok(see_other(BACKUP)),
        Err(problem) => Err(problem.into()),
    }
}

fn rows(progress: Progress) -> String {
    match progress.total {
        0 => "beginning".to_owned(),
        total => format!("{} of {}", with_thousands(progress.done), count(total, "row", "rows")),
    }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    match path.chars().all(plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, word) in
            [("/var/lib/hookstead", "/var/lib/hookstead"), ("/a b/$x", "'/a b/$x'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quoted(path), word);
        }
    }
}
