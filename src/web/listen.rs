//! A receiver of its own, for `hookstead listen`: hears whatever comes to a port and answers one and
//! the same. It has nothing to do with the server beside it, but for its limits.

use std::{
    io,
    net::TcpListener,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer,
    dev::ServerHandle,
    http::StatusCode,
    web::{self, Bytes, Data},
};

/// Most bytes of a body.
const MOST_BYTES: usize = 64 << 20;
/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);

/// A request that was heard.
#[derive(Debug)]
pub struct Heard {
    /// Its method.
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    /// Names and values, in the order received within a name.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body, byte for byte.
    pub body: Bytes,
}

/// How each request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedAnswer {
    /// With which status.
    pub status: u16,
    /// With which body.
    pub body: String,
    /// After how long.
    pub after: Duration,
}

struct Ear {
    hear: Box<dyn Fn(Heard) -> bool + Send + Sync>,
    answer: FixedAnswer,
    server: OnceLock<ServerHandle>,
}

/// Listens until SIGINT or SIGTERM, or until `hear` says no more.
///
/// # Errors
/// If the system gives no thread.
pub fn listen(
    listener: TcpListener,
    answer: FixedAnswer,
    hear: impl Fn(Heard) -> bool + Send + Sync + 'static,
) -> io::Result<()> {
    let ear = Data::from(Arc::new(Ear { hear: Box::new(hear), answer, server: OnceLock::new() }));
    actix_web::rt::System::new().block_on(async move {
        let shared = ear.clone();
        let app = move || App::new().app_data(shared.clone()).default_service(web::to(receive));
        let server = HttpServer::new(app).workers(1).shutdown_timeout(2).listen(listener)?.run();
        let _ = ear.server.set(server.handle());
        server.await
    })
}

async fn receive(ear: Data<Ear>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let received = tokio::time::timeout(DEADLINE, payload.to_bytes_limited(MOST_BYTES)).await;
    let body = match received {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(_))) => return HttpResponse::BadRequest().finish(),
        Ok(Err(_)) => return HttpResponse::PayloadTooLarge().finish(),
        Err(_) => return HttpResponse::RequestTimeout().finish(),
    };
    let heard = Heard {
        method: request.method().to_string(),
        path: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
        headers: request.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
        body,
    };
    if !(ear.hear)(heard)
        && let Some(server) = ear.server.get()
    {
        // The command is sent when the future is made; this answer still goes out.
        drop(server.stop(true));
    }
    tokio::time::sleep(ear.answer.after).await;
    let status = StatusCode::from_u16(ear.answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponseBuilder::new(status);
    match status.as_u16() {
        // These two have no body by their definition.
        204 | 304 => response.finish(),
        _ => response.content_type("text/plain; charset=utf-8").body(ear.answer.body.clone()),
    }
}
