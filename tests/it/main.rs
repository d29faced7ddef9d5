//! The integration tests, one binary.

mod certificates;
mod receiver;
mod transport;
