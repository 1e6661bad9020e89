//! Start-up, configuration, cron, INFO and signals: the wiring.
//!
//! `config` holds what the server is told to be, `process` what the operating system sees of it.
//! Neither knows the other crates of the server.

pub mod aof;
pub mod boot;
pub mod check_rdb;
pub mod config;
pub mod control;
pub mod cron;
pub mod host;
pub mod info;
pub mod listen;
pub mod metrics;
pub mod process;
mod reclaim;
mod replication;
pub mod service;
mod snapshot;
pub mod start;
pub mod version;
pub mod wiring;

/// The allocator's type, for the binary's `#[global_allocator]`.
pub type Allocator = common::memory::CountingAllocator<common::memory::Mimalloc>;

/// mimalloc, counted.
pub const ALLOCATOR: Allocator = common::memory::CountingAllocator(common::memory::Mimalloc);
