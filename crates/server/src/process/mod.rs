//! The process: logging, daemon mode, supervision, limits, signals, and the crash report.
//!
//! Each file is one concern and knows nothing of the others; `server`'s start-up puts them together
//! in Redis's order. System calls that std lacks are made here, and only here, through `libc`.

pub mod title;
