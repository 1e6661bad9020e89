//! Configuration: the registry of directives, their values, files, command line and rewriting.
//!
//! `directive` says what a directive is, `table` lists them all, `value` and `special` parse and
//! print, `store` holds the values that the server runs with, `file` reads `redis.conf`, `argv` the
//! command line, `rewrite` writes the file back and `example` generates `redis.conf.example`.
//!
//! Nothing here knows the other parts of the server: they register with `Config::on_change` what is
//! to happen when a value changes, and read values through the typed accessors.

mod argv;
mod checks;
pub mod directive;
mod error;
pub mod example;
mod file;
mod numbers;
mod rewrite;
mod special;
mod store;
mod table;
mod value;

pub use argv::{CommandLine, Role, Start, parse_command_line};
pub use error::{LoadError, SetError};
pub use file::{Collected, Extras, Source};
pub use rewrite::Rewriting;
pub use special::{OutputLimit, SpecialValue, events};
pub use store::{Caller, Config};
pub use table::{SECTIONS, directives};
pub use value::Value;
