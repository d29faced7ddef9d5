//! How the list of keys is read: one row becomes a field, its default, its rule and its place in every other list.

use super::{
    Config,
    rules::{Given, Refusal},
};

/// One key of the configuration, as the loader, `check-config` and the tests see it.
pub(super) struct Key {
    /// The key with its section, such as `sender.timeout_ms`.
    pub(super) name: &'static str,
    /// What its value may be, to be read after "allowed:".
    pub(super) allowed: fn() -> String,
    /// Puts a value that was given into the configuration, if it is allowed.
    pub(super) read: fn(&mut Config, &Given<'_>) -> Result<(), Refusal>,
    /// The value as it would stand in the file; secrets masked.
    pub(super) show: fn(&Config) -> String,
}

impl Key {
    /// The environment variable that sets this key.
    pub(super) fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The key without its section.
    pub(super) fn bare_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

/// How the name of every variable of ours begins.
pub(super) const VARIABLE_PREFIX: &str = "HOOKSTEAD_";

/// Turns the list of keys into [`Config`] with one struct per section, their defaults, and the list [`KEYS`](super::keys::KEYS).
///
/// A row is `name: Type = default, rule;` under its documentation. The rows of `top` stand at the
/// head of the file, the others in the section that they are under.
macro_rules! settings {
    (
        $(#[$config_meta:meta])*
        Config;
        top { $( $(#[$meta:meta])+ $key:ident: $Type:ty = $default:expr, $rule:expr; )+ }
        $(
            $(#[$section_meta:meta])+
            $section:ident: $Section:ident {
                $( $(#[$inner_meta:meta])+ $inner_key:ident: $InnerType:ty = $inner_default:expr, $inner_rule:expr; )+
            }
        )+
    ) => {
        $(#[$config_meta])*
        #[derive(Debug, Clone)]
        pub struct Config {
            $( $(#[$meta])+ pub $key: $Type, )+
            $( $(#[$section_meta])+ pub $section: $Section, )+
            /// What is set up by the file itself.
            pub declared: Declaration,
            /// Where each value came from, in the order of [`KEYS`].
            pub(super) sources: Vec<Source>,
            /// What is allowed and yet worth a second look.
            pub(super) warnings: Vec<String>,
        }

        $(
            $(#[$section_meta])+
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $Section {
                $( $(#[$inner_meta])+ pub $inner_key: $InnerType, )+
            }
        )+

        impl Config {
            /// The configuration when nothing is set. Its paths are relative.
            pub fn defaults() -> Config {
                Config {
                    $( $key: $default, )+
                    $( $section: $Section { $( $inner_key: $inner_default, )+ }, )+
                    declared: Declaration::default(),
                    sources: vec![Source::Default; KEYS.len()],
                    warnings: Vec::new(),
                }
            }
        }

        /// Every key, in the order in which they are documented and shown.
        pub(super) const KEYS: &[Key] = &[
            $(
                Key {
                    name: stringify!($key),
                    allowed: || Rule::<$Type>::allowed(&$rule),
                    read: |config, given| Rule::<$Type>::read(&$rule, given).map(|value| config.$key = value),
                    show: |config| config.$key.show(),
                },
            )+
            $( $(
                Key {
                    name: concat!(stringify!($section), ".", stringify!($inner_key)),
                    allowed: || Rule::<$InnerType>::allowed(&$inner_rule),
                    read: |config, given| {
                        Rule::<$InnerType>::read(&$inner_rule, given).map(|value| config.$section.$inner_key = value)
                    },
                    show: |config| config.$section.$inner_key.show(),
                },
            )+ )+
        ];

        /// The sections of the file.
        pub(super) const SECTIONS: &[&str] = &[ $( stringify!($section), )+ ];
    };
}

pub(super) use settings;
