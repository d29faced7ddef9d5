//! For whoever watches the server: `/healthz` while the process lives, `/readyz` while it can work.

use actix_web::HttpResponse;
use serde::Serialize;

use super::State;

#[derive(Serialize)]
struct Health<'a> {
    status: &'a str,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
}

/// 200 while the process answers at all.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "alive", checks: Vec::new() })
}

/// 200 while events can be taken and sent; otherwise 503 with the checks that fail.
pub async fn readyz(state: State) -> HttpResponse {
    let checks: Vec<Check> = state.checks().iter().map(|check| Check { name: check.name, ok: check.ok }).collect();
    match checks.iter().all(|check| check.ok) {
        true => HttpResponse::Ok().json(Health { status: "ready", checks }),
        false => HttpResponse::ServiceUnavailable()
            .insert_header(("retry-after", "5"))
            .json(Health { status: "not_ready", checks }),
    }
}
