//! The `hookstead` program. Everything it does is in the library, so that tests can start it too.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hookstead::cli::run(std::env::args_os())
}
