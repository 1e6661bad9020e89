//! The host interface of script engines. No Lua library is linked.
//!
//! An engine compiles source text into something that it can call; what a script may do to the
//! server goes through [`Host`], and every call runs on a [`Budget`]. The engines themselves
//! (the VM for EVAL's dialect, WebAssembly, native hooks) plug in here; none is built in yet, and
//! the script commands do not exist until one is.

use std::time::Duration;

/// What a running script may use before it is stopped.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Time after which other clients are answered BUSY and the script may be killed.
    pub busy_after: Duration,
    /// Bytes of memory that the script's own values may hold.
    pub memory_bytes_max: usize,
}

/// What a script can ask of the server around it.
pub trait Host {
    /// Runs a command and returns its encoded RESP3 reply.
    fn call(&mut self, args: &[&[u8]]) -> Vec<u8>;
    /// Whether the script must stop now: killed, or out of budget.
    fn interrupted(&self) -> bool;
}

/// Why a script could not be compiled or did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source text is wrong.
    #[error("{0}")]
    Compile(String),
    /// The script failed while it ran.
    #[error("{0}")]
    Run(String),
    /// The script was stopped.
    #[error("script stopped")]
    Interrupted,
}

/// A native function that an embedding program compiles in.
pub trait Hook: Send + Sync {
    /// The name it is called by.
    fn name(&self) -> &str;
    /// Runs it; the result is an encoded RESP3 reply.
    ///
    /// # Errors
    /// Whatever makes the function fail; nothing that it has changed is rolled back.
    fn call(
        &self,
        host: &mut dyn Host,
        keys: &[&[u8]],
        args: &[&[u8]],
        budget: Budget,
    ) -> Result<Vec<u8>, Error>;
}
