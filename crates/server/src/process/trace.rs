//! Back-traces: addresses taken in a signal handler, names looked up elsewhere.
//!
//! Taking the addresses walks unwind tables and allocates nothing. Naming them reads the program's
//! debug information and allocates, so it is done outside of handlers wherever that is possible.

use std::ffi::c_void;
use std::fmt::Write as _;

/// The most frames taken.
pub(super) const FRAMES_MAX: usize = 100;

/// Return addresses, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Trace {
    frames: [usize; FRAMES_MAX],
    len: usize,
}

impl Trace {
    /// No frames.
    pub(super) const fn empty() -> Self {
        Self {
            frames: [0; FRAMES_MAX],
            len: 0,
        }
    }

    /// The frames of this thread. Allocates nothing.
    #[allow(unsafe_code, reason = "the unsynchronised walk, for signal handlers")]
    pub(super) fn take() -> Self {
        let mut trace = Self::empty();
        let take = |frame: &backtrace::Frame| {
            trace.frames[trace.len] = frame.ip().addr();
            trace.len += 1;
            trace.len < FRAMES_MAX
        };
        // SAFETY: walking the stack keeps no state; synchronisation guards the naming of frames on
        // other platforms only.
        unsafe { backtrace::trace_unsynchronized(take) };
        trace
    }

    /// The addresses.
    pub(super) fn frames(&self) -> &[usize] {
        &self.frames[..self.len]
    }

    /// One line per frame with function, file and line, as far as they are known.
    pub(super) fn named(&self) -> String {
        let mut out = String::new();
        for (at, address) in self.frames().iter().enumerate() {
            let mut known = false;
            backtrace::resolve(*address as *mut c_void, |symbol| {
                known = true;
                let _ = write!(out, "{at:3}: {address:#018x} ");
                match symbol.name() {
                    Some(name) => drop(write!(out, "{name:#}")),
                    None => out.push('?'),
                }
                if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
                    let _ = write!(out, " at {}:{line}", file.display());
                }
                out.push('\n');
            });
            if !known {
                let _ = writeln!(out, "{at:3}: {address:#018x} ?");
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_names_the_function_it_was_taken_in() {
        let named = Trace::take().named();
        assert!(
            named.contains("a_trace_names_the_function_it_was_taken_in"),
            "{named}"
        );
    }
}
