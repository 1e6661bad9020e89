//! Why a configuration was refused: at start (`LoadError`) or by `CONFIG SET` (`SetError`).
//!
//! The texts are Redis's: tools and its test suite look for them.

use crate::version::REDIS_VERSION;
use common::os::os_text;
use std::path::PathBuf;

/// A configuration file, standard input or a command line that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A line that is wrong, or (with no line) the configuration as a whole.
    #[error("{}", fatal(.line.as_ref(), .reason))]
    Refused {
        /// Number of the line, from 1, and the line itself.
        line: Option<(usize, String)>,
        /// What is wrong.
        reason: String,
    },
    /// A file that cannot be opened; Redis logs this one.
    #[error("Fatal error, can't open config file '{}': {}", .path.display(), os_text(.source))]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The message as Redis prints it to standard error.
fn fatal(line: Option<&(usize, String)>, reason: &str) -> String {
    let place = line.map_or(String::new(), |(number, line)| {
        format!("Reading the configuration file, at line {number}\n>>> '{line}'\n")
    });
    format!("\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n{place}{reason}")
}

/// A `CONFIG SET` that changed nothing. Prints as the error reply, without the leading `-`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", String::from_utf8_lossy(self.reply().as_bytes()))]
pub enum SetError {
    /// No such directive.
    Unknown(String),
    /// A directive that must not be set, or a value that it does not take.
    Failed {
        /// The directive.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A directive that must wait until the dataset is loaded.
    Loading,
}

impl SetError {
    /// The error reply.
    pub fn reply(&self) -> resp::ReplyError {
        match self {
            Self::Unknown(name) => resp::errors::config::unknown_option(name.as_bytes()),
            Self::Failed { name, reason } => resp::errors::config::set_failed(name, reason),
            Self::Loading => resp::errors::LOADING,
        }
    }
}
