//! The HTTP server: its limits, and how it is started.

use std::{
    future::{Future, poll_fn},
    io,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    body::BoxBody,
    dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::Data,
};

use super::{WebState, frame, idle, routes};
use crate::system::certificate::ServerCertificate;

/// How long the head of a request may take to arrive; a slower one is answered 408.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long the handshake of an encrypted connection may take.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection may stand idle between requests.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long the rest of a refused body is read and thrown away, so that the caller gets to see
/// the answer before the connection closes.
const LINGER: Duration = Duration::from_secs(2);
/// How long a stop waits for requests under way. A body may take longer, and is cut then.
const STOP_WITHIN_S: u64 = 2;

/// How the server answers.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Threads that answer.
    pub workers: usize,
    /// Most connections at once, all threads together.
    pub max_connections: usize,
    /// What connections are encrypted with; plain HTTP without.
    pub certificate: Option<Arc<ServerCertificate>>,
}

/// Takes the address. Connections wait from now on; [`start`] answers them.
///
/// # Errors
/// If the address cannot be bound.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    // The standard library allows an address to be taken again right after a stop.
    TcpListener::bind(address)
}

/// Starts to answer, on threads of its own.
///
/// # Errors
/// If the system gives no thread.
pub fn start(listener: TcpListener, options: WebOptions, state: WebState) -> io::Result<Running> {
    let data = Data::new(state);
    let workers = options.workers.max(1);
    let (told, started) = mpsc::channel();
    let thread = thread::Builder::new().name("web".into()).spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || app(data.clone()))
                .workers(workers)
                .max_connections(options.max_connections.div_ceil(workers))
                .client_request_timeout(HEAD_DEADLINE)
                .client_disconnect_timeout(LINGER)
                .keep_alive(KEEP_ALIVE)
                .shutdown_timeout(STOP_WITHIN_S)
                .on_connect(idle::watch)
                .tls_handshake_timeout(HANDSHAKE_DEADLINE)
                .disable_signals();
            let server = match &options.certificate {
                Some(certificate) => server.listen_rustls_0_23(listener, certificate.server_config()),
                None => server.listen(listener),
            };
            match server {
                Ok(server) => {
                    let mut server = server.run();
                    let mut handle = Some(server.handle());
                    // The first look starts the workers. Where the system gives no thread for them
                    // it panics or ends with an error; only after it the server is said to run.
                    let ended = poll_fn(|context| {
                        let ended = Pin::new(&mut server).poll(context);
                        if ended.is_pending()
                            && let Some(handle) = handle.take()
                        {
                            let _ = told.send(Ok(handle));
                        }
                        ended
                    });
                    if let Err(error) = ended.await {
                        tracing::error!("the web server ended: {error}");
                        // Heard only by a start that still waits.
                        let _ = told.send(Err(error));
                    }
                }
                Err(error) => {
                    let _ = told.send(Err(error));
                }
            }
        });
    })?;
    let handle = started
        .recv()
        .map_err(|_| io::Error::other("the web server did not start; the system may give it no threads"))??;
    Ok(Running { handle, thread: Some(thread) })
}

/// A server that answers, until it is stopped.
#[derive(Debug)]
pub struct Running {
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Takes no more connections, lets requests under way end for some seconds, then cuts them.
    pub fn stop(&mut self) {
        // The command is sent when the future is made; what it resolves to is waited for below.
        drop(self.handle.stop(true));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The application: every route inside the frame. For tests that need no socket.
pub fn app(
    data: Data<WebState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new().app_data(data).configure(routes).wrap(from_fn(frame::frame))
}
