//! What commands and INFO must know of loading and saving.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// See the module's text.
#[derive(Debug, Default)]
pub struct State {
    /// Data is being loaded: commands that are not flagged `loading` are refused.
    pub loading: AtomicBool,
}

impl State {
    /// Whether data is being loaded.
    #[inline]
    pub fn is_loading(&self) -> bool {
        self.loading.load(Relaxed)
    }
}
