//! Encodings that are read but no longer written: ziplists and zipmaps.

pub(super) mod ziplist;
pub(super) mod zipmap;
