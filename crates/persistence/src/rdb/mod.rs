//! The RDB format: primitives, values of every type, payloads of DUMP.
//!
//! Layers, each of which knows only the one before: [`Source`] gives bytes, [`primitive`] reads and
//! writes lengths, strings and doubles, [`value`] whole values, [`payload`] wraps one value for
//! DUMP and RESTORE.
//!
//! Everything that is read is checked as far as it must be so that nothing can panic or go wrong
//! later, and no memory is taken for what a mere length promises.

mod error;
mod legacy;
pub mod payload;
pub mod primitive;
mod source;
pub mod types;
pub mod value;

pub use error::Error;
pub use source::{ReadSource, SliceSource, Source};
