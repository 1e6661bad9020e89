//! What the parser refuses, and in which words.
//!
//! The limits and the texts are Redis's (`networking.c`); clients and its test suite match on them.

use std::fmt;

use crate::ReplyError;

/// Longest inline request, and longest unfinished header line.
const INLINE_MAX: usize = 64 * 1024;
/// Most arguments that a client may send before it has authenticated.
pub(crate) const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
/// Longest argument that a client may send before it has authenticated.
pub(crate) const UNAUTHENTICATED_BULK_MAX: i64 = 16 * 1024;

/// Limits that apply to one call of [`crate::Parser::parse`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest argument in bytes (`proto-max-bulk-len`); `u64::MAX` for what the primary sends.
    pub max_bulk_len: u64,
    /// Whether the client may use more than the small limits for strangers. While it may not, a
    /// batch ends after one command, because that one may be the `AUTH` which lifts them.
    pub authenticated: bool,
    /// Longest inline request in bytes, and the longest header line.
    pub max_inline: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bulk_len: 512 * 1024 * 1024,
            authenticated: true,
            max_inline: INLINE_MAX,
        }
    }
}

/// Why the bytes are not a request. `Display` is the text that follows `-ERR Protocol error: `.
/// After it the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// `*` is not followed by a number, or by one above `i32::MAX`.
    InvalidMultibulkLength,
    /// More than ten arguments before authentication.
    UnauthenticatedMultibulkLength,
    /// `$` is not followed by a number between 0 and `proto-max-bulk-len`.
    InvalidBulkLength,
    /// An argument above 16 KiB before authentication.
    UnauthenticatedBulkLength,
    /// An argument that does not begin with `$`; holds what was there instead.
    ExpectedDollar(u8),
    /// No end of line in 64 KiB after `*`.
    TooBigMultibulkCount,
    /// No end of line in 64 KiB after `$`.
    TooBigBulkCount,
    /// No end of line in 64 KiB of an inline request.
    TooBigInline,
    /// Quotes of an inline request that do not close, or close in the middle of a word.
    UnbalancedQuotes,
    /// A command of more than 4 GiB, large arguments not counted. (Redis has no such limit.)
    TooBigCommand,
}

impl ProtocolError {
    /// The text as bytes; `None` for the one that quotes a byte.
    fn text(self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidMultibulkLength => "invalid multibulk length",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::InvalidBulkLength => "invalid bulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
            Self::ExpectedDollar(_) => return None,
            Self::TooBigMultibulkCount => "too big mbulk count string",
            Self::TooBigBulkCount => "too big bulk count string",
            Self::TooBigInline => "too big inline request",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::TooBigCommand => "too big multibulk request",
        })
    }

    /// The error reply that announces the end of the connection.
    pub fn to_reply(self) -> ReplyError {
        let mut text = b"ERR Protocol error: ".to_vec();
        if let Self::ExpectedDollar(got) = self {
            // The byte as it came, where `Display` can only show a character.
            text.extend_from_slice(b"expected '$', got '");
            text.extend_from_slice(&[got, b'\'']);
        } else {
            text.extend_from_slice(self.text().unwrap_or_default().as_bytes());
        }
        ReplyError::from_text(text)
    }

    /// The short text that Redis logs for it at level verbose.
    pub fn log_text(self) -> &'static str {
        match self {
            Self::InvalidMultibulkLength => "invalid mbulk count",
            Self::UnauthenticatedMultibulkLength => "unauth mbulk count",
            Self::UnauthenticatedBulkLength => "unauth bulk length",
            Self::ExpectedDollar(_) => "expected $ but got something else",
            Self::UnbalancedQuotes => "unbalanced quotes in inline request",
            other => other.text().unwrap_or_default(),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.text()) {
            (Self::ExpectedDollar(got), _) => {
                write!(f, "expected '$', got '{}'", char::from(*got))
            }
            (_, text) => f.write_str(text.unwrap_or_default()),
        }
    }
}

impl std::error::Error for ProtocolError {}
