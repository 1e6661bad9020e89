//! Every error text that a client can see, to Redis's letter: clients and the Redis suite match on
//! them.
//!
//! Fixed texts are constants, texts with names or numbers in them are functions. What any command
//! may need (types, numbers, admission) is here, the rest in a module per area. Texts that Redis
//! writes with a code of their own (`WRONGTYPE`, `NOAUTH`, …) keep it; all others have `ERR`.

use crate::ReplyError;

/// Constants from name and text; the text is the documentation.
macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident = $text:literal;)*) => {
        $(
            $(#[$meta])*
            #[doc = concat!("`", $text, "`")]
            pub const $name: ReplyError = ReplyError::new($text);
        )*
    };
}

/// Functions from name, arguments and the pieces of the text; line ends in the pieces become
/// blanks.
macro_rules! compositions {
    ($($name:ident($($arg:ident: $type:ty),*) = $($piece:expr),+;)*) => {
        $(
            #[doc = concat!("`", $(stringify!($piece), " ",)+ "`")]
            pub fn $name($($arg: $type),*) -> ReplyError {
                let mut text = Vec::new();
                $($crate::errors::Piece::append($piece, &mut text);)+
                ReplyError::from_text(text)
            }
        )*
    };
}

pub mod acl;
pub mod client;
pub mod cluster;
pub mod config;
pub mod debug;
pub mod geo;
pub mod hash;
pub mod keys;
pub mod list;
pub mod network;
pub mod persistence;
pub mod replication;
pub mod script;
pub mod sort;
pub mod stream;
pub mod string;
pub mod zset;

// Types, numbers, syntax: raised by handlers of every family.
texts! {
    WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    SYNTAX = "ERR syntax error";
    NO_KEY = "ERR no such key";
    SAME_OBJECT = "ERR source and destination objects are the same";
    OUT_OF_RANGE = "ERR index out of range";
    NOT_INTEGER = "ERR value is not an integer or out of range";
    NOT_FLOAT = "ERR value is not a valid float";
    VALUE_OUT_OF_RANGE = "ERR value is out of range";
    MUST_BE_POSITIVE = "ERR value is out of range, must be positive";
    OVERFLOW = "ERR increment or decrement would overflow";
    NAN_OR_INFINITY = "ERR increment would produce NaN or Infinity";
    BUSYKEY = "BUSYKEY Target key name already exists.";
    INVALID_CURSOR = "ERR invalid cursor";
    NUMKEYS_NOT_POSITIVE = "ERR numkeys should be greater than 0";
    COUNT_NOT_POSITIVE = "ERR count should be greater than 0";
    MORE_KEYS_THAN_ARGS = "ERR Number of keys can't be greater than number of args";
    NEGATIVE_NUMKEYS = "ERR Number of keys can't be negative";
    NEGATIVE_LIMIT = "ERR LIMIT can't be negative";
    NEGATIVE_COUNT = "ERR COUNT can't be negative";
    NO_PERMISSION = "ERR no permission";
}

// Admission: raised before a handler runs.
texts! {
    NOAUTH = "NOAUTH Authentication required.";
    LOADING = "LOADING Redis is loading the dataset in memory";
    BUSY_SCRIPT = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or \
                   SHUTDOWN NOSAVE.";
    BUSY_FUNCTION = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or \
                     SHUTDOWN NOSAVE.";
    BUSY_MODULE = "BUSY Redis is busy running a module command.";
    MASTERDOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    MISCONF_RDB = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
                   persist to disk. Commands that may modify the data set are disabled, because \
                   this instance is configured to report errors during writes if RDB snapshotting \
                   fails (stop-writes-on-bgsave-error option). Please check the Redis logs for \
                   details about the RDB error.";
    READONLY = "READONLY You can't write against a read only replica.";
    OOM = "OOM command not allowed when used memory > 'maxmemory'.";
    NOREPLICAS = "NOREPLICAS Not enough good replicas to write.";
    NO_MULTI = "ERR Command not allowed inside a transaction";
    REPLICA_KEYSPACE = "ERR Replica can't interact with the keyspace";
    MONITOR_DENY_BLOCKING = "ERR MONITOR isn't allowed for DENY BLOCKING client";
}

// Transactions.
texts! {
    NESTED_MULTI = "ERR MULTI calls can not be nested";
    DISCARD_WITHOUT_MULTI = "ERR DISCARD without MULTI";
    EXEC_WITHOUT_MULTI = "ERR EXEC without MULTI";
    WATCH_INSIDE_MULTI = "ERR WATCH inside MULTI is not allowed";
    EXECABORT = "EXECABORT Transaction discarded because of previous errors.";
}

// Pub/sub.
texts! {
    SUBSCRIBE_DENY_BLOCKING = "ERR SUBSCRIBE isn't allowed for a DENY BLOCKING client";
    PSUBSCRIBE_DENY_BLOCKING = "ERR PSUBSCRIBE isn't allowed for a DENY BLOCKING client";
    SSUBSCRIBE_DENY_BLOCKING = "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client";
}

// Blocked clients.
texts! {
    UNBLOCKED_BY_CLIENT = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
    UNBLOCKED_STATE_CHANGED = "UNBLOCKED force unblock from blocking operation, instance state \
                               changed (master -> replica?)";
    INVALID_NUMKEYS = "ERR invalid numkeys value";
    /// Never sent: a handler met a busy shard, and the command runs again later.
    DEFERRED = "ERR shard is busy";
    TIMEOUT_NEGATIVE = "ERR timeout is negative";
    TIMEOUT_NOT_FLOAT = "ERR timeout is not a float or out of range";
    TIMEOUT_OUT_OF_RANGE = "ERR timeout is out of range";
    TIMEOUT_NOT_INTEGER = "ERR timeout is not an integer or out of range";
}

// Not of Redis: what only happens without a server around the commands, or never reaches a client.
texts! {
    NO_HOST = "ERR There is no server around this command";
}

// COMMAND.
texts! {
    GETKEYS_INVALID_COMMAND = "ERR Invalid command specified";
    GETKEYS_NO_KEYS = "ERR The command has no key arguments";
    GETKEYS_INVALID_ARITY = "ERR Invalid number of arguments specified for command";
    GETKEYS_INVALID_ARGUMENTS = "ERR Invalid arguments specified for command";
}

/// How much of a name, and of the arguments behind it, Redis quotes.
const QUOTED_MAX: usize = 128;

/// What C's `%s` prints of `bytes`, at most `max` of them: it stops at a NUL.
fn c_text(bytes: &[u8], max: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(max)];
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

/// What an error text is composed of.
trait Piece {
    fn append(self, text: &mut Vec<u8>);
}

impl Piece for &str {
    fn append(self, text: &mut Vec<u8>) {
        text.extend_from_slice(self.as_bytes());
    }
}

impl Piece for &[u8] {
    fn append(self, text: &mut Vec<u8>) {
        text.extend_from_slice(c_text(self, usize::MAX));
    }
}

impl Piece for i64 {
    fn append(self, text: &mut Vec<u8>) {
        common::number::write_i64(text, self);
    }
}

impl Piece for u16 {
    fn append(self, text: &mut Vec<u8>) {
        i64::from(self).append(text);
    }
}

impl Piece for usize {
    fn append(self, text: &mut Vec<u8>) {
        (self as i64).append(text);
    }
}

compositions! {
    unknown_subcommand_of(container: &str, subcommand: &[u8]) =
        "ERR unknown subcommand '", c_text(subcommand, QUOTED_MAX), "'. Try ", container, " HELP.";
    subcommand_syntax_of(container: &str, subcommand: &[u8]) =
        "ERR unknown subcommand or wrong number of arguments for '",
        c_text(subcommand, QUOTED_MAX), "'. Try ", container, " HELP.";
    wrong_arity(name: &str) = "ERR wrong number of arguments for '", name, "' command";
    invalid_expire(name: &str) = "ERR invalid expire time in '", name, "' command";
    must_be_between(min: i64, max: i64) =
        "ERR value is out of range, value must between ", min, " and ", max;
    exec_noperm(reason: &str) =
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC \
         call. This command is no longer allowed for the following reason: ", reason;
    misconf_aof(error: &str) = "MISCONF Errors writing to the AOF file: ", error;
    protected_command(command: &str, option: &str) =
        "ERR ", command, " command not allowed. If the ", option, " option is set to \"local\", \
         you can run it from a local connection, otherwise you need to set this option in the \
         configuration file, and then restart the server.";
    pubsub_context(name: &str) =
        "ERR Can't execute '", name, "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
         RESET are allowed in this context";
}

/// An unknown command: names what was sent and the beginning of its arguments.
pub fn unknown_command<'a>(name: &[u8], args: impl IntoIterator<Item = &'a [u8]>) -> ReplyError {
    let mut quoted = Vec::new();
    for arg in args {
        if quoted.len() >= QUOTED_MAX {
            break;
        }
        let room = QUOTED_MAX - quoted.len();
        quoted.push(b'\'');
        quoted.extend_from_slice(c_text(arg, room));
        quoted.extend_from_slice(b"' ");
    }
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(c_text(name, QUOTED_MAX));
    text.extend_from_slice(b"', with args beginning with: ");
    text.extend_from_slice(&quoted);
    ReplyError::from_text(text)
}

/// An unknown subcommand of a container command.
pub fn unknown_subcommand(container: &str, subcommand: &[u8]) -> ReplyError {
    unknown_subcommand_of(&container.to_ascii_uppercase(), subcommand)
}

/// A subcommand that is known, but not with these arguments.
pub fn subcommand_syntax(container: &str, subcommand: &[u8]) -> ReplyError {
    subcommand_syntax_of(&container.to_ascii_uppercase(), subcommand)
}

/// `EXEC` refuses to run a transaction because it would itself be refused with `reason`. The code
/// `ERR`, which Redis adds late, is not part of what it quotes.
pub fn exec_abort(reason: &ReplyError) -> ReplyError {
    let reason = reason.as_bytes();
    let mut text = b"EXECABORT Transaction discarded because of: ".to_vec();
    text.extend_from_slice(reason.strip_prefix(b"ERR ").unwrap_or(reason));
    ReplyError::from_text(text)
}

#[cfg(test)]
mod tests;
