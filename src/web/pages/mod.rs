//! The pages, for people with a browser. Everything works with links and forms alone; the script
//! adds comfort. One page is one file here and one template of the same name.
//!
//! A page is answered in four steps: [`visitor`] says who looks, [`form`] what was sent and that it
//! came from a page of ours, the page's own file asks the service and prepares every word, and the
//! template sets them. Templates escape all they are given; text from outside goes through
//! [`text`] first, so that nothing invisible stays so.

mod account;
mod account_password;
mod api_key_created;
mod api_key_new;
mod api_key_revoke;
mod api_keys;
mod api_reference;
mod as_command;
mod audit;
mod bulk_resend;
mod bulk_resend_new;
mod chart;
mod configuration;
mod cookies;
mod delete_payloads;
mod door;
mod error;
mod event;
mod event_type_new;
mod event_type_privacy;
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
mod qr;
mod recovery_codes;
mod retry_text;
mod second_factor;
mod sessions;
mod settings;
mod setup;
mod sign_in;
mod sign_in_code;
mod sign_out;
mod snippets;
mod system;
mod test_receiver;
mod test_receiver_request;
mod test_result;
mod text;
mod theme;
mod user;
mod user_delete;
mod user_new;
mod users;
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
    routing::{Path, path},
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
    let pages = page_paths().into_iter().fold(web::scope(""), |pages, path| pages.service(path));
    config.service(pages.default_service(web::to(error::no_page)).wrap(from_fn(door::door)));
}

/// The paths of the pages.
pub fn page_paths() -> Vec<Path> {
    vec![
        path("/").get(home),
        path("/assets/{file}").get(assets::show),
        path("/setup").get(setup::show).post(setup::submit),
        path("/sign-in").get(sign_in::show).post(sign_in::submit),
        path("/sign-in/code").get(sign_in_code::show).post(sign_in_code::submit),
        path("/sign-out").for_oneself().post(sign_out::submit),
        path("/integration/webhook").get(webhooks::show),
        path("/integration/webhook/new").for_admins().get(webhook_new::show).post(webhook_new::submit),
        path("/integration/webhook/{id}").get(webhook::show),
        path("/integration/webhook/{id}/edit").for_admins().get(webhook_edit::show).post(webhook_edit::submit),
        path("/integration/webhook/{id}/test").for_admins().get(webhook_test::show).post(webhook_test::submit),
        path("/integration/webhook/{id}/verify").for_questions().get(webhook_verify::show).post(webhook_verify::check),
        path("/integration/webhook/{id}/settings").get(webhook_settings::show),
        path("/integration/webhook/{id}/export").get(webhook_export::download),
        path("/integration/webhook/{id}/try-now").post(webhook_try_now::submit),
        path("/integration/webhook/{id}/disable").post(webhook_disable::submit),
        path("/integration/webhook/{id}/enable").for_admins().get(webhook_enable::show).post(webhook_enable::submit),
        path("/integration/webhook/{id}/rotate").for_admins().get(webhook_rotate::show).post(webhook_rotate::submit),
        path("/integration/webhook/{id}/end-old-secrets").post(webhook_rotate::end_old),
        path("/integration/webhook/{id}/secret").post(webhook_secret::show),
        path("/integration/webhook/{id}/delete").for_admins().get(webhook_delete::show).post(webhook_delete::submit),
        path("/integration/webhook-logs").get(webhook_logs::show),
        path("/integration/webhook-logs/rows").get(webhook_logs_rows::show),
        path("/integration/webhook-logs/export.csv").get(webhook_logs_export::download),
        path("/integration/webhook-logs/resend-selected").post(webhook_logs_resend::submit),
        path("/integration/bulk-resends/new").for_admins().get(bulk_resend_new::show).post(bulk_resend_new::submit),
        path("/integration/bulk-resends/{id}").get(bulk_resend::show),
        path("/integration/bulk-resends/{id}/cancel").post(bulk_resend::cancel),
        path("/integration/webhook-logs/{id}").get(webhook_log::show),
        path("/integration/webhook-logs/{id}/command").for_admins().get(webhook_log_command::show),
        path("/integration/webhook-logs/{id}/json").get(webhook_log_json::show),
        path("/integration/webhook-logs/{id}/delete-payload")
            .for_admins()
            .get(webhook_log_delete_payload::show)
            .post(webhook_log_delete_payload::submit),
        path("/integration/events/{id}").get(event::show),
        path("/integration/webhook-logs/{id}/payload").get(webhook_log_payload::download),
        path("/integration/webhook-logs/{id}/resend")
            .for_admins()
            .get(webhook_log_resend::show)
            .post(webhook_log_resend::submit),
        path("/integration/event-types").get(event_types::show),
        path("/integration/event-types/new").for_admins().get(event_type_new::show).post(event_type_new::submit),
        path("/integration/event-types/{name}/remove")
            .for_admins()
            .get(event_type_remove::show)
            .post(event_type_remove::submit),
        path("/integration/event-types/{name}/offer").post(event_type_remove::offer),
        path("/integration/event-types/{name}/schema").get(event_type_schema::download),
        path("/integration/event-types/{name}/privacy")
            .for_admins()
            .get(event_type_privacy::show)
            .post(event_type_privacy::submit),
        path("/integration/test-receiver").get(test_receiver::show),
        path("/integration/test-receiver/answers").post(test_receiver::answers),
        path("/integration/test-receiver/check").post(test_receiver::check),
        path("/integration/test-receiver/clear").post(test_receiver::clear),
        path("/integration/test-receiver/{number}/body").get(test_receiver_request::body),
        path("/developers/api-keys").for_admins().get(api_keys::show),
        path("/developers/api-keys/new").for_admins().get(api_key_new::show).post(api_key_new::submit),
        path("/developers/api-keys/{id}/created").for_admins().get(api_key_created::show),
        path("/developers/api-keys/{id}/revoke").for_admins().get(api_key_revoke::show).post(api_key_revoke::submit),
        path("/developers/api").get(api_reference::show),
        path("/system").get(system::show),
        path("/system/pause").for_admins().get(pause::show).post(pause::submit),
        path("/system/resume").post(pause::resume),
        path("/system/settings").for_oneself().get(settings::show).post(settings::submit),
        path("/system/delete-payloads").for_admins().get(delete_payloads::show).post(delete_payloads::submit),
        path("/system/settings/configuration").for_admins().get(configuration::show),
        path("/system/users").for_admins().get(users::show),
        path("/system/users/new").for_admins().get(user_new::show).post(user_new::submit),
        path("/system/users/{id}").for_admins().get(user::show),
        path("/system/users/{id}/role").for_admins().post(user::change_role),
        path("/system/users/{id}/password").for_admins().post(user::reset_password),
        path("/system/users/{id}/sign-out").for_admins().post(user::sign_out),
        path("/system/users/{id}/sessions/{session}/end").for_admins().post(user::end_session),
        path("/system/users/{id}/reset-second-factor").for_admins().post(user::reset_second_factor),
        path("/system/users/{id}/delete").for_admins().get(user_delete::show).post(user_delete::submit),
        path("/system/audit").for_admins().get(audit::show),
        path("/account").for_oneself().get(account::show),
        path("/account/password").for_oneself().get(account_password::show).post(account_password::submit),
        path("/account/sign-out-elsewhere").for_oneself().post(account::sign_out_elsewhere),
        path("/account/sessions/{session}/end").for_oneself().post(account::end_session),
        path("/account/second-factor").for_oneself().get(second_factor::show).post(second_factor::enrol),
        path("/account/second-factor/remove").for_oneself().post(second_factor::remove),
        path("/account/recovery-codes").for_oneself().get(recovery_codes::show),
    ]
}

/// `GET /`: the first page of the navigation; the visitor is asked to sign in there.
async fn home() -> Reply {
    Ok(page::see_other(page::WEBHOOKS))
}
