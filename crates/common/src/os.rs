//! What the operating system says, in the words that logs and replies have for it.
//!
//! Rust adds the error's number to the text; Redis, and those who search its logs, do not.

use std::io;

/// The text of a system error, as C's `strerror` gives it.
pub fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
