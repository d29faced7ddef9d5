//! Any text as a Request URL and as a private target. What is taken is a fixed point, has a host,
//! and where it names an address, the rule decides by that address.
#![no_main]

use hookstead::domain::{AddressRule, PrivateTarget, TargetUrl};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = PrivateTarget::parse(text);
    let Ok(url) = TargetUrl::parse(text) else { return };
    let stored = url.as_str().to_owned();
    let again = TargetUrl::parse(&stored).expect("what is stored can be read");
    assert_eq!(again.as_str(), stored);
    assert!(stored.starts_with("http://") || stored.starts_with("https://"));
    assert!(!url.host().is_empty() && url.port() != 0);
    let rule = AddressRule::strict();
    let allowed = url.check(&rule).is_ok();
    match url.address() {
        Some(address) => assert!(!allowed || rule.allows(address, url.port()), "{stored}"),
        None => assert!(!allowed || !url.host().ends_with("localhost"), "{stored}"),
    }
});
