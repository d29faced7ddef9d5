//! What this machine could do at the most: what Hookstead is compared with.

use std::{
    fs::File,
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};

use super::server::EVENTS;

/// How much is written before each sync.
const WRITE_BYTES: usize = 4 << 10;

/// How often in a second something can be made durable on the disk of `folder`.
pub(super) fn syncs_per_s(folder: &Path, duration: Duration) -> Result<f64, String> {
    let path = folder.join("sync");
    let measure = || -> io::Result<f64> {
        let mut file = File::create(&path)?;
        let (began, mut count) = (Instant::now(), 0);
        while began.elapsed() < duration {
            file.write_all(&[b'x'; WRITE_BYTES])?;
            file.sync_data()?;
            count += 1;
        }
        Ok(super::per_second(count, began.elapsed().as_micros() as u64))
    };
    let measured = measure().map_err(|error| format!("{}: {error}", path.display()));
    let _ = std::fs::remove_file(&path);
    measured
}

/// A server of the same library, with as many threads, that reads the JSON and answers.
#[derive(Debug)]
pub(super) struct NoStore {
    pub(super) address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl NoStore {
    /// Starts it on a free port.
    pub(super) fn start(workers: usize) -> Result<NoStore, String> {
        let (told, started) = mpsc::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(|| App::new().route(EVENTS, web::post().to(answer)));
                match server.workers(workers).disable_signals().bind("127.0.0.1:0") {
                    Ok(server) => {
                        let address = server.addrs()[0];
                        let server = server.run();
                        let _ = told.send(Ok((address, server.handle())));
                        let _ = server.await;
                    }
                    Err(error) => {
                        let _ = told.send(Err(error.to_string()));
                    }
                }
            });
        });
        let (address, handle) = started.recv().map_err(|_| "the server that stores nothing ended")??;
        Ok(NoStore { address, handle, thread: Some(thread) })
    }
}

impl Drop for NoStore {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(body: web::Bytes) -> HttpResponse {
    #[derive(serde::Deserialize)]
    struct Event<'a> {
        #[serde(rename = "type")]
        _event_type: &'a str,
        #[serde(rename = "account")]
        _account: &'a str,
        #[serde(borrow, rename = "data")]
        _data: &'a serde_json::value::RawValue,
    }
    match serde_json::from_slice::<Event>(&body) {
        Ok(_) => HttpResponse::Accepted().content_type("application/json").body("{}"),
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}
