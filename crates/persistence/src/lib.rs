//! RDB, AOF and fsync.
