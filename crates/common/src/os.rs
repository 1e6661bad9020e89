//! What the operating system says: errors, in the words that logs and replies have for them, and
//! figures from `/proc`.
//!
//! Rust adds the error's number to the text; Redis, and those who search its logs, do not. Outside
//! Linux there is no `/proc`: figures are 0 there. Also the directory of a path.

use std::path::Path;
use std::{fs, io};

/// The directory that a file, or another directory, lies in: what is to be synced for its name to
/// be on disk.
pub fn dir_of(path: &Path) -> &Path {
    let parent = path.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The text of a system error, as C's `strerror` gives it.
pub fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// The value of a line such as `VmRSS:   1234 kB`, in bytes; 0 if there is none.
pub fn kilobytes(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// Bytes of the process that are in memory.
pub fn resident_bytes() -> u64 {
    kilobytes("/proc/self/status", "VmRSS:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_lies_in_the_working_directory() {
        let dirs = ["a/b", "/a", "a", "/"].map(|path| dir_of(Path::new(path)));
        assert_eq!(dirs, ["a", "/", ".", "."].map(Path::new));
    }
}
