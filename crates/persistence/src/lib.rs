//! RDB, AOF and fsync.
//!
//! [`rdb`] has the codec of values, which DUMP and RESTORE share with snapshots. It does no I/O of
//! its own: it writes to buffers and reads from a [`rdb::Source`].

pub mod rdb;
