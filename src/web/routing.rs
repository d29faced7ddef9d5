//! A path and its methods. Any other method is answered 405 with `Allow`, which the web framework
//! leaves to each path; here it is done once.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
};

use actix_web::{
    FromRequest, Handler, Resource, Responder,
    dev::{AppService, HttpServiceFactory},
    guard::{self, Guard},
    http::Method,
    web,
};

use super::problem::{Refusal, Reply, allow};
use crate::domain::{Need, Problem};

/// What a page needs its visitor to be allowed, by method.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    look: Need,
    change: Need,
}

impl Needs {
    /// What a request with this method needs.
    pub fn of(self, method: &Method) -> Need {
        match *method {
            Method::GET | Method::HEAD => self.look,
            _ => self.change,
        }
    }
}

/// A path with a handler for each method it takes.
pub struct Path {
    path: &'static str,
    methods: Vec<Method>,
    needs: Needs,
    resource: Resource,
}

/// A path that takes no method yet. Where it asks who visits, everybody who signed in may look, and
/// admins change things, unless it says otherwise.
pub fn path(path: &'static str) -> Path {
    let needs = Needs { look: Need::Look, change: Need::Admin };
    Path { path, methods: Vec::new(), needs, resource: web::resource(path) }
}

impl Path {
    /// For admins only, also to look at: it shows what others may not see, or begins a change.
    pub fn for_admins(self) -> Self {
        Path { needs: Needs { look: Need::Admin, change: Need::Admin }, ..self }
    }

    /// About one's own account or browser.
    pub fn for_oneself(self) -> Self {
        Path { needs: Needs { look: Need::Own, change: Need::Own }, ..self }
    }

    /// Its form only asks and changes nothing.
    pub fn for_questions(self) -> Self {
        Path { needs: Needs { look: Need::Look, change: Need::Look }, ..self }
    }

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
        self.resource = self.resource.route(web::route().guard(guard).to(Caught(handler)));
        self
    }
}

/// A handler whose panic costs one answer and not the connection, and is logged within the span that has
/// the id of the request.
#[derive(Clone)]
struct Caught<F>(F);

impl<F, Args> Handler<Args> for Caught<F>
where
    F: Handler<Args>,
    F::Output: 'static,
    Args: 'static,
{
    type Output = Result<F::Output, Refusal>;
    type Future = Pin<Box<dyn Future<Output = Self::Output>>>;

    fn call(&self, args: Args) -> Self::Future {
        // What is left of a handler that panicked is dropped and looked at by nobody.
        let mut future = match catch_unwind(AssertUnwindSafe(|| self.0.call(args))) {
            Ok(future) => Box::pin(future),
            Err(panic) => return Box::pin(std::future::ready(Err(panicked(&*panic)))),
        };
        Box::pin(poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panicked(&*panic))),
        }))
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Refusal {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
    tracing::error!(panic = text, "a handler panicked");
    Problem::internal().into()
}

impl HttpServiceFactory for Path {
    fn register(self, config: &mut AppService) {
        let allow = allow(&self.methods);
        let other = move || {
            let refusal = Refusal::method_not_allowed(allow.clone());
            async move { Reply::Err(refusal) }
        };
        self.resource.app_data(self.needs).default_service(web::to(other)).register(config);
    }
}
