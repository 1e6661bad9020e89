//! The `corewire-server` binary.

fn main() {}
