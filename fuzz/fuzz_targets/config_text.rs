//! Any bytes as the configuration file: a configuration, or a list of what is wrong with it, each
//! with its line; never a panic.
#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use hookstead::config::{Config, Flags};
use libfuzzer_sys::fuzz_target;

/// A folder in memory where there is one.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = parent.join(format!("hookstead-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the file");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    fs::write(FOLDER.join("hookstead.toml"), bytes).expect("the file can be written");
    match Config::load(&Flags::default(), [], &FOLDER) {
        Ok(config) => {
            let shown = config.describe();
            assert!(shown.iter().all(|row| !row.key.is_empty() && !row.value.contains('\n')));
        }
        Err(problems) => {
            let text = problems.to_string();
            // A long list ends by saying that there is more.
            let placed = |line: &str| line.contains(": ") || line == "There are more problems.";
            assert!(!text.is_empty() && text.lines().all(placed), "{text}");
        }
    }
});
