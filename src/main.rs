//! The `corewire-server` binary: the allocator, the arguments, and nothing else.

use std::os::unix::ffi::OsStringExt;

/// Counts what it hands out, for `used_memory`.
#[global_allocator]
static ALLOCATOR: server::Allocator = server::ALLOCATOR;

fn main() {
    let args: Vec<Vec<u8>> = std::env::args_os().map(OsStringExt::into_vec).collect();
    match server::start::run(&args) {
        Ok(status) => std::process::exit(status),
        Err(error) => {
            eprintln!("{error:#}");
            std::process::exit(1);
        }
    }
}
