//! The append-only file in Redis's multi-part layout.
//!
//! A directory holds a base (a snapshot), the increments written since, and a manifest that names
//! them in order. [`manifest`] is that list, [`store`] the directory, [`appender`] writes the
//! current increment as the log grows, [`reader`] yields the commands of a file, [`check`] is the
//! tool `redis-check-aof`, [`rewrite`] turns values into the commands that make them. Nothing here
//! has a thread, a clock or a log of its own: the server drives it.

pub mod appender;
pub mod check;
pub mod manifest;
pub mod reader;
pub mod rewrite;
pub mod store;
