//! RESP2 and RESP3: the parser and the reply writer. No I/O.
//!
//! Requests: [`Parser`] turns a connection's buffer into a [`Batch`] of commands, each of which is
//! read as [`Args`], slices of that same buffer. Replies: [`ReplyWriter`] appends RESP to the
//! connection's output buffer. Every error text that a client can see is in [`errors`].
//!
//! Nothing here reads a socket, knows a command or allocates per command.

mod args;
mod batch;
mod error;
pub mod errors;
mod inline;
mod large;
mod limits;
mod parser;
mod request;
mod writer;

pub use args::Args;
pub use batch::{ArgScratch, BATCH_COMMANDS_MAX, Batch};
pub use error::{IntoErrorText, ReplyError};
pub use inline::split_args;
pub use limits::{Limits, ProtocolError};
pub use parser::{LARGE_BULK_MIN, Parsed, Parser};
pub use request::write_command;
pub use writer::{Deferred, Mark, Proto, ReplyWriter};
