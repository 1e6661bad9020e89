//! Every error text that a client can see, to Redis's letter: clients and the Redis suite match on them.
//!
//! Fixed texts are constants, texts with names or numbers in them are functions. Grouped by who raises them.

use crate::ReplyError;

/// A key holds another type than the command works on.
pub const WRONGTYPE: ReplyError =
    ReplyError::new("WRONGTYPE Operation against a key holding the wrong kind of value");
/// Arguments that do not follow the command's syntax.
pub const SYNTAX: ReplyError = ReplyError::new("ERR syntax error");
/// Not a 64-bit integer.
pub const NOT_INTEGER: ReplyError = ReplyError::new("ERR value is not an integer or out of range");
/// Not a double.
pub const NOT_FLOAT: ReplyError = ReplyError::new("ERR value is not a valid float");
/// An increment leaves the 64-bit range.
pub const OVERFLOW: ReplyError = ReplyError::new("ERR increment or decrement would overflow");
/// A key that must exist does not.
pub const NO_KEY: ReplyError = ReplyError::new("ERR no such key");
/// An index outside of the value.
pub const OUT_OF_RANGE: ReplyError = ReplyError::new("ERR index out of range");

/// The wrong number of arguments for a command; `name` is its full name (`config|get`).
pub fn wrong_arity(name: &str) -> ReplyError {
    ReplyError::err(format!("wrong number of arguments for '{name}' command"))
}

/// An unknown command: names what was sent and the beginning of its arguments.
pub fn unknown_command<'a>(name: &[u8], args: impl IntoIterator<Item = &'a [u8]>) -> ReplyError {
    /// Bytes of name, and of arguments, that are quoted.
    const QUOTED_MAX: usize = 128;
    let mut text = b"unknown command '".to_vec();
    text.extend_from_slice(&name[..name.len().min(QUOTED_MAX)]);
    text.extend_from_slice(b"', with args beginning with: ");
    let start = text.len();
    for arg in args {
        let quoted = text.len() - start;
        if quoted >= QUOTED_MAX {
            break;
        }
        text.push(b'\'');
        text.extend_from_slice(&arg[..arg.len().min(QUOTED_MAX - quoted)]);
        text.extend_from_slice(b"' ");
    }
    ReplyError::err(text)
}

/// An unknown subcommand of a container command; `container` is given as the user should write it.
pub fn unknown_subcommand(container: &str, subcommand: &[u8]) -> ReplyError {
    let mut text = b"unknown subcommand '".to_vec();
    text.extend_from_slice(&subcommand[..subcommand.len().min(128)]);
    text.extend_from_slice(format!("'. Try {} HELP.", container.to_uppercase()).as_bytes());
    ReplyError::err(text)
}

/// An expiry that is not positive or does not fit; `name` is the command's full name.
pub fn invalid_expire(name: &str) -> ReplyError {
    ReplyError::err(format!("invalid expire time in '{name}' command"))
}

/// The dataset is being loaded.
pub const LOADING: ReplyError = ReplyError::new("LOADING Redis is loading the dataset in memory");

/// CONFIG SET of a directive that does not exist.
pub fn config_unknown(name: &str) -> ReplyError {
    ReplyError::err(format!(
        "Unknown option or number of arguments for CONFIG SET - '{name}'"
    ))
}

/// CONFIG SET of a directive that must not be set, or of a value that it does not take.
pub fn config_refused(name: &str, reason: &str) -> ReplyError {
    ReplyError::err(format!(
        "CONFIG SET failed (possibly related to argument '{name}') - {reason}"
    ))
}
