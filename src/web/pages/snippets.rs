//! The functions that verify a signature, one for each language. They are files under
//! `templates/verify`, which the tests run in their own languages.

use askama::{Template, filters::HtmlSafe};

use super::page::WEBHOOKS;

macro_rules! language {
    ($code:literal, $name:literal, $file:literal) => {
        Language {
            code: $code,
            name: $name,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/verify/", $file)),
        }
    };
}

/// A language and its function.
struct Language {
    code: &'static str,
    name: &'static str,
    text: &'static str,
}

static LANGUAGES: [Language; 9] = [
    language!("node", "Node", "node.js"),
    language!("python", "Python", "python.py"),
    language!("php", "PHP", "php.php"),
    language!("ruby", "Ruby", "ruby.rb"),
    language!("go", "Go", "go.go"),
    language!("java", "Java", "java.java"),
    language!("csharp", "C#", "csharp.cs"),
    language!("rust", "Rust", "rust.rs"),
    language!("bash", "bash", "bash.sh"),
];

/// The function of one language, and links to the others.
#[derive(Template)]
#[template(path = "parts/snippets.html")]
pub struct Snippets {
    tabs: Vec<Tab>,
    text: &'static str,
}

struct Tab {
    name: &'static str,
    href: String,
    is_shown: bool,
}

impl Snippets {
    /// The function in the language of that code, or in the first one; for the webhook `id`.
    pub fn of(id: &str, code: &str) -> Snippets {
        let shown = LANGUAGES.iter().find(|language| language.code == code).unwrap_or(&LANGUAGES[0]);
        let tabs = LANGUAGES.iter().map(|language| Tab {
            name: language.name,
            href: format!("{WEBHOOKS}/{id}/verify?language={}#function", language.code),
            is_shown: language.code == shown.code,
        });
        Snippets { tabs: tabs.collect(), text: shown.text.trim_end() }
    }
}

impl HtmlSafe for Snippets {}
