//! RDB, AOF and fsync: formats and files, without threads of their own; the server drives them.
//!
//! [`rdb`] has the codec of values, which DUMP and RESTORE share with snapshots. It does no I/O of
//! its own: it writes to buffers and reads from a [`rdb::Source`]. [`aof`] is the append-only file.
//! [`cut::Cut`] gives every entry of one instant, for whoever writes a snapshot. Files are reached
//! through [`disk`], so that failing ones can be tested.

pub mod aof;
pub mod cut;
pub mod disk;
pub mod pace;
pub mod rdb;
