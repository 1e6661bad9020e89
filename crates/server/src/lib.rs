//! Start-up, configuration, cron, INFO and signals: the wiring.
//!
//! `config` holds what the server is told to be, `process` what the operating system sees of it.
//! Neither knows the other crates of the server.

pub mod config;
pub mod process;
pub mod version;
