//! A request as a command for a shell: curl and HTTPie for any POSIX shell, or PowerShell. Pasted,
//! it sends the same bytes. A hidden header is a variable, so that its value is not in the text.

use std::fmt::Write as _;

/// Bytes of a body that stands in the command itself; a longer one is read from a file.
const MOST_INLINE: usize = 100 * 1024;

/// A request to be written as a command.
pub struct CommandParts<'a> {
    /// How it is made, such as `POST`.
    pub method: &'a str,
    /// Where it goes.
    pub url: &'a str,
    /// Names and values; `None` is a hidden value.
    pub headers: Vec<(&'a str, Option<&'a str>)>,
    /// Its body.
    pub body: CommandBody<'a>,
}

/// The body of a request.
pub enum CommandBody<'a> {
    /// In the command.
    Inline(&'a str),
    /// In a file of this name.
    File(&'a str),
}

/// What the command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// curl, in a POSIX shell.
    Curl,
    /// HTTPie, in a POSIX shell.
    Httpie,
    /// `Invoke-WebRequest` of PowerShell.
    PowerShell,
}

impl<'a> CommandBody<'a> {
    /// The body in the command, or in the file `name` if it is long or has characters that do not
    /// survive being pasted.
    pub fn new(body: &'a [u8], name: &'a str) -> CommandBody<'a> {
        let fits = body.len() <= MOST_INLINE;
        let survives = |character: char| character == '\n' || !character.is_control();
        match std::str::from_utf8(body) {
            Ok(text) if fits && text.chars().all(survives) => CommandBody::Inline(text),
            _ => CommandBody::File(name),
        }
    }
}

impl Tool {
    /// Every tool.
    pub const ALL: [Tool; 3] = [Tool::Curl, Tool::Httpie, Tool::PowerShell];

    /// Its name in an address.
    pub fn code(self) -> &'static str {
        match self {
            Tool::Curl => "curl",
            Tool::Httpie => "httpie",
            Tool::PowerShell => "powershell",
        }
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Tool::Curl => "cURL",
            Tool::Httpie => "HTTPie",
            Tool::PowerShell => "PowerShell",
        }
    }

    /// The tool of that name.
    pub fn from_code(code: &str) -> Option<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.code() == code)
    }

    /// How a hidden value is named in the command.
    pub fn variable(self, header: &str) -> String {
        let name: String = header
            .chars()
            .map(|character| if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' })
            .collect();
        let name = if name.starts_with(|first: char| first.is_ascii_digit()) { format!("H_{name}") } else { name };
        match self {
            Tool::PowerShell => format!("$env:{name}"),
            _ => format!("${name}"),
        }
    }

    /// The command.
    pub fn command(self, parts: &CommandParts) -> String {
        match self {
            Tool::Curl => curl(parts),
            Tool::Httpie => httpie(parts),
            Tool::PowerShell => powershell(parts),
        }
    }
}

fn curl(parts: &CommandParts) -> String {
    // Brackets and braces in a URL mean themselves.
    let mut text = format!("curl --globoff --request {} {}", posix(parts.method), posix(parts.url));
    for (name, value) in &parts.headers {
        let header = match value {
            // curl takes a header without a value for one to leave out.
            Some("") => posix(&format!("{name};")),
            Some(value) => posix(&format!("{name}: {value}")),
            None => format!("\"{name}: {}\"", Tool::Curl.variable(name)),
        };
        write!(text, " \\\n  --header {header}").expect("writing to a string does not fail");
    }
    text + &match parts.body {
        CommandBody::Inline("") => String::new(),
        // Of `--data-binary` an @ in front would be read as the name of a file.
        CommandBody::Inline(body) => format!(" \\\n  --data-raw {}", posix(body)),
        CommandBody::File(name) => format!(" \\\n  --data-binary @{name}"),
    }
}

fn httpie(parts: &CommandParts) -> String {
    let mut text = String::from("http");
    if let CommandBody::Inline(body) = parts.body {
        write!(text, " --ignore-stdin --raw {}", posix(body)).expect("writing to a string does not fail");
    }
    write!(text, " \\\n  {} {}", posix(parts.method), posix(parts.url)).expect("writing to a string does not fail");
    for (name, value) in &parts.headers {
        let header = match value {
            Some("") => posix(&format!("{name};")),
            Some(value) => posix(&format!("{name}:{value}")),
            None => format!("\"{name}:{}\"", Tool::Httpie.variable(name)),
        };
        write!(text, " \\\n  {header}").expect("writing to a string does not fail");
    }
    match parts.body {
        CommandBody::Inline(_) => text,
        CommandBody::File(name) => format!("{text} \\\n  < {name}"),
    }
}

fn powershell(parts: &CommandParts) -> String {
    let mut headers = String::new();
    let (mut agent, mut media_type) = (String::new(), String::new());
    for (name, value) in &parts.headers {
        let value = match value {
            Some(value) => quoted(value),
            None => Tool::PowerShell.variable(name),
        };
        match *name {
            // These two are parameters of their own there.
            "user-agent" => agent = format!(" -UserAgent {value}"),
            "content-type" => media_type = format!(" -ContentType {value}"),
            _ => writeln!(headers, "  {} = {value}", quoted(name)).expect("writing to a string does not fail"),
        }
    }
    let body = match parts.body {
        // Text would be sent in another alphabet by older versions.
        CommandBody::Inline(body) => format!("-Body ([Text.Encoding]::UTF8.GetBytes({}))", quoted(body)),
        CommandBody::File(name) => format!("-InFile {name}"),
    };
    format!(
        "Invoke-WebRequest -Method {} -Uri {}{agent}{media_type} -Headers @{{\n{headers}}} {body}",
        quoted(parts.method),
        quoted(parts.url)
    )
}

/// A word of a POSIX shell that means these characters and nothing else.
fn posix(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A string of PowerShell, which takes typographic quotation marks for its own.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        if matches!(character, '\'' | '\u{2018}'..='\u{201B}') {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(body: &'a [u8]) -> CommandParts<'a> {
        CommandParts {
            method: "POST",
            url: "https://hooks.example.com/in?a=[1]&b='",
            headers: vec![("content-type", Some("application/json")), ("x-api-key", None), ("x-empty", Some(""))],
            body: CommandBody::new(body, "log_1.json"),
        }
    }

    #[test]
    fn a_command_means_what_it_says_and_hides_what_is_hidden() {
        let parts = parts(br#"{"it's":"$HOME `id` \n"}"#);
        assert_eq!(
            Tool::Curl.command(&parts),
            r#"curl --globoff --request 'POST' 'https://hooks.example.com/in?a=[1]&b='\''' \
  --header 'content-type: application/json' \
  --header "x-api-key: $X_API_KEY" \
  --header 'x-empty;' \
  --data-raw '{"it'\''s":"$HOME `id` \n"}'"#
        );
        assert_eq!(
            Tool::Httpie.command(&parts),
            r#"http --ignore-stdin --raw '{"it'\''s":"$HOME `id` \n"}' \
  'POST' 'https://hooks.example.com/in?a=[1]&b='\''' \
  'content-type:application/json' \
  "x-api-key:$X_API_KEY" \
  'x-empty;'"#
        );
        assert_eq!(
            Tool::PowerShell.command(&parts),
            "Invoke-WebRequest -Method 'POST' -Uri 'https://hooks.example.com/in?a=[1]&b=''' \
             -ContentType 'application/json' -Headers @{\n  'x-api-key' = $env:X_API_KEY\n  'x-empty' = ''\n} \
             -Body ([Text.Encoding]::UTF8.GetBytes('{\"it''s\":\"$HOME `id` \\n\"}'))"
        );
        assert_eq!(quoted("it’s"), "'it’’s'");
        assert_eq!(Tool::Curl.variable("2nd-Key"), "$H_2ND_KEY");
        for tool in Tool::ALL {
            assert_eq!(Tool::from_code(tool.code()), Some(tool));
        }
    }

    #[test]
    fn a_body_that_is_long_or_would_not_survive_is_a_file() {
        let long = vec![b' '; MOST_INLINE + 1];
        for body in [&long[..], b"{\r\n}", b"{\t}", "\u{85}".as_bytes(), b"\xFF"] {
            assert!(Tool::Curl.command(&parts(body)).ends_with("--data-binary @log_1.json"));
            assert!(Tool::Httpie.command(&parts(body)).ends_with("< log_1.json"));
            assert!(Tool::PowerShell.command(&parts(body)).ends_with("-InFile log_1.json"));
        }
        assert!(matches!(CommandBody::new("{\n\"ä\u{202E}\"}".as_bytes(), ""), CommandBody::Inline(_)));
    }
}
