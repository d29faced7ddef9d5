//! The `hookstead` program.

fn main() {}
