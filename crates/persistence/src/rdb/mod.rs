//! The RDB format: primitives, values of every type, payloads of DUMP.
//!
//! Layers, each of which knows only the one before: [`Source`] gives bytes, [`primitive`] reads and
//! writes lengths, strings and doubles, [`value`] whole values, [`payload`] wraps one value for
//! DUMP and RESTORE. Of whole files, [`save`] writes and [`load`] reads; [`records`] is what both
//! and the checker know of their structure.
//!
//! Everything that is read is checked as far as it must be so that nothing can panic or go wrong
//! later, and no memory is taken for what a mere length promises.

pub mod check;
mod error;
pub mod file;
mod legacy;
pub mod load;
pub mod opcode;
mod output;
pub mod payload;
pub mod primitive;
pub mod records;
pub mod save;
mod source;
pub mod types;
pub mod value;

pub use error::Error;
pub use source::{ReadSource, SliceSource, Source};
