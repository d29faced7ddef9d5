//! Who comes in: programs by the JSON API, people by the pages. Each path has a file of its name
//! under [`api`] or [`pages`]; a handler reads the input, calls one function of the service, and
//! shows the result. Nothing here knows how anything is stored or sent.

pub mod api;
mod ask;
pub mod assets;
pub mod auth;
pub mod body;
pub mod cursor;
pub mod frame;
pub mod health;
mod idle;
pub mod json;
pub mod listen;
pub mod metrics;
mod mount;
pub mod openapi;
pub mod pages;
pub mod peer;
pub mod problem;
pub mod query;
pub mod receiver;
pub mod routing;
mod server;

use std::{fmt, sync::Arc};

use actix_web::web::{self, ServiceConfig};
use ipnet::IpNet;
use parking_lot::RwLock;

pub use frame::RequestId;
pub use server::{Running, WebOptions, app, bind, start};

use self::{
    problem::{Refusal, Reply},
    routing::{Path, path},
};
use crate::{
    config::Config,
    service::{Check, Machine, Service},
    system::{Meters, Random},
};

/// What every handler can reach.
pub struct WebState {
    service: Arc<Service>,
    random: Arc<dyn Random>,
    /// As it was at the start.
    config: Arc<Config>,
    in_force: ConfigInForce,
    meters: Arc<Meters>,
    checks: Box<dyn Fn() -> Vec<Check> + Send + Sync>,
    machine: Box<dyn Fn() -> Machine + Send + Sync>,
    desk: pages::Desk,
    receiver: receiver::Receiver,
    mount: mount::Mount,
}

/// The configuration as it is in force, which reading it again changes.
#[derive(Debug, Clone)]
pub struct ConfigInForce(Arc<RwLock<Arc<Config>>>);

impl ConfigInForce {
    fn new(config: Config) -> Self {
        ConfigInForce(Arc::new(RwLock::new(Arc::new(config))))
    }

    /// Changes it.
    pub fn change<T>(&self, change: impl FnOnce(&mut Config) -> T) -> T {
        change(Arc::make_mut(&mut self.0.write()))
    }
}

/// [`WebState`] as a handler gets it.
pub type State = web::Data<WebState>;

impl WebState {
    /// `checks` are what else must hold for the server to be ready, such as that the sender is
    /// alive; `machine` is what the machine and the sender are at.
    pub fn new(
        service: Arc<Service>,
        random: Arc<dyn Random>,
        config: Config,
        meters: Arc<Meters>,
        checks: impl Fn() -> Vec<Check> + Send + Sync + 'static,
        machine: impl Fn() -> Machine + Send + Sync + 'static,
    ) -> Self {
        let desk = pages::Desk::new(&*random);
        let mount = mount::Mount::of(config.public_url.as_ref());
        let in_force = ConfigInForce::new(config.clone());
        let (config, checks, machine) = (Arc::new(config), Box::new(checks), Box::new(machine));
        WebState {
            service,
            random,
            config,
            in_force,
            meters,
            checks,
            machine,
            desk,
            receiver: receiver::Receiver::default(),
            mount,
        }
    }

    /// What may be asked.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Who may set `X-Forwarded-For`.
    pub fn trusted_proxies(&self) -> &[IpNet] {
        &self.config.trusted_proxies
    }

    /// Below which path people see the server.
    fn mount(&self) -> &mount::Mount {
        &self.mount
    }

    /// What the operator set, and where.
    fn config(&self) -> Arc<Config> {
        self.in_force.0.read().clone()
    }

    /// The configuration that the pages show, for whoever reads it again.
    pub fn config_in_force(&self) -> ConfigInForce {
        self.in_force.clone()
    }

    /// What is counted.
    fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// What the machine and the sender are at.
    fn machine(&self) -> Machine {
        (self.machine)()
    }

    /// What the pages remember between requests.
    fn desk(&self) -> &pages::Desk {
        &self.desk
    }

    /// What the test receiver got and how it answers.
    fn receiver(&self) -> &receiver::Receiver {
        &self.receiver
    }

    fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// Everything that must hold for the server to be ready.
    fn checks(&self) -> Vec<Check> {
        let mut checks = self.service.checks();
        checks.extend((self.checks)());
        checks
    }

    fn next_request_id(&self) -> String {
        let random = u128::from(self.random.next_u64()) << 16;
        format!("req_{}", ulid::Ulid::from_parts(self.service.now().as_millis(), random))
    }
}

impl fmt::Debug for WebState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WebState").finish_non_exhaustive()
    }
}

/// Every door of the server.
pub fn routes(config: &mut ServiceConfig) {
    let mut api = web::scope("/api/v1");
    for path in api_paths() {
        api = api.service(path);
    }
    for path in machine_paths() {
        config.service(path);
    }
    config
        .service(web::resource("/in/{name}").to(receiver::receive))
        .service(api.default_service(web::to(no_such_path)))
        .service(web::scope("/api").default_service(web::to(no_such_path)))
        .configure(pages::routes);
}

/// What machines ask that look after this one.
pub fn machine_paths() -> Vec<Path> {
    vec![
        path("/healthz").get(health::healthz),
        path("/readyz").get(health::readyz),
        path("/metrics").get(metrics::metrics),
    ]
}

/// The API, below `/api/v1`.
pub fn api_paths() -> Vec<Path> {
    vec![
        path("/accounts/{account}/payloads").delete(api::account_payloads::delete_payloads),
        path("/events").get(api::events::list).post(api::events::publish),
        path("/events/batch").post(api::events::batch::publish),
        path("/events/{id}").get(api::events::one::show),
        path("/events/{id}/payload").get(api::events::payload::show),
        path("/event-types").get(api::event_types::list).post(api::event_types::create),
        path("/event-types/{name}")
            .get(api::event_types::one::show)
            .patch(api::event_types::one::change)
            .delete(api::event_types::one::remove),
        path("/webhooks").get(api::webhooks::list).post(api::webhooks::create),
        path("/webhooks/{id}")
            .get(api::webhooks::one::show)
            .patch(api::webhooks::one::change)
            .delete(api::webhooks::one::remove),
        path("/webhooks/{id}/enable").post(api::webhooks::enable::enable),
        path("/webhooks/{id}/disable").post(api::webhooks::disable::disable),
        path("/webhooks/{id}/test").post(api::webhooks::test::test),
        path("/webhooks/{id}/rotate-secret").post(api::webhooks::rotate_secret::rotate),
        path("/webhooks/{id}/secret").get(api::webhooks::secret::show),
        path("/webhooks/{id}/stats").get(api::webhooks::stats::show),
        path("/logs").get(api::logs::list),
        path("/logs/{id}").get(api::logs::one::show),
        path("/logs/{id}/payload").get(api::logs::payload::show),
        path("/logs/{id}/resend").post(api::logs::resend::resend),
        path("/bulk-resends").post(api::bulk_resends::start),
        path("/bulk-resends/{id}").get(api::bulk_resends::one::show).delete(api::bulk_resends::one::cancel),
        path("/me").get(api::me::show),
        path("/stats").get(api::stats::show),
        path("/openapi.json").get(api::openapi_json::show),
    ]
}

async fn no_such_path() -> Reply {
    Err(Refusal::no_such_path())
}
