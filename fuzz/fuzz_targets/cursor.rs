//! What is no cursor of a list is refused; what is one comes back as the text it was.
#![no_main]

use hookstead::{
    domain::{DeliveryId, EventId},
    web::cursor::{decode, encode},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let logs = decode::<DeliveryId>(text);
    let events = decode::<EventId>(text);
    assert!(logs.is_err() || events.is_err(), "a cursor of two lists");
    if let Ok(cursor) = logs {
        assert_eq!(encode(cursor), text);
    }
    if let Ok(cursor) = events {
        assert_eq!(encode(cursor), text);
    }
    // Every number has its cursor.
    let mut bytes = [0; 16];
    text.bytes().zip(&mut bytes).for_each(|(from, to)| *to = from);
    let cursor = hookstead::domain::Cursor::OlderThan(EventId(u128::from_be_bytes(bytes)));
    assert_eq!(decode::<EventId>(&encode(cursor)), Ok(cursor));
});
