//! The requests of one connection that were read and not executed yet.
//!
//! Mostly there are none, and then it owns nothing: requests are executed out of the worker's read
//! buffer. What is kept here is the beginning of an unfinished command, or what waits behind a
//! command that is deferred, blocked, or out of budget.

/// Kept up to this size, an unfinished request is moved back in front of what is read next; above,
/// what is read is appended here.
pub(crate) const MOVE_MAX: usize = 16 * 1024;

/// Bytes kept for later.
#[derive(Default)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    /// How many of them are executed.
    done: usize,
}

impl Input {
    /// Bytes that are kept.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.done
    }

    /// The memory that they take.
    pub(crate) fn allocated(&self) -> usize {
        self.bytes.capacity()
    }

    /// Moves what is kept to the front of `into`; returns how much that was.
    #[inline]
    pub(crate) fn move_to(&mut self, into: &mut [u8]) -> usize {
        if self.bytes.is_empty() {
            return 0;
        }
        let kept = std::mem::take(self);
        let rest = &kept.bytes[kept.done..];
        into[..rest.len()].copy_from_slice(rest);
        rest.len()
    }

    /// Keeps `rest`; nothing must be kept yet.
    #[inline]
    pub(crate) fn keep(&mut self, rest: &[u8]) {
        debug_assert_eq!(self.len(), 0);
        if !rest.is_empty() {
            self.bytes.extend_from_slice(rest);
        }
    }

    /// Appends what was read.
    pub(crate) fn append(&mut self, read: &[u8]) {
        if self.done > self.bytes.len() / 2 {
            self.bytes.drain(..self.done);
            self.done = 0;
        }
        self.bytes.extend_from_slice(read);
    }

    /// Takes the bytes out to execute them, with the offset at which to begin.
    pub(crate) fn take(&mut self) -> (Vec<u8>, usize) {
        (
            std::mem::take(&mut self.bytes),
            std::mem::take(&mut self.done),
        )
    }

    /// Puts them back, executed up to `done`; lets them go if that is all.
    pub(crate) fn put_back(&mut self, bytes: Vec<u8>, done: usize) {
        if done < bytes.len() {
            (self.bytes, self.done) = (bytes, done);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executed_input_owns_nothing() {
        let mut input = Input::default();
        input.append(b"PING\r\nPI");
        let (bytes, done) = input.take();
        input.put_back(bytes, done + 6);
        assert_eq!(input.len(), 2);
        let mut buffer = [0; 16];
        assert_eq!(input.move_to(&mut buffer), 2);
        assert_eq!(&buffer[..2], b"PI");
        assert_eq!((input.len(), input.allocated()), (0, 0));
        input.keep(b"PI");
        input.append(b"NG\r\n");
        let (bytes, done) = input.take();
        assert_eq!(&bytes[done..], b"PING\r\n");
        input.put_back(bytes, 6);
        assert_eq!(input.allocated(), 0);
    }
}
