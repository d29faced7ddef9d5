//! What goes out: which delivery is sent when, the exact request, and the way to the receiver.

pub mod engine;
