//! `redis-check-aof`: the tool's process side. What it does is in `persistence::aof::check`.
//!
//! Its findings go to the standard output; on a terminal a bar shows how far it is, and is wiped
//! away before anything is said.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use persistence::aof::check::{self, Tools};
use persistence::rdb::check::Checker;
use persistence::rdb::{ReadSource, Source};

use crate::process::progress::Bar;

/// Runs the tool with these arguments, the program's name first; returns the exit status.
pub fn check_aof(program: &str, args: &[Vec<u8>]) -> i32 {
    let task = match check::parse(args) {
        Ok(Some(task)) => task,
        Ok(None) => {
            println!("{}", check::usage(program));
            return 1;
        }
        Err(text) => {
            println!("{text}");
            return 1;
        }
    };
    let (mut out, mut input) = (io::stdout().lock(), io::stdin().lock());
    let mut bar: Option<Bar> = None;
    let mut progress = |at, size| {
        bar.get_or_insert_with(|| Bar::new("Checking", size))
            .show(at);
        if at == size
            && let Some(bar) = bar.take()
        {
            bar.finish();
        }
    };
    let mut tools = Tools {
        out: &mut out,
        input: &mut input,
        check_rdb: &mut check_rdb,
        progress: &mut progress,
    };
    match check::run(&task, &mut tools) {
        Ok(fine) => i32::from(!fine),
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

/// Checks the snapshot in front of the commands; the file is left behind it.
fn check_rdb(name: &str, file: &mut File, out: &mut dyn Write) -> io::Result<bool> {
    let bar = Bar::new("Checking", file.metadata()?.len());
    let mut say = |line: &str| {
        bar.finish();
        // Whoever closed the pipe does not want to know.
        drop(writeln!(out, "{line}"));
    };
    let mut progress = |at| bar.show(at);
    let checker = Checker::new(common::clock::now_ms(), &mut say, &mut progress);
    let Some(source) = checker.run(ReadSource::new(&mut *file, true), name) else {
        return Ok(false);
    };
    let offset = source.position();
    file.seek(SeekFrom::Start(offset))?;
    Ok(true)
}
