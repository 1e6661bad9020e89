//! The integration tests: one binary, a module per area.
//!
//! Tests start the real `corewire-server` through [`support::Server`] and talk to it as users do:
//! with the `redis` crate, with `redis-cli`, or with raw bytes. They never sleep where they can
//! wait for a condition. With `COREWIRE_TEST_SERVER=/usr/bin/redis-server` the same tests run
//! against another server, which is the way to find out whether a test is right.

mod administration;
mod aof;
mod away;
mod blocking;
mod cli;
mod connection;
mod crash;
mod differential;
mod dumps;
mod errors;
mod eviction;
mod faults;
mod hardship;
mod hashes;
mod holds;
mod keys;
mod linear;
mod lists;
mod memory;
mod metrics;
mod notifications;
mod observe;
mod operators;
mod patterns;
mod pins;
mod process;
mod pubsub;
mod replication;
mod sets;
mod sketches;
mod snapshots;
mod streams;
mod strings;
mod support;
mod tidy;
mod tls;
mod tracking;
mod transactions;
mod workers;
mod zsets;
