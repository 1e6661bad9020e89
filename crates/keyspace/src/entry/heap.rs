//! A string value too long to live in its entry.
//!
//! Either a buffer that grows in place, or a large argument's own allocation taken over without
//! a copy, which becomes a buffer when it is first changed.

use bytes::{Bytes, BytesMut};

/// See the module's text.
#[derive(Debug)]
pub(super) enum HeapStr {
    Buffer(Vec<u8>),
    Shared(Bytes),
}

impl HeapStr {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Buffer(b) => b,
            Self::Shared(b) => b,
        }
    }

    /// Bytes of the allocation behind.
    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Buffer(b) => b.capacity(),
            Self::Shared(b) => b.len(),
        }
    }

    /// The buffer, to be changed.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if let Self::Shared(bytes) = self {
            // Takes the allocation over where nobody else holds it.
            let taken = match std::mem::take(bytes).try_into_mut() {
                Ok(unique) => Vec::from(BytesMut::freeze(unique)),
                Err(shared) => shared.to_vec(),
            };
            *self = Self::Buffer(taken);
        }
        match self {
            Self::Buffer(b) => b,
            Self::Shared(_) => unreachable!("exchanged above"),
        }
    }
}
