//! The integration tests, one binary. [`app`] starts the whole server in this process, [`process`]
//! the real program, [`receiver`] a scripted receiver, [`browser`] an admin without a script, [`disk`]
//! a disk that fails. Which fault is injected where stands in `tests/README.md`.

mod api_access;
mod api_bad_input;
mod api_event_types;
mod api_events;
mod api_logs;
mod api_webhooks;
mod api_wire;
mod app;
mod backup;
mod bench;
mod browser;
mod certificates;
mod command_line;
mod console;
mod disk;
mod docs_disaster_recovery;
mod faults;
mod kill;
mod limits;
mod main_job;
mod ordering;
mod pages_access;
mod pages_backup;
mod pages_event_types;
mod pages_system;
mod pages_test_receiver;
mod pages_webhook_detail;
mod pages_webhook_form;
mod pages_webhook_list;
mod pages_webhook_log;
mod pages_webhook_logs;
mod pages_webhook_verify;
mod pages_webhooks;
mod process;
mod receiver;
mod retention;
mod self_healing;
mod simulation;
mod static_binary;
mod store_faults;
mod transport;
mod verify_snippets;
