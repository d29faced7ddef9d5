//! The commands and their flags, as plain data.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::{
    bench::BenchArguments, completions::Shell, healthcheck::HealthUrl, listen::ListenArguments, send::SendArguments,
    sign::SignArguments, verify::VerifyArguments,
};
use crate::config::Flags;

/// Webhooks for a CRM, self-hosted, in one file.
#[derive(Debug, Parser)]
#[command(
    name = "hookstead",
    version,
    about,
    after_help = "Without a command, hookstead serves.\n\nExample:\n  hookstead serve --config /etc/hookstead.toml\n\n\
                  Every setting can be given by the environment too; config.example.toml says how.\n\
                  Exit codes: 0 done, 1 failed, 2 wrong command line or configuration."
)]
pub struct Arguments {
    /// The configuration file [default: hookstead.toml in this folder, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The folder that holds everything Hookstead remembers [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,

    /// What to do; serving if it is left out.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

impl Arguments {
    /// What the flags say about the configuration.
    pub(super) fn flags(&self) -> Flags {
        let listen = match &self.command {
            Some(Command::Serve { listen }) => listen.clone(),
            _ => None,
        };
        Flags { config: self.config.clone(), listen, data_dir: self.data_dir.clone() }
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Take in events, send them to webhooks, and show what came of it
    #[command(after_help = "Example:\n  hookstead serve --listen 127.0.0.1:8080 --data-dir /var/lib/hookstead")]
    Serve {
        /// Address and port to listen on, port 0 for any free one [default: 127.0.0.1:8080]
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },

    /// Check the configuration and show every value with where it came from; secrets are masked
    #[command(after_help = "Example:\n  hookstead check-config --config /etc/hookstead.toml")]
    CheckConfig,

    /// Create users, list them, give one a new password, sign them out
    #[command(after_help = "Example:\n  hookstead admin list")]
    Admin {
        /// What to do with admins.
        #[command(subcommand)]
        command: AdminCommand,
    },

    /// Create a key for the API, list them, revoke one
    #[command(after_help = "Example:\n  hookstead apikey create crm-production --scopes events:write")]
    Apikey {
        /// What to do with API keys.
        #[command(subcommand)]
        command: ApiKeyCommand,
    },

    /// Delete the payloads of an account, for privacy requests
    #[command(after_help = "Example:\n  hookstead payloads delete acme --yes")]
    Payloads {
        /// What to do with payloads.
        #[command(subcommand)]
        command: PayloadsCommand,
    },

    /// Show the keys that seal secrets in the data file, or make a new one
    #[command(after_help = "Example:\n  hookstead secrets rotate-key")]
    Secrets {
        /// What to do with the keys.
        #[command(subcommand)]
        command: SecretsCommand,
    },

    /// Look for what is wrong: configuration, data folder, store, a running server
    #[command(after_help = "Example:\n  hookstead doctor --data-dir /var/lib/hookstead")]
    Doctor,

    /// Ask a running server whether it is ready; exit code 0 if it is, 1 if not
    #[command(after_help = "Example:\n  hookstead healthcheck http://127.0.0.1:8080/readyz")]
    Healthcheck {
        /// What to ask [default: /readyz at the address of the configuration]
        #[arg(value_name = "URL")]
        url: Option<HealthUrl>,
    },

    /// Post one event from a file to a server
    #[command(after_help = "FILE holds what happened; with --type it holds the payload alone.\n\nExample:\n  \
                            hookstead send contact.json --type contact.created --key-file key.txt")]
    Send(SendArguments),

    /// Be a receiver on this machine: print what arrives, and check the signatures
    #[command(after_help = "The webhook's Request URL is http://127.0.0.1:9000/, which the server must be allowed to \
                            send to:\nallowed_private_targets = [\"127.0.0.1:9000\"]\n\nExample:\n  \
                            hookstead listen --secret-file secret.txt --answer 503")]
    Listen(ListenArguments),

    /// Sign a body as webhooks are signed, and print the three headers
    #[command(after_help = "Example:\n  hookstead sign --secret-file secret.txt --id evt_1 body.json")]
    Sign(SignArguments),

    /// Say whether a request is signed right, and if not, why; exit code 0 if it is, 1 if not
    #[command(after_help = "Example:\n  hookstead verify --secret-file secret.txt --headers headers.txt body.json")]
    Verify(VerifyArguments),

    /// Print the completions of the command line for a shell
    #[command(after_help = "Example:\n  hookstead completions bash > /etc/bash_completion.d/hookstead")]
    Completions {
        /// For which shell
        #[arg(value_enum)]
        shell: Shell,
    },

    /// Print a page of the manual: of the program, or of one command
    #[command(after_help = "Example:\n  hookstead man send | man -l -")]
    Man {
        /// The command [default: the program]
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },

    /// Measure how fast Hookstead is on this machine, with a server, a receiver and data of its own
    #[command(after_help = "It takes some minutes and about 2 GB of disk. The server runs with the defaults, or with \
                            what --config says; its data is\nremoved in the end.\n\nExample:\n  hookstead bench --only ingest,delivery --json > bench.json")]
    Bench(BenchArguments),

    /// Print the description of the API (OpenAPI 3.1, JSON)
    #[command(after_help = "Example:\n  hookstead openapi > openapi.json")]
    Openapi,

    /// Print the version
    #[command(after_help = "Example:\n  hookstead version --json")]
    Version {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Default for Command {
    fn default() -> Self {
        Command::Serve { listen: None }
    }
}

/// What to do with admins.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum AdminCommand {
    /// Create an admin, or somebody who may only look
    #[command(after_help = "Example:\n  hookstead admin create admin@example.com --password-stdin < password.txt")]
    Create {
        /// Email address to sign in with
        email: String,
        /// What they may do: admin for everything, read-only for looking
        #[arg(long, value_name = "ROLE", default_value = "admin", value_parser = ["admin", "read-only"])]
        role: String,
        /// Read the password from standard input, up to the end of its first line
        #[arg(long, required = true)]
        password_stdin: bool,
    },

    /// List everybody who may sign in
    #[command(after_help = "Example:\n  hookstead admin list")]
    List,

    /// End every session of a user, or of everybody
    #[command(after_help = "Example:\n  hookstead admin sign-out-all admin@example.com")]
    SignOutAll {
        /// Whose sessions [default: everybody's]
        email: Option<String>,
    },

    /// Take a user's second factor away, for one who lost phone and recovery codes
    #[command(after_help = "Example:\n  hookstead admin reset-second-factor admin@example.com")]
    ResetSecondFactor {
        /// Whose second factor
        email: String,
    },

    /// Give a user a new password and end their sessions; without EMAIL, list the users
    #[command(after_help = "Example:\n  hookstead admin reset-password admin@example.com --generate")]
    ResetPassword {
        /// Whose password
        #[arg(requires = "NewPassword")]
        email: Option<String>,
        /// Where the new password comes from.
        #[command(flatten)]
        password: NewPassword,
    },
}

/// Where a new password comes from: one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub struct NewPassword {
    /// Make a password and print it
    #[arg(long, requires = "email")]
    pub generate: bool,
    /// Read the password from standard input, up to the end of its first line
    #[arg(long, requires = "email")]
    pub password_stdin: bool,
}

/// What to do with API keys.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum ApiKeyCommand {
    /// Create a key and print it, and nothing else; it cannot be shown again
    #[command(after_help = "Example:\n  hookstead apikey create crm-production --scopes events:write,logs:read")]
    Create {
        /// What the key is for, as lists show it
        name: String,
        /// What the key may do: scopes separated by commas, or all
        #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "all")]
        scopes: Vec<String>,
        /// The only account that the key may touch [default: every account]
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },

    /// List the keys, without their secrets
    #[command(after_help = "Example:\n  hookstead apikey list")]
    List,

    /// Revoke a key; it stops working at once
    #[command(after_help = "Example:\n  hookstead apikey revoke key_01J0000000000000000000000")]
    Revoke {
        /// The key's id, as the list shows it
        id: String,
    },
}

/// What to do with payloads.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum PayloadsCommand {
    /// Delete what was sent of every event of an account, and what receivers answered
    #[command(after_help = "Events, log entries and attempts stay. Events that are still to be sent are left and \
                            counted.\n\nExample:\n  hookstead payloads delete acme --yes")]
    Delete {
        /// The account
        account: String,
        /// They cannot be brought back
        #[arg(long, required = true)]
        yes: bool,
    },
}

/// What to do with the keys that seal secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum SecretsCommand {
    /// List the keys and how many records each of them seals; the first seals every new one
    #[command(after_help = "Example:\n  hookstead secrets list")]
    List,

    /// Make a new key, put it first in the key file, and seal every secret with it
    #[command(
        after_help = "Old keys stay in the file, because backups of their time need them. Stopped half-way, the \
                            next start goes on.\n\nExample:\n  hookstead secrets rotate-key"
    )]
    RotateKey,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Arguments, ErrorKind> {
        let words = std::iter::once("hookstead").chain(line.split_whitespace());
        Arguments::try_parse_from(words).map_err(|error| error.kind())
    }

    #[test]
    fn clap_finds_no_contradiction() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_scripts_rely_on_is_understood() {
        let create = |scopes: &[&str], account: Option<&str>| Command::Apikey {
            command: ApiKeyCommand::Create {
                name: "crm".into(),
                scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
                account: account.map(str::to_owned),
            },
        };
        let cases = [
            ("serve", Command::default()),
            ("serve --listen 127.0.0.1:0", Command::Serve { listen: Some("127.0.0.1:0".into()) }),
            ("check-config", Command::CheckConfig),
            ("apikey create crm", create(&["all"], None)),
            ("apikey create crm --scopes a,b --account acme", create(&["a", "b"], Some("acme"))),
            ("healthcheck", Command::Healthcheck { url: None }),
            ("version --json", Command::Version { json: true }),
        ];
        for (line, command) in cases {
            assert_eq!(parse(line).unwrap().command, Some(command), "{line}");
        }
        assert_eq!(parse("").unwrap().command.unwrap_or_default(), Command::default());
    }

    #[test]
    fn flags_that_every_command_has_may_stand_anywhere() {
        let expected = Flags { config: Some("c.toml".into()), data_dir: Some("d".into()), listen: None };
        for line in ["--config c.toml --data-dir d apikey list", "apikey list --config c.toml --data-dir d"] {
            assert_eq!(parse(line).unwrap().flags(), expected, "{line}");
        }
        let flags = parse("serve --listen 127.0.0.1:0").unwrap().flags();
        assert_eq!(flags.listen.as_deref(), Some("127.0.0.1:0"));
    }

    /// Row 85 of the bad-input table.
    #[test]
    fn what_is_wrong_is_refused() {
        let cases = [
            ("--unknown", ErrorKind::UnknownArgument),
            ("serve --unknown", ErrorKind::UnknownArgument),
            ("apikey list --listen 127.0.0.1:0", ErrorKind::UnknownArgument),
            ("serve extra", ErrorKind::UnknownArgument),
            ("sreve", ErrorKind::InvalidSubcommand),
            ("serve --listen", ErrorKind::InvalidValue),
            ("admin", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("admin create admin@example.com", ErrorKind::MissingRequiredArgument),
            ("admin reset-password admin@example.com", ErrorKind::MissingRequiredArgument),
            ("admin reset-password --generate", ErrorKind::MissingRequiredArgument),
            ("admin reset-password a@b --generate --password-stdin", ErrorKind::ArgumentConflict),
            ("healthcheck ftp://127.0.0.1/readyz", ErrorKind::ValueValidation),
            ("--version", ErrorKind::DisplayVersion),
            ("--help", ErrorKind::DisplayHelp),
            ("apikey create --help", ErrorKind::DisplayHelp),
            ("bench --only speed", ErrorKind::ValueValidation),
            ("sign --id evt_1", ErrorKind::MissingRequiredArgument),
            ("sign --id evt_1 --secret a --secret-file b", ErrorKind::ArgumentConflict),
            ("verify --secret a", ErrorKind::MissingRequiredArgument),
            ("send file", ErrorKind::MissingRequiredArgument),
            ("send file --key-file k --id 1", ErrorKind::MissingRequiredArgument),
            ("listen --answer 99", ErrorKind::ValueValidation),
            ("completions tcsh", ErrorKind::InvalidValue),
            ("bench --seconds 0", ErrorKind::ValueValidation),
            ("bench --pending 0", ErrorKind::ValueValidation),
        ];
        for (line, kind) in cases {
            assert_eq!(parse(line).err(), Some(kind), "{line}");
        }
        assert!(parse("admin reset-password").is_ok(), "it lists the admins");
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example:\n  hookstead "), "{}", command.get_name());
            assert!(command.get_about().is_some(), "{}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
