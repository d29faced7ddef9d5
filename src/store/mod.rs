//! What is remembered.

mod face;

pub use face::{Answer, AttemptRecord, Due, Notice, Observer, Parcel, Published, QueuePage};
