//! `redis-check-rdb`, also as `corewire-server check-rdb`: is a snapshot sound?

use common::os::os_text;
use std::io::Write;

use persistence::rdb::ReadSource;
use persistence::rdb::check::Checker;

use crate::process::progress::Bar;
use crate::version::{COREWIRE_VERSION, REDIS_VERSION};

/// Runs the tool with these arguments, its name not among them; returns the exit status.
pub fn run(program: &str, args: &[Vec<u8>]) -> i32 {
    let name = match args {
        [flag] if matches!(flag.as_slice(), b"-v" | b"--version") => {
            println!("redis-check-rdb {REDIS_VERSION} (Corewire {COREWIRE_VERSION})");
            return 0;
        }
        [name] => String::from_utf8_lossy(name),
        _ => {
            eprintln!("Usage: {program} <rdb-file-name>");
            return 1;
        }
    };
    let file = match std::fs::File::open(&*name) {
        Ok(file) => file,
        Err(error) => {
            println!("Cannot open file {name}: {}", os_text(&error));
            return 1;
        }
    };
    let size = file.metadata().map_or(0, |data| data.len());
    let bar = Bar::new("Checking", size);
    let mut say = |line: &str| {
        bar.finish();
        // Who closed the pipe does not want to know.
        let _ = writeln!(std::io::stdout(), "{line}");
    };
    let mut progress = |at| bar.show(at);
    let checker = Checker::new(common::clock::now_ms(), &mut say, &mut progress);
    let is_sound = checker.run(ReadSource::new(file, true), &name).is_some();
    i32::from(!is_sound)
}
