//! Configuration from outside: any text is read or refused, and what was read survives a rewrite.
//!
//! Lines that would touch files are left out: the fuzzer must not read devices or write logs.
#![no_main]

use common::words;
use libfuzzer_sys::fuzz_target;
use server::config::{Collected, Config, Rewriting};

/// Whether a line opens a file.
fn opens_a_file(line: &[u8]) -> bool {
    let words = words::split(line).unwrap_or_default();
    let first = words.first().map(|word| word.to_ascii_lowercase());
    first.is_some_and(|first| matches!(first.as_slice(), b"include" | b"logfile"))
}

fn load(text: &[u8]) -> Option<Config> {
    let config = Config::detached();
    config
        .load_text(text, &mut Collected::default())
        .ok()
        .map(|()| config)
}

fuzz_target!(|data: &[u8]| {
    if data.split(|b| *b == b'\n').any(opens_a_file) {
        return;
    }
    let Some(config) = load(data) else { return };
    let rewritten = config.rewritten("", Rewriting::default());
    let Some(again) = load(rewritten.as_bytes()) else {
        panic!("the rewritten configuration is refused:\n{rewritten}");
    };
    assert_eq!(
        again.get_matching(&[b"*"]),
        config.get_matching(&[b"*"]),
        "{rewritten}"
    );
    // Over the text itself: whatever is there stays readable.
    let over = config.rewritten(&String::from_utf8_lossy(data), Rewriting::default());
    assert!(load(over.as_bytes()).is_some(), "{over}");
});
