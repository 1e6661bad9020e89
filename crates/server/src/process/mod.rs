//! The process: logging, daemon mode, supervision, limits, signals, watchdog and crash report.
//!
//! Each file is one concern; `server`'s start-up puts them together in Redis's order:
//! `huge_pages::hold_back`, `title::init`, `log::init`, configuration, `log::configure`,
//! `supervise::begin`, `daemon::daemonize`, `banner::starting`, `signals::install`,
//! `crash::install`, `limits::follow`, sockets, `daemon::PidFile::create`, `title::follow`,
//! `banner::show`, loading, `banner::ready`, `supervise::ready`. Threads must not be started before
//! `daemon::daemonize`.
//!
//! System calls that std lacks are made here, and only here, through `libc`.

pub mod banner;
pub mod check;
pub mod crash;
pub mod daemon;
pub mod huge_pages;
pub mod limits;
pub mod log;
pub mod oom;
pub mod progress;
pub mod signals;
pub mod supervise;
pub mod title;
mod trace;
pub mod watchdog;
