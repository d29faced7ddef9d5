//! The walker takes any bytes. Of JSON it loses nothing but white space, and agrees with serde
//! about how deep it is and which keys are there twice.
#![no_main]

use hookstead::domain::raw_json::{check_depth, format_lines, tokens, top_level_duplicate};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|raw: &[u8]| {
    // Whatever it is, the walk ends, and no token is empty.
    let count = tokens(raw).count();
    assert!(count <= raw.len());
    let lines = format_lines(raw);
    let duplicate = top_level_duplicate(raw);
    let depth = (0..=64).find(|limit| check_depth(raw, *limit).is_ok());
    if serde_json::from_slice::<&RawValue>(raw).is_err() {
        return;
    }
    let shown: Vec<u8> = lines.iter().flat_map(|line| &line.parts).flat_map(|part| part.text.bytes()).collect();
    assert_eq!(without_space(&shown), without_space(raw), "a token was changed");
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(raw) {
        assert_eq!(depth, Some(nesting(&value)).filter(|depth| *depth <= 64).or(depth), "depth");
        if let Some(members) = value.as_object() {
            let keys = serde_json::from_slice::<Keys>(raw).expect("it is an object").0;
            assert_eq!(duplicate.is_some(), keys > members.len(), "keys that are there twice");
        }
    }
});

/// How many members an object has, the repeated ones too.
struct Keys(usize);

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        impl<'de> serde::de::Visitor<'de> for Count {
            type Value = Keys;
            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut count = 0;
                while map.next_entry::<String, serde::de::IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Keys(count))
            }
        }
        deserializer.deserialize_map(Count)
    }
}

/// White space outside of strings taken away.
fn without_space(raw: &[u8]) -> Vec<u8> {
    let (mut inside, mut escaped) = (false, false);
    let kept = raw.iter().copied().filter(|byte| {
        if inside {
            inside = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return true;
        }
        inside = *byte == b'"';
        !byte.is_ascii_whitespace()
    });
    kept.collect()
}

fn nesting(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(nesting).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(nesting).max().unwrap_or(0),
        _ => 0,
    }
}
