//! A path and its methods. Any other method is answered 405 with `Allow`, which the web framework
//! leaves to each path; here it is done once.

use actix_web::{
    FromRequest, Handler, Resource, Responder,
    dev::{AppService, HttpServiceFactory},
    guard::{self, Guard},
    http::Method,
    web,
};

use super::problem::{Refusal, Reply, allow};

/// A path with a handler for each method it takes.
pub struct Path {
    path: &'static str,
    methods: Vec<Method>,
    resource: Resource,
}

/// A path that takes no method yet.
pub fn path(path: &'static str) -> Path {
    Path { path, methods: Vec::new(), resource: web::resource(path) }
}

impl Path {
    /// Answers `GET`, and `HEAD` without the body.
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, guard::Any(guard::Get()).or(guard::Head()), handler)
    }

    /// Answers `POST`.
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, guard::Post(), handler)
    }

    /// Answers `PATCH`.
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PATCH, guard::Patch(), handler)
    }

    /// Answers `DELETE`.
    pub fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::DELETE, guard::Delete(), handler)
    }

    /// The path as it is written, and its methods.
    pub fn parts(&self) -> (&'static str, &[Method]) {
        (self.path, &self.methods)
    }

    fn on<F, Args>(mut self, method: Method, guard: impl Guard + 'static, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.push(method);
        self.resource = self.resource.route(web::route().guard(guard).to(handler));
        self
    }
}

impl HttpServiceFactory for Path {
    fn register(self, config: &mut AppService) {
        let allow = allow(&self.methods);
        let other = move || {
            let refusal = Refusal::method_not_allowed(allow.clone());
            async move { Reply::Err(refusal) }
        };
        self.resource.default_service(web::to(other)).register(config);
    }
}
