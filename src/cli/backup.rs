//! `hookstead backup`: everything that is stored, in one file, while the server runs or not.

use std::{fs::File, path::Path, process::ExitCode};

use super::{
    output::{answer, complain},
    progress::Meter,
};
use crate::{app, config::Config, control, store};

/// Writes the backup under another name until it is whole.
pub(super) fn run(config: &Config, file: &Path) -> ExitCode {
    match store::write_whole(file, |unfinished| write(config, unfinished)) {
        Ok(words) => answer(&format!("{}: {words}\n", file.display())),
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn write(config: &Config, file: &File) -> Result<String, String> {
    let mut meter = Meter::new("backup");
    let told = match control::ask_for_backup(&config.data_dir, file, &mut |progress| meter.show(progress)) {
        Ok(Some(told)) => told,
        Ok(None) => {
            if !store::has_data(&config.data_dir) {
                return Err(format!("{}: there is no data yet", config.data_dir.display()));
            }
            let service = app::service_alone(config).map_err(|error| error.to_string())?;
            let told = control::back_up(&service, file, &mut |progress| {
                meter.show(progress);
                true
            });
            service.close();
            told
        }
        Err(error) => Err(format!("the running server does not answer: {error}")),
    };
    told.map(|lines| lines.join(" "))
}
