//! The value behind a stream key.
//!
//! A placeholder: only its shape towards the keyspace is here yet: how many allocations it holds (the keyspace
//! frees large ones in the background) and the name of its encoding.

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// A value is one word in its entry.
    place: Option<Box<u64>>,
}

impl Stream {
    /// How many allocations dropping this frees, roughly.
    pub fn allocations(&self) -> usize {
        usize::from(self.place.is_some())
    }

    /// What OBJECT ENCODING says.
    pub fn encoding_name(&self) -> &'static str {
        "stream"
    }
}
