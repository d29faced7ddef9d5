//! The pages.

use actix_web::web::ServiceConfig;

/// Every page.
pub fn routes(_config: &mut ServiceConfig) {}
