//! RDB, AOF and fsync.
//!
//! Nothing is saved to disk yet. `server` refuses configurations that ask for it instead of
//! pretending.
