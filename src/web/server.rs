//! The HTTP server: its limits, and how it is started.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    body::BoxBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::Data,
};

use super::{WebState, frame, routes};

/// How long the head of a request may take to arrive; a slower one is answered 408.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection may stand idle between requests.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long the rest of a refused body is read and thrown away, so that the caller gets to see
/// the answer before the connection closes.
const LINGER: Duration = Duration::from_secs(2);
/// How long a stop waits for requests under way. A body may take longer, and is cut then.
const STOP_WITHIN_S: u64 = 5;

/// How the server listens.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Where; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Threads that answer.
    pub workers: usize,
    /// Most connections at once, all threads together.
    pub max_connections: usize,
}

/// Starts to listen. The server runs once the returned future is polled or spawned; signals are
/// left to the caller.
///
/// # Errors
/// If the address cannot be bound.
pub fn serve(options: &WebOptions, state: Arc<WebState>) -> io::Result<(Server, SocketAddr)> {
    let data = Data::from(state);
    let workers = options.workers.max(1);
    let server = HttpServer::new(move || app(data.clone()))
        .workers(workers)
        .max_connections(options.max_connections.div_ceil(workers))
        .client_request_timeout(HEAD_DEADLINE)
        .client_disconnect_timeout(LINGER)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(STOP_WITHIN_S)
        .disable_signals()
        .bind(options.listen)?;
    let address = *server.addrs().first().expect("one address was bound");
    Ok((server.run(), address))
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
