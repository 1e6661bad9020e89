//! What can be wrong with bytes that should be RDB.

/// Why a value could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end in the middle of a value.
    #[error("unexpected end of the data")]
    Truncated,
    /// The source could not be read.
    #[error("read error: {0}")]
    Io(#[from] std::io::Error),
    /// A byte that begins no length.
    #[error("Unknown length encoding {0}")]
    Length(u8),
    /// A string encoding that does not exist.
    #[error("Unknown RDB string encoding type {0}")]
    StringEncoding(u8),
    /// A type byte that does not exist.
    #[error("Unknown RDB encoding type {0}")]
    Type(u8),
    /// A module's value; its data can only be read by that module.
    #[error(
        "The RDB file contains module data I can't load: no matching module type '{}'",
        .0.escape_ascii()
    )]
    Module([u8; 9]),
    /// A collection without elements. Files that old versions wrote have them; who loads a file
    /// skips the key.
    #[error("empty key")]
    Empty,
    /// An inner structure is broken; the text says which.
    #[error("{0}")]
    Corrupt(&'static str),
    /// Sound, but beyond what this server can hold.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}
