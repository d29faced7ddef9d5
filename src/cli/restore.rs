//! `hookstead restore`: makes a data directory of a backup, while no server runs.

use std::{fs::File, path::Path, process::ExitCode, sync::Arc};

use super::{
    output::{answer, complain},
    progress::Meter,
};
use crate::{
    app,
    config::Config,
    domain::{Pause, with_thousands},
    store::{self, RestoreOptions, Restored},
    system::{Clock, SystemClock, SystemRandom},
};

/// Restores, and says what is there now and what happens next.
pub(super) fn run(config: &Config, file: &Path, replace: bool, pause_sending: bool) -> ExitCode {
    match restore(config, file, replace, pause_sending) {
        Ok(restored) => answer(&words(&restored, &config.data_dir)),
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn restore(config: &Config, file: &Path, replace: bool, pause_sending: bool) -> Result<Restored, String> {
    let named = |what: String| format!("{}: {what}", file.display());
    let backup = File::open(file).map_err(|error| named(error.to_string()))?;
    let now = SystemClock::new().now();
    let reason = "Restored from a backup with --pause-sending".to_owned();
    let pause = pause_sending.then(|| Pause { at: now, by: "command line".to_owned(), reason });
    let key_file = Some(app::key_file(config, Arc::new(SystemRandom)));
    let options = RestoreOptions { replace, key_file, pause, cache_bytes: config.store.cache_mb << 20, now };
    let mut meter = Meter::new("restore");
    let watch = &mut |progress| {
        meter.show(progress);
        true
    };
    store::restore(&backup, &config.data_dir, options, watch).map_err(named)
}

fn words(restored: &Restored, data_dir: &Path) -> String {
    let Restored { made_at, made_by, events, webhooks, pending, paused, replaced } = restored;
    let mut lines = vec![
        format!("Restored into {} the backup of {made_at}, made by hookstead {made_by}:", data_dir.display()),
        format!("{} events, {} webhooks.", with_thousands(*events), with_thousands(*webhooks)),
    ];
    let number = with_thousands(*pending);
    lines.push(match (pending, paused) {
        (0, _) => "No delivery is pending.".to_owned(),
        (_, None) => format!("{number} deliveries are pending again: they are sent when the server starts."),
        (_, Some(_)) => format!(
            "{number} deliveries are pending again. Sending is paused: nothing is sent until somebody presses Resume on \
             System > Overview."
        ),
    });
    if let Some(replaced) = replaced {
        lines.push(format!("What was there before is in {}.", replaced.display()));
    }
    lines.push("Everybody signs in anew.\n".to_owned());
    lines.join("\n")
}
