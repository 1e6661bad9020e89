//! Shards, databases, entries, locks, the write guard, expiry, eviction, snapshot epochs.
