//! The reader of the API's JSON objects: any bytes are an object with its members as they were
//! sent, or a fault; never a panic, and never another payload.
#![no_main]

use hookstead::{
    domain::{EventType, ExternalId, check_depth},
    web::json::{Object, any, parsed, text},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(mut object) = Object::from_body(body) else { return };
    let event_type = object.required("type", parsed(|text| EventType::parse(text)));
    let id = object.optional("id", parsed(|text| ExternalId::parse(text)));
    let account = object.optional("account", text);
    let data = object.required("data", any);
    if let Some(data) = &data {
        let raw = data.get().as_bytes();
        assert!(body.windows(raw.len()).any(|part| part == raw), "the payload is a part of what was sent");
        let _ = check_depth(raw, 64);
    }
    let all = event_type.is_some() && data.is_some();
    let read = object.read(|_| all.then_some(()));
    if read.is_ok() {
        assert!(serde_json::from_slice::<serde_json::Value>(body).is_ok() || data.is_some());
    }
    drop((id, account));
});
