//! The pages, for people with a browser. Everything works with links and forms alone; the script
//! adds comfort. One page is one file here and one template of the same name.
//!
//! A page is answered in four steps: [`visitor`] says who looks, [`form`] what was sent and that it
//! came from a page of ours, the page's own file asks the service and prepares every word, and the
//! template sets them. Templates escape all they are given; text from outside goes through
//! [`text`] first, so that nothing invisible stays so.

mod api_key_created;
mod api_key_new;
mod api_key_revoke;
mod api_keys;
mod api_reference;
mod as_command;
mod backup;
mod backup_file;
mod bulk_resend;
mod bulk_resend_new;
mod chart;
mod configuration;
mod cookies;
mod door;
mod error;
mod event;
mod event_type_new;
mod event_type_remove;
mod event_type_schema;
mod event_types;
mod field;
mod fields;
mod form;
mod log_filters;
mod log_list_row;
mod log_query;
mod log_row;
mod log_status;
mod notes;
mod once;
mod page;
pub mod parts;
mod pause;
mod payload;
mod retry_text;
mod settings;
mod setup;
mod sign_in;
mod sign_out;
mod snippets;
mod system;
mod test_receiver;
mod test_receiver_request;
mod test_result;
mod text;
mod theme;
mod visitor;
mod webhook;
mod webhook_delete;
mod webhook_disable;
mod webhook_edit;
mod webhook_enable;
mod webhook_export;
mod webhook_form;
mod webhook_head;
mod webhook_log;
mod webhook_log_command;
mod webhook_log_delete_payload;
mod webhook_log_json;
mod webhook_log_payload;
mod webhook_log_resend;
mod webhook_logs;
mod webhook_logs_export;
mod webhook_logs_resend;
mod webhook_logs_rows;
mod webhook_new;
mod webhook_rotate;
mod webhook_secret;
mod webhook_settings;
mod webhook_sheet;
mod webhook_test;
mod webhook_try_now;
mod webhook_verify;
mod webhooks;
mod zone;

use actix_web::{
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use super::{
    ask::{ask, carry_out, id},
    assets,
    problem::Reply,
    routing::path,
};
use crate::system::Random;

/// What the pages remember between requests; all of it may be lost.
pub struct Desk {
    stranger_key: visitor::StrangerKey,
    used_forms: once::UsedForms,
    shown_once: once::ShownOnce,
}

impl Desk {
    /// An empty desk.
    pub fn new(random: &dyn Random) -> Self {
        let mut key = [0; 32];
        random.bytes(&mut key);
        Desk {
            stranger_key: visitor::StrangerKey::new(key),
            used_forms: once::UsedForms::default(),
            shown_once: once::ShownOnce::default(),
        }
    }

    fn is_ours(&self, stranger: &str) -> bool {
        self.stranger_key.knows(stranger)
    }

    fn new_stranger(&self, random: &dyn Random) -> String {
        let mut bytes = [0; 18];
        random.bytes(&mut bytes);
        self.stranger_key.sign(bytes)
    }
}

/// Every page. Must be configured last: what is no page of ours is answered here.
pub fn routes(config: &mut ServiceConfig) {
    let pages = web::scope("")
        .service(path("/").get(home))
        .service(path("/assets/{file}").get(assets::show))
        .service(path("/setup").get(setup::show).post(setup::submit))
        .service(path("/sign-in").get(sign_in::show).post(sign_in::submit))
        .service(path("/sign-out").post(sign_out::submit))
        .service(path("/integration/webhook").get(webhooks::show))
        .service(path("/integration/webhook/new").get(webhook_new::show).post(webhook_new::submit))
        .service(path("/integration/webhook/{id}").get(webhook::show))
        .service(path("/integration/webhook/{id}/edit").get(webhook_edit::show).post(webhook_edit::submit))
        .service(path("/integration/webhook/{id}/test").get(webhook_test::show).post(webhook_test::submit))
        .service(path("/integration/webhook/{id}/verify").get(webhook_verify::show).post(webhook_verify::check))
        .service(path("/integration/webhook/{id}/settings").get(webhook_settings::show))
        .service(path("/integration/webhook/{id}/export").get(webhook_export::download))
        .service(path("/integration/webhook/{id}/try-now").post(webhook_try_now::submit))
        .service(path("/integration/webhook/{id}/disable").post(webhook_disable::submit))
        .service(path("/integration/webhook/{id}/enable").get(webhook_enable::show).post(webhook_enable::submit))
        .service(path("/integration/webhook/{id}/rotate").get(webhook_rotate::show).post(webhook_rotate::submit))
        .service(path("/integration/webhook/{id}/end-old-secrets").post(webhook_rotate::end_old))
        .service(path("/integration/webhook/{id}/secret").post(webhook_secret::show))
        .service(path("/integration/webhook/{id}/delete").get(webhook_delete::show).post(webhook_delete::submit))
        .service(path("/integration/webhook-logs").get(webhook_logs::show))
        .service(path("/integration/webhook-logs/rows").get(webhook_logs_rows::show))
        .service(path("/integration/webhook-logs/export.csv").get(webhook_logs_export::download))
        .service(path("/integration/webhook-logs/resend-selected").post(webhook_logs_resend::submit))
        .service(path("/integration/bulk-resends/new").get(bulk_resend_new::show).post(bulk_resend_new::submit))
        .service(path("/integration/bulk-resends/{id}").get(bulk_resend::show))
        .service(path("/integration/bulk-resends/{id}/cancel").post(bulk_resend::cancel))
        .service(path("/integration/webhook-logs/{id}").get(webhook_log::show))
        .service(path("/integration/webhook-logs/{id}/command").get(webhook_log_command::show))
        .service(path("/integration/webhook-logs/{id}/json").get(webhook_log_json::show))
        .service(
            path("/integration/webhook-logs/{id}/delete-payload")
                .get(webhook_log_delete_payload::show)
                .post(webhook_log_delete_payload::submit),
        )
        .service(path("/integration/events/{id}").get(event::show))
        .service(path("/integration/webhook-logs/{id}/payload").get(webhook_log_payload::download))
        .service(
            path("/integration/webhook-logs/{id}/resend")
                .get(webhook_log_resend::show)
                .post(webhook_log_resend::submit),
        )
        .service(path("/integration/event-types").get(event_types::show))
        .service(path("/integration/event-types/new").get(event_type_new::show).post(event_type_new::submit))
        .service(
            path("/integration/event-types/{name}/remove").get(event_type_remove::show).post(event_type_remove::submit),
        )
        .service(path("/integration/event-types/{name}/offer").post(event_type_remove::offer))
        .service(path("/integration/event-types/{name}/schema").get(event_type_schema::download))
        .service(path("/integration/test-receiver").get(test_receiver::show))
        .service(path("/integration/test-receiver/answers").post(test_receiver::answers))
        .service(path("/integration/test-receiver/check").post(test_receiver::check))
        .service(path("/integration/test-receiver/clear").post(test_receiver::clear))
        .service(path("/integration/test-receiver/{number}/body").get(test_receiver_request::body))
        .service(path("/developers/api-keys").get(api_keys::show))
        .service(path("/developers/api-keys/new").get(api_key_new::show).post(api_key_new::submit))
        .service(path("/developers/api-keys/{id}/created").get(api_key_created::show))
        .service(path("/developers/api-keys/{id}/revoke").get(api_key_revoke::show).post(api_key_revoke::submit))
        .service(path("/developers/api").get(api_reference::show))
        .service(path("/system").get(system::show))
        .service(path("/system/pause").get(pause::show).post(pause::submit))
        .service(path("/system/resume").post(pause::resume))
        .service(path("/system/settings").get(settings::show).post(settings::submit))
        .service(path("/system/settings/configuration").get(configuration::show))
        .service(path("/system/backup").get(backup::show).post(backup::submit))
        .service(path("/system/backup/{name}").get(backup_file::download))
        .default_service(web::to(error::no_page))
        .wrap(from_fn(door::door));
    config.service(pages);
}

/// `GET /`: the first page of the navigation; the visitor is asked to sign in there.
async fn home() -> Reply {
    Ok(page::see_other(page::WEBHOOKS))
}
