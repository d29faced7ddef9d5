//! The pages in a real browser: Debian's Chromium, headless, driven by WebDriver. [`admin`] is
//! somebody who uses it, [`driver`] starts and ends it. What holds without a browser is tested by
//! `pages_*`; here is what only a browser can tell: what can be seen, reached by keyboard, read by
//! a screen reader, and what a hostile text sets off.
//!
//! Tests named `detail_…` are the 25 details of a professional console, one each.

mod admin;
mod axe;
mod driver;
mod form;
mod gallery;
mod hostile;
mod keyboard;
mod live;
mod logs;
mod look;
mod plain;
mod webhooks;
mod world;

pub use world::World;
