//! The integration tests, one binary. [`app`] starts the whole server in this process, [`process`]
//! the real program, [`receiver`] a scripted receiver.

mod app;
mod certificates;
mod command_line;
mod kill;
mod main_job;
mod process;
mod receiver;
mod simulation;
mod static_binary;
mod transport;
