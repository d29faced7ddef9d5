//! Closing connections that hold a place and ask for nothing.
//!
//! The framework bounds the time for the head of a connection's first request and the silence
//! between two requests. It does not bound a later head that is begun and never ended: a single
//! byte would hold a connection for ever. So each connection is watched from here on: if no request
//! has come in whole for a while after the last answer, its socket is shut down.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    rc::{Rc, Weak},
    time::{Duration, Instant},
};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{
    HttpRequest,
    dev::Extensions,
    rt::{self, net::TcpStream as AsyncStream},
};

/// How long a connection may go without a whole request. Longer than the framework's own bounds
/// together, which close the usual ones first and more politely.
const LIMIT: Duration = Duration::from_secs(40);
/// How often the connections of a thread are looked through.
const SWEEP: Duration = Duration::from_secs(5);

/// A connection that is watched. It lives as long as the connection.
pub struct Watched {
    /// The same socket once more; only ever used to shut it down.
    stream: TcpStream,
    idle_since: Cell<Option<Instant>>,
}

thread_local! {
    /// The connections of this thread, and `None` until the first one starts the sweep.
    static CONNECTIONS: RefCell<Option<Vec<Weak<Watched>>>> = const { RefCell::new(None) };
}

/// Watches a new connection.
pub fn watch(connection: &dyn Any, data: &mut Extensions) {
    let encrypted = || connection.downcast_ref::<TlsStream<AsyncStream>>().map(|stream| stream.get_ref().0);
    let Some(stream) = connection.downcast_ref::<AsyncStream>().or_else(encrypted) else { return };
    // Without a free descriptor it goes unwatched rather than unanswered.
    let Ok(copy) = stream.as_fd().try_clone_to_owned() else { return };
    let watched = Rc::new(Watched { stream: copy.into(), idle_since: Cell::new(Some(Instant::now())) });
    CONNECTIONS.with_borrow_mut(|connections| {
        let connections = connections.get_or_insert_with(|| {
            rt::spawn(sweep());
            Vec::new()
        });
        connections.push(Rc::downgrade(&watched));
    });
    data.insert(watched);
}

/// A whole request has come in.
pub fn begin(request: &HttpRequest) {
    if let Some(watched) = request.conn_data::<Rc<Watched>>() {
        watched.idle_since.set(None);
    }
}

/// It is answered. An answer that streams is not watched, because a slow reader of a large file
/// asks for nothing meanwhile either.
pub fn end(request: &HttpRequest, streams: bool) {
    if let Some(watched) = request.conn_data::<Rc<Watched>>() {
        watched.idle_since.set((!streams).then(Instant::now));
    }
}

/// Ends a connection without a word, as a receiver does that breaks off.
pub fn cut(request: &HttpRequest) {
    if let Some(watched) = request.conn_data::<Rc<Watched>>() {
        // It may have been closed from the other side meanwhile.
        let _ = watched.stream.shutdown(Shutdown::Both);
    }
}

async fn sweep() {
    loop {
        rt::time::sleep(SWEEP).await;
        let now = Instant::now();
        CONNECTIONS.with_borrow_mut(|connections| {
            let connections = connections.as_mut().expect("the sweep is started with the list");
            connections.retain(|connection| {
                let Some(watched) = connection.upgrade() else { return false };
                let idle = watched.idle_since.get().is_some_and(|since| now - since > LIMIT);
                if idle {
                    // It may have been closed from the other side meanwhile.
                    let _ = watched.stream.shutdown(Shutdown::Both);
                }
                !idle
            });
        });
    }
}
