//! An admin at a browser: what they press, type and see. Whatever they do waits for its effect and
//! never for a length of time.

use std::time::{Duration, Instant};

use fantoccini::{Locator, elements::Element};
use serde_json::{Value, json};

use super::driver::{Driver, Seen};
use crate::{app::TestApp, browser::Browser};

/// How long they wait for what must appear. Generous: only a test that fails gets there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser window. At the end it must have seen nothing odd: no dialog, no complaint in the
/// console, no report of the content security policy, no request to another host.
pub struct Admin<'a> {
    app: &'a TestApp,
    driver: Driver,
}

impl<'a> Admin<'a> {
    /// Somebody who has never been here. `None`, and a line that says so, where no browser can be
    /// started; under CI that fails.
    pub fn new(app: &'a TestApp) -> Option<Admin<'a>> {
        match Driver::start() {
            Ok(driver) => Some(Admin { app, driver }),
            Err(why) => {
                let words = format!("NOT TESTED: this needs Chromium and its driver. {why}");
                assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
                eprintln!("{words}");
                None
            }
        }
    }

    /// The first admin, signed in.
    pub fn signed_in(app: &'a TestApp) -> Option<Admin<'a>> {
        let admin = Admin::new(app)?;
        admin.take_session(&Browser::signed_in(app));
        Some(admin)
    }

    /// Goes on where another browser is signed in.
    pub fn take_session(&self, other: &Browser) {
        let session = other.cookie("hookstead_session").expect("it is signed in");
        let cookie = json!({
            "url": self.app.base, "name": "hookstead_session", "value": session, "httpOnly": true, "sameSite": "Lax",
        });
        self.driver.devtools("Network.setCookie", cookie);
    }

    // ── Where ──

    /// Types an address.
    #[track_caller]
    pub fn visit(&self, path: &str) {
        let url = format!("{}{path}", self.app.base);
        self.driver.run(self.driver.client().goto(&url)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The address now, without the host.
    pub fn address(&self) -> String {
        let url = self.driver.run(self.driver.client().current_url()).expect("a page has an address");
        url.as_str().trim_start_matches(&self.app.base).to_owned()
    }

    /// The page's title.
    pub fn title(&self) -> String {
        self.script("return document.title").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the address begins like this.
    #[track_caller]
    pub fn arrives_at(&self, start: &str) {
        self.until(&format!("the address {start}"), || self.address().starts_with(start));
    }

    // ── What they do ──

    /// Presses a button or follows a link that stays on the page.
    #[track_caller]
    pub fn press(&self, words: &str) {
        self.act(&button(words), words, "click", |element| self.driver.run(element.click()).map_err(drop));
    }

    /// Presses a button or follows a link, and waits for the page it leads to.
    #[track_caller]
    pub fn go(&self, words: &str) {
        self.leads_away(words, || self.press(words));
    }

    /// Does something, and waits for the page it leads to.
    #[track_caller]
    pub fn leads_away(&self, what: &str, act: impl FnOnce()) {
        self.script("window.left = false; return true");
        act();
        self.until(&format!("the page after “{what}”"), || {
            let left = "return window.left === undefined && document.readyState === 'complete'";
            self.try_script(left, Vec::new()) == Some(Value::Bool(true))
        });
    }

    /// Types into the field with this label, in place of what is there.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        self.act(&field(label), label, "fill", |element| {
            self.driver.run(element.clear()).map_err(drop)?;
            self.driver.run(element.send_keys(text)).map_err(drop)
        });
    }

    /// Ticks or unticks the box, or chooses the choice, with this label.
    #[track_caller]
    pub fn tick(&self, label: &str) {
        self.act(&field(label), label, "tick", |element| self.driver.run(element.click()).map_err(drop));
    }

    /// Chooses a line of the list with this label.
    #[track_caller]
    pub fn choose(&self, label: &str, line: &str) {
        self.act(&field(label), label, "choose", |element| {
            self.driver.run(element.select_by_label(line)).map_err(drop)
        });
    }

    /// Clicks the first visible element that this selects.
    #[track_caller]
    pub fn click(&self, css: &str) {
        self.act(&Find::Css(css.to_owned()), css, "click", |element| self.driver.run(element.click()).map_err(drop));
    }

    /// Presses keys one after the other, wherever the focus is.
    #[track_caller]
    pub fn keys(&self, keys: &str) {
        let element = self.driver.run(self.driver.client().active_element()).expect("something has the focus");
        self.driver.run(element.send_keys(keys)).unwrap_or_else(|error| panic!("keys {keys:?}: {error}"));
    }

    /// Presses Tab until what has the focus is called this. Fails when it never comes.
    #[track_caller]
    pub fn tab_to(&self, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..150 {
            // As a keyboard does it: keys sent to an element begin anew at its first part.
            for kind in ["rawKeyDown", "keyUp"] {
                let key = json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
                self.devtools("Input.dispatchKeyEvent", key);
            }
            let focused = self.focused();
            let ring = "const style = getComputedStyle(document.activeElement);
                return document.activeElement === document.body || style.outlineStyle !== 'none' && style.outlineWidth !== '0px'";
            assert_eq!(self.script(ring), true, "one does not see that “{focused}” has the focus");
            if focused == name {
                return;
            }
            passed.push(focused);
        }
        panic!("Tab never comes to “{name}”, only to {passed:?}");
    }

    /// What the thing with the focus is called: its label, or its words.
    pub fn focused(&self) -> String {
        let name = "const one = document.activeElement; if (!one || one === document.body) return '';
            const words = (text) => text.replace(/\\s+/g, ' ').trim();
            const label = one.labels && one.labels.length ? one.labels[0].textContent : '';
            return words(one.getAttribute('aria-label') || label || one.textContent || one.id)";
        self.script(name).as_str().unwrap_or_default().to_owned()
    }

    // ── What they have ──

    /// Makes the window this wide, and high enough to be looked at.
    pub fn width(&self, pixels: u32) {
        self.size(pixels, 900);
    }

    /// Makes the window this wide and high.
    pub fn size(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.driver.devtools("Emulation.setDeviceMetricsOverride", size);
    }

    /// A system in the dark theme, or in the light one.
    pub fn prefers_dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let feature = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.driver.devtools("Emulation.setEmulatedMedia", feature);
    }

    /// A browser that runs no script of any page.
    pub fn without_script(&self) {
        self.driver.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    }

    // ── What they see ──

    /// The words of the page that can be seen, with single spaces.
    pub fn text(&self) -> String {
        let seen = self.try_script("return document.body ? document.body.innerText : ''", Vec::new());
        let seen = seen.unwrap_or_default();
        seen.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The words of one part of the page, with single spaces.
    #[track_caller]
    pub fn text_of(&self, css: &str) -> String {
        let seen =
            self.run_script("const one = document.querySelector(arguments[0]); return one && one.innerText", css);
        let seen = seen.as_str().unwrap_or_else(|| panic!("there is no {css} on {}", self.address()));
        seen.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The text of one part of the page exactly, whether it can be seen or not.
    #[track_caller]
    pub fn exact_text_of(&self, css: &str) -> String {
        let text =
            self.run_script("const one = document.querySelector(arguments[0]); return one && one.textContent", css);
        text.as_str().unwrap_or_else(|| panic!("there is no {css} on {}", self.address())).to_owned()
    }

    /// How many elements this selects.
    pub fn count(&self, css: &str) -> usize {
        let count = self.run_script("return document.querySelectorAll(arguments[0]).length", css);
        usize::try_from(count.as_u64().expect("a number")).expect("a small one")
    }

    /// Waits until the page shows these words.
    #[track_caller]
    pub fn sees(&self, words: &str) {
        self.until(&format!("“{words}”"), || self.text().contains(words));
    }

    /// Loads the page again and again until it shows these words.
    #[track_caller]
    pub fn sees_after_reload(&self, words: &str) {
        self.until(&format!("“{words}” after reloading"), || {
            self.text().contains(words) || {
                let _ = self.driver.run(self.driver.client().refresh());
                false
            }
        });
    }

    /// Waits until it holds.
    #[track_caller]
    pub fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            if Instant::now() > deadline {
                panic!("waited for {what} at {}, saw: {}", self.address(), self.text());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a script of the test's own gives. It runs where pages' scripts are switched off, too.
    #[track_caller]
    pub fn script(&self, script: &str) -> Value {
        let result = self.driver.run(self.driver.client().execute(script, Vec::new()));
        result.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    #[track_caller]
    fn run_script(&self, script: &str, argument: &str) -> Value {
        let result = self.driver.run(self.driver.client().execute(script, vec![argument.into()]));
        result.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The same with arguments; it waits where the script gives a promise.
    #[track_caller]
    pub fn script_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        let result = self.driver.run(self.driver.client().execute(script, arguments));
        result.unwrap_or_else(|error| panic!("{}: {error}", &script[..script.len().min(200)]))
    }

    /// The same; `None` while one page makes room for another.
    fn try_script(&self, script: &str, arguments: Vec<Value>) -> Option<Value> {
        self.driver.run(self.driver.client().execute(script, arguments)).ok()
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    pub fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.driver.devtools(name, parameters)
    }

    /// A picture of the window, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        self.driver.run(self.driver.client().screenshot()).expect("a picture")
    }

    /// What the browser did and said so far.
    pub fn seen(&self) -> Seen {
        self.driver.seen()
    }

    /// Fails if anything odd was seen so far.
    #[track_caller]
    pub fn saw_nothing_odd(&self) {
        let seen = self.seen();
        assert!(seen.dialogs.is_empty(), "a dialog opened: {:?}", seen.dialogs);
        assert!(seen.complaints.is_empty(), "the console says {:#?}", seen.complaints);
        assert!(seen.failed.is_empty(), "not there: {:#?}", seen.failed);
        let ours = format!("{}/", self.app.base);
        let strange =
            |url: &str| !url.starts_with(&ours) && !["data:", "about:"].iter().any(|own| url.starts_with(own));
        let away: Vec<_> = seen.requests.iter().filter(|(url, _)| strange(url)).collect();
        assert!(away.is_empty(), "a page asked another host: {away:?}");
    }

    /// Does something to the first visible element, again if the page changed under it.
    #[track_caller]
    fn act(&self, find: &Find, words: &str, verb: &str, act: impl Fn(&Element) -> Result<(), ()>) {
        let mut present = false;
        self.until(&format!("“{words}” to {verb}"), || {
            let client = self.driver.client();
            let found = match find {
                Find::Css(css) => self.driver.run(client.find_all(Locator::Css(css))),
                Find::XPath(path) => self.driver.run(client.find_all(Locator::XPath(path))),
            };
            let found = found.unwrap_or_default();
            present |= !found.is_empty();
            let shown = |element: &&Element| self.driver.run(element.is_displayed()).unwrap_or(false);
            found.iter().find(shown).is_some_and(|element| act(element).is_ok())
        });
    }
}

impl Drop for Admin<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.saw_nothing_odd();
    }
}

/// How something is found.
enum Find {
    Css(String),
    XPath(String),
}

/// Buttons, links and summaries by their words or their label.
fn button(words: &str) -> Find {
    let text = quoted(words);
    let kinds = ["a", "button", "summary"];
    let paths = kinds.map(|kind| format!("//{kind}[normalize-space(.)={text} or @aria-label={text}]"));
    Find::XPath(paths.join(" | "))
}

/// Fields by the beginning of their label.
fn field(label: &str) -> Find {
    let text = quoted(label);
    let named = format!("//label[starts-with(normalize-space(.), {text})]");
    let labelled = format!("//*[@aria-label={text}][self::input or self::select or self::textarea]");
    Find::XPath(format!("//*[@id={named}/@for] | {named}//input | {labelled}"))
}

/// Text as XPath has it, which knows no escapes.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "not needed so far");
    format!("\"{text}\"")
}
