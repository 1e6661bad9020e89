//! The arguments of one command: slices of the connection's buffer.
//!
//! `Args` is a view and costs nothing to copy. An argument that the parser had to give its own
//! allocation (a bulk of 32 KiB and more that came in pieces) can be had as [`Bytes`], so that a
//! value is stored without copying it again.

use std::ops::Index;

use bytes::Bytes;

/// A command's arguments, the name first.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    items: &'a [&'a [u8]],
    /// Arguments with an allocation of their own, by their index in the whole command, ascending.
    large: &'a [(u32, Bytes)],
    /// How many arguments of the whole command precede `items[0]`.
    skipped: u32,
}

impl<'a> Args<'a> {
    /// Arguments that all borrow from elsewhere.
    #[inline]
    pub const fn new(items: &'a [&'a [u8]]) -> Self {
        Self {
            items,
            large: &[],
            skipped: 0,
        }
    }

    /// Arguments of which some have their own allocation: pairs of index and buffer, ascending by
    /// index.
    #[inline]
    pub const fn with_large(items: &'a [&'a [u8]], large: &'a [(u32, Bytes)]) -> Self {
        Self {
            items,
            large,
            skipped: 0,
        }
    }

    /// How many there are, the command's name included.
    #[inline]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Argument `i`, if there is one.
    #[inline]
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        self.items.get(i).copied()
    }

    /// Argument `i`. Panics if there is none: for use behind the arity check.
    #[inline]
    pub fn at(&self, i: usize) -> &'a [u8] {
        self.items[i]
    }

    /// All of them in order.
    #[inline]
    pub fn iter(&self) -> std::iter::Copied<std::slice::Iter<'a, &'a [u8]>> {
        self.items.iter().copied()
    }

    /// Those from `i` on; empty when there are fewer.
    #[inline]
    pub fn from(&self, i: usize) -> Args<'a> {
        let i = i.min(self.items.len());
        Self {
            items: &self.items[i..],
            large: self.large,
            skipped: self.skipped + i as u32,
        }
    }

    /// The first `n` of them; all when there are fewer.
    #[inline]
    pub fn first(&self, n: usize) -> Args<'a> {
        Self {
            items: &self.items[..n.min(self.items.len())],
            ..*self
        }
    }

    /// Argument `i`'s own allocation, if it has one: to be stored without copying.
    #[inline]
    pub fn large(&self, i: usize) -> Option<Bytes> {
        if self.large.is_empty() || i >= self.items.len() {
            return None;
        }
        let wanted = self.skipped + i as u32;
        self.large
            .iter()
            .find(|(index, _)| *index == wanted)
            .map(|(_, bytes)| bytes.clone())
    }

    /// The slices themselves.
    #[inline]
    pub const fn as_slice(&self) -> &'a [&'a [u8]] {
        self.items
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, i: usize) -> &[u8] {
        self.items[i]
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, &'a [u8]>>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_keeps_finding_large_arguments() {
        let items: [&[u8]; 3] = [b"set", b"key", b"value"];
        let large = [(2, Bytes::from_static(b"value"))];
        let args = Args::with_large(&items, &large);
        assert_eq!(args.large(2).as_deref(), Some(&b"value"[..]));
        assert_eq!(args.large(1), None);
        assert_eq!(args.from(1).large(1).as_deref(), Some(&b"value"[..]));
        assert_eq!(args.from(2).large(0).as_deref(), Some(&b"value"[..]));
        assert_eq!(args.first(2).large(2), None);
        assert!(args.from(9).is_empty());
    }

    #[test]
    fn indexing_and_iteration_agree() {
        let items: [&[u8]; 2] = [b"get", b"k"];
        let args = Args::new(&items);
        assert_eq!(&args[1], args.at(1));
        assert_eq!(args.iter().collect::<Vec<_>>(), items);
        assert_eq!(args.get(2), None);
        assert_eq!(args.len(), 2);
    }
}
