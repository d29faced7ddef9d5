//! A value as it would stand in the file, with secrets masked.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use url::Url;

use super::{
    rules::Word,
    secret::{MASK, Password, ProxyUrl},
};
use crate::domain::{AfterRecovery, Secret, TargetUrl};

/// A type that a key can have.
pub(super) trait Show {
    /// The value in the notation of the file.
    fn show(&self) -> String;
}

macro_rules! show_as_written {
    ($($Type:ty),+) => { $( impl Show for $Type {
        fn show(&self) -> String {
            self.to_string()
        }
    } )+ };
}

macro_rules! show_in_quotation_marks {
    ($($Type:ty),+) => { $( impl Show for $Type {
        fn show(&self) -> String {
            toml::Value::String(self.to_string()).to_string()
        }
    } )+ };
}

show_as_written!(bool, u32, u64, usize);
show_in_quotation_marks!(String, SocketAddr, IpNet, Url);

impl Show for PathBuf {
    fn show(&self) -> String {
        self.display().to_string().show()
    }
}

impl Show for Password {
    fn show(&self) -> String {
        MASK.to_owned().show()
    }
}

impl Show for Secret {
    fn show(&self) -> String {
        MASK.to_owned().show()
    }
}

impl Show for TargetUrl {
    fn show(&self) -> String {
        self.as_str().to_owned().show()
    }
}

impl Show for ProxyUrl {
    fn show(&self) -> String {
        self.masked().show()
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> String {
        self.as_ref().map_or_else(|| String::new().show(), Show::show)
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Show::show).collect::<Vec<_>>().join(", "))
    }
}

// Named one by one: an implementation for every `Word` could overlap with those above.
macro_rules! show_word {
    ($($Type:ty),+) => { $( impl Show for $Type {
        fn show(&self) -> String {
            self.word().to_owned().show()
        }
    } )+ };
}

show_word!(super::LogLevel, super::LogFormat, AfterRecovery);
