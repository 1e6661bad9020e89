//! The value behind a sorted set key.
//!
//! A placeholder: only its shape towards the keyspace is here yet: how many allocations it holds (the keyspace
//! frees large ones in the background) and the name of its encoding.

/// A sorted set.
#[derive(Clone, Debug, Default)]
pub struct Zset {
    /// A value is one word in its entry.
    place: Option<Box<u64>>,
}

impl Zset {
    /// How many allocations dropping this frees, roughly.
    pub fn allocations(&self) -> usize {
        usize::from(self.place.is_some())
    }

    /// What OBJECT ENCODING says.
    pub fn encoding_name(&self) -> &'static str {
        "listpack"
    }
}
