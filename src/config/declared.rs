//! `[[webhook]]`, `[[event_type]]` and `[[api_key]]`: what is set up by the file itself.
//!
//! Secrets and keys never stand in the file, which people copy and commit: it names files that hold
//! them, or the hash of a key.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{
    Config, file,
    problem::ConfigProblems,
    rules::{ExistingFile, Flag, Given, Refusal, Rule, list, parsed, target_url, whole},
    suggest,
    value::Value,
};
use crate::domain::{
    AccountId, AddressRule, CustomHeader, CustomHeaders, Declaration, DeclaredApiKey, DeclaredEventType,
    DeclaredWebhook, EventType, Fault, PrivateTarget, RetrySchedule, Scope, Secret, Selection, Webhook,
};

/// The lists of the file.
pub(super) const LISTS: [&str; 3] = ["webhook", "event_type", "api_key"];

/// Most items that the lists have together.
const MOST_ITEMS: usize = 10_000;
/// Longest line in a file that holds a Secret, a key or a header's value, in bytes.
const LONGEST_VALUE: u64 = 64 << 10;
/// How an API key begins, and how many characters follow at least, so that it cannot be guessed.
const KEY_PREFIX: &str = "hsk_";
const KEY_CHARS: usize = 32;

/// One item of a list, as it stands in the file.
pub(super) struct Item {
    pub(super) list: &'static str,
    pub(super) line: usize,
    pub(super) fields: Vec<Field>,
}

/// One key of an item.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

/// Reads the items of the file called `file`, whose folder relative paths are counted from.
pub(super) fn read(items: &[Item], file: &str, folder: &Path, problems: &mut ConfigProblems) -> Declaration {
    let mut declaration = Declaration::default();
    if items.len() > MOST_ITEMS {
        problems.push(file, format!("has {} items in its lists; allowed: at most {MOST_ITEMS}", items.len()));
        return declaration;
    }
    let mut names = std::collections::HashSet::new();
    for item in items {
        let mut reader = Reader { item, file, folder, problems, known: Vec::new(), is_right: true };
        let name = match item.list {
            "webhook" => webhook(&mut reader).map(|found| {
                let name = found.name.clone();
                declaration.webhooks.push(found);
                name
            }),
            "event_type" => event_type(&mut reader).map(|found| {
                let name = found.name.to_string();
                declaration.event_types.push(found);
                name
            }),
            _ => api_key(&mut reader).map(|found| {
                let name = found.name.clone();
                declaration.api_keys.push(found);
                name
            }),
        };
        reader.name_unknown_keys();
        if let Some(name) = name
            && !names.insert((item.list, name.clone()))
        {
            let message = format!("[[{}]] {name} is there twice; allowed: each name once", item.list);
            problems.push(format!("{file}:{}", item.line), message);
        }
    }
    declaration
}

/// Adds webhooks that lead where the rule for addresses does not allow it.
pub(super) fn check(config: &Config, problems: &mut ConfigProblems) {
    if problems.concern(&["allowed_private_targets", "sender.require_https"]) {
        return;
    }
    let allowed = config.allowed_private_targets.iter().filter_map(|text| PrivateTarget::parse(text).ok());
    let rule = AddressRule::with_exceptions(allowed.collect());
    for webhook in &config.declared.webhooks {
        let faults = webhook.request_url.check(&rule).err().into_iter();
        let plain = config.sender.require_https && !webhook.request_url.is_https();
        let plain = plain.then(|| Fault::new("url_not_https", "sender.require_https is set"));
        for fault in faults.chain(plain) {
            let why = fault.message.trim_end_matches('.');
            let message = format!(
                "webhook.request_url: {why}; allowed: a public address, or one that allowed_private_targets names"
            );
            problems.push(&webhook.place, message);
        }
    }
}

fn webhook(reader: &mut Reader<'_>) -> Option<DeclaredWebhook> {
    let name = reader.required("name", name());
    let request_url = reader.required("request_url", target_url());
    let selection = reader.required("events", Events);
    let secret = reader.optional("secret_file", InFile { what: "a Secret", parse: secret });
    let shown = reader.optional("headers", Headers { hidden: false });
    let hidden = reader.optional("secret_headers", Headers { hidden: true });
    let account = reader.optional("account", account());
    let description = reader.optional(
        "description",
        parsed("one line of at most 200 characters", |text| {
            Webhook::check_description(text).map(|()| text.to_owned()).map_err(said)
        }),
    );
    let enabled = reader.optional("enabled", Flag);
    let range = |range: std::ops::RangeInclusive<u32>| whole((*range.start()).into()..=(*range.end()).into());
    let timeout_ms = reader.optional("timeout_ms", range(Webhook::TIMEOUT_MS));
    let max_in_flight = reader.optional("max_in_flight", whole(1..=64));
    let rate_per_second = reader.optional("rate_per_second", range(Webhook::RATE_PER_SECOND));
    let retry_schedule = reader.optional("retry_schedule_s", Schedule);
    let ordered = reader.optional("ordered", Flag);
    let headers = shown.into_iter().chain(hidden).flatten().collect();
    let headers = CustomHeaders::parse(headers).map_err(|faults| reader.wrong("headers", &faults));
    Some(DeclaredWebhook {
        name: name?,
        place: reader.place(),
        account: account.unwrap_or_default(),
        request_url: request_url?,
        selection: selection?,
        secret,
        headers: headers.ok()?,
        description: description.unwrap_or_default(),
        enabled: enabled.unwrap_or(true),
        timeout_ms,
        max_in_flight,
        rate_per_second,
        retry_schedule,
        ordered: ordered.unwrap_or(false),
    })
}

fn event_type(reader: &mut Reader<'_>) -> Option<DeclaredEventType> {
    let rule = parsed("an event type such as invoice.paid", |text| EventType::parse_for_definition(text).map_err(said));
    let name = reader.required("name", rule);
    let label = reader.required("label", line("one line of 1 to 80 characters", 1..=80));
    let category = reader.required("category", line("one line of 1 to 80 characters", 1..=80));
    let description = reader.optional("description", line("one line of at most 500 characters", 0..=500));
    let example = reader.optional("example", json());
    let schema = reader.optional("schema", json());
    Some(DeclaredEventType {
        name: name?,
        place: reader.place(),
        label: label?,
        category: category?,
        description: description.unwrap_or_default(),
        example,
        schema,
    })
}

fn api_key(reader: &mut Reader<'_>) -> Option<DeclaredApiKey> {
    let name = reader.required("name", line("one line of 1 to 80 characters", 1..=80));
    let scopes = reader.required("scopes", Scopes);
    let account = reader.optional("account", account());
    let in_file = reader.optional("key_file", InFile { what: "an API key", parse: key });
    let hash =
        reader.optional("key_sha256", parsed("64 hexadecimal digits", |text| hash(text).ok_or_else(String::new)));
    let (hash, last_four) = match (in_file, hash) {
        (Some(key), None) => {
            let last_four = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
            (Sha256::digest(key.as_bytes()).into(), last_four)
        }
        (None, Some(hash)) => (hash, String::new()),
        (None, None) if !reader.is_right => return None,
        _ => {
            reader.problem(reader.item.line, "needs key_file or key_sha256; allowed: one of the two".to_owned());
            return None;
        }
    };
    Some(DeclaredApiKey { name: name?, place: reader.place(), hash, last_four, scopes: scopes?, account })
}

/// Reads the keys of one item and says what is wrong with them.
struct Reader<'a> {
    item: &'a Item,
    file: &'a str,
    folder: &'a Path,
    problems: &'a mut ConfigProblems,
    known: Vec<&'static str>,
    is_right: bool,
}

impl Reader<'_> {
    fn optional<T>(&mut self, key: &'static str, rule: impl Rule<T>) -> Option<T> {
        self.known.push(key);
        let field = self.item.fields.iter().find(|field| field.name == key)?;
        match rule.read(&Given { value: &field.value, folder: self.folder }) {
            Ok(value) => Some(value),
            Err(refusal) => {
                let why = if refusal.why.is_empty() { String::new() } else { format!(": {}", refusal.why) };
                self.problem(field.line, format!("{key} is {}{why}; allowed: {}", refusal.told, rule.allowed()));
                None
            }
        }
    }

    fn required<T>(&mut self, key: &'static str, rule: impl Rule<T>) -> Option<T> {
        if !self.item.fields.iter().any(|field| field.name == key) {
            self.known.push(key);
            self.problem(self.item.line, format!("has no {key}; allowed: {}", rule.allowed()));
            return None;
        }
        self.optional(key, rule)
    }

    fn wrong(&mut self, key: &str, faults: &[Fault]) {
        let line = self.item.fields.iter().find(|field| field.name == key).map_or(self.item.line, |field| field.line);
        for fault in faults {
            self.problem(line, format!("{key}: {}", fault.message.trim_end_matches('.')));
        }
    }

    fn problem(&mut self, line: usize, message: String) {
        self.is_right = false;
        self.problems.push(format!("{}:{line}", self.file), format!("[[{}]] {message}", self.item.list));
    }

    fn name_unknown_keys(mut self) {
        for field in &self.item.fields {
            if self.known.contains(&field.name.as_str()) {
                continue;
            }
            let hint = match suggest::nearest_of(&self.known, &field.name) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("allowed: {}", self.known.join(", ")),
            };
            self.problem(field.line, format!("has an unknown key {}; {hint}", suggest::plain(&field.name)));
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.file, self.item.line)
    }
}

fn name() -> impl Rule<String> {
    parsed("1 to 64 characters of a-z, 0-9, - and _, which stay the same", |text| {
        let right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        match (1..=64).contains(&text.len()) && text.bytes().all(right) {
            true => Ok(text.to_owned()),
            false => Err(String::new()),
        }
    })
}

fn account() -> impl Rule<AccountId> {
    parsed("the name of an account", |text| AccountId::parse(text).map_err(said))
}

fn json() -> impl Rule<String> {
    parsed("JSON as text, best in three single quotes", |text| {
        let read: Result<serde::de::IgnoredAny, _> = serde_json::from_str(text);
        read.map(|_| text.trim().to_owned()).map_err(|error| error.to_string())
    })
}

fn line(allowed: &'static str, characters: std::ops::RangeInclusive<usize>) -> Line {
    Line { allowed, characters }
}

/// One line of text.
struct Line {
    allowed: &'static str,
    characters: std::ops::RangeInclusive<usize>,
}

impl Rule<String> for Line {
    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<String, Refusal> {
        let text = given.value.text().map(str::trim).ok_or_else(|| given.refused(""))?;
        match self.characters.contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            true => Ok(text.to_owned()),
            false => Err(given.refused("")),
        }
    }
}

/// Which events.
struct Events;

impl Rule<Selection> for Events {
    fn allowed(&self) -> String {
        "a list of event types, groups such as \"ticket.*\", or \"*\"".to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<Selection, Refusal> {
        let text = parsed("text", |text| Ok(text.to_owned()));
        let patterns: Vec<String> = list(0..=usize::MAX, text).read(given)?;
        Selection::parse(&patterns)
            .map_err(|faults| given.refused(faults.into_iter().map(said).collect::<Vec<_>>().join(", ")))
    }
}

/// Delays between attempts.
struct Schedule;

impl Rule<RetrySchedule> for Schedule {
    fn allowed(&self) -> String {
        Rule::<Vec<u32>>::allowed(&list(0..=30, whole(1..=604_800)))
    }

    fn read(&self, given: &Given<'_>) -> Result<RetrySchedule, Refusal> {
        let delays: Vec<u64> = list(0..=30, whole(1..=604_800)).read(given)?;
        RetrySchedule::from_seconds(&delays).map_err(|fault| given.refused(said(fault)))
    }
}

/// What a key may do.
struct Scopes;

impl Rule<Vec<Scope>> for Scopes {
    fn allowed(&self) -> String {
        let codes: Vec<_> = Scope::ALL.iter().map(|scope| format!("{:?}", scope.code())).collect();
        format!("a list with \"all\" or some of {}", codes.join(", "))
    }

    fn read(&self, given: &Given<'_>) -> Result<Vec<Scope>, Refusal> {
        let names = given.value.list().filter(|names| !names.is_empty()).ok_or_else(|| given.refused(""))?;
        let mut scopes = Vec::new();
        for name in &names {
            match name.text() {
                Some("all") => return Ok(Scope::ALL.to_vec()),
                name => {
                    scopes.push(name.and_then(Scope::from_code).ok_or_else(|| given.refused("there is no such scope"))?)
                }
            }
        }
        scopes.dedup();
        Ok(scopes)
    }
}

/// Headers by their names. Hidden ones stand in files.
struct Headers {
    hidden: bool,
}

impl Rule<Vec<CustomHeader>> for Headers {
    fn allowed(&self) -> String {
        match self.hidden {
            true => "a table such as { Authorization = \"/run/secrets/token\" }, of files with the values".to_owned(),
            false => "a table such as { X-Team = \"crm\" }".to_owned(),
        }
    }

    fn read(&self, given: &Given<'_>) -> Result<Vec<CustomHeader>, Refusal> {
        let Value::Table(fields) = given.value else { return Err(given.refused("")) };
        let mut headers = Vec::new();
        for (name, value) in fields {
            let value = match self.hidden {
                true => InFile { what: "a value", parse: |text| Ok(text.to_owned()) }
                    .read(&Given { value, folder: given.folder })
                    .map_err(|refusal| given.refused(format!("{}: {}", refusal.told, refusal.why)))?,
                false => value.text().ok_or_else(|| given.refused(""))?.to_owned(),
            };
            headers.push(CustomHeader { name: name.clone(), value, hidden: self.hidden });
        }
        Ok(headers)
    }
}

/// What stands on the first line of a file. It is never repeated.
struct InFile<T> {
    what: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Rule<T> for InFile<T> {
    fn allowed(&self) -> String {
        format!("the path of a file that holds {} on its first line", self.what)
    }

    fn read(&self, given: &Given<'_>) -> Result<T, Refusal> {
        let path = ExistingFile.read(given)?;
        let bytes = file::read(&path, LONGEST_VALUE).map_err(|why| given.refused(why))?.bytes;
        let text = String::from_utf8(bytes).map_err(|_| given.refused("that is not text"))?;
        (self.parse)(text.lines().next().unwrap_or_default()).map_err(|why| given.refused(why))
    }
}

fn secret(text: &str) -> Result<Secret, String> {
    Secret::parse(text).map_err(said)
}

fn key(text: &str) -> Result<String, String> {
    let random = text.trim().strip_prefix(KEY_PREFIX).unwrap_or_default();
    let right = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    match random.len() >= KEY_CHARS && random.len() <= 200 && random.chars().all(right) {
        true => Ok(text.trim().to_owned()),
        false => {
            Err(format!("a key is {KEY_PREFIX} and at least {KEY_CHARS} random characters of A-Z, a-z, 0-9, - and _"))
        }
    }
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * position..2 * position + 2], 16).ok()?;
    }
    Some(bytes)
}

fn said(fault: Fault) -> String {
    fault.message.trim_end_matches('.').to_owned()
}
