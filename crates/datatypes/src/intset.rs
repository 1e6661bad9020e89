//! Intset: a sorted array of distinct integers, byte for byte as Redis keeps it.
//!
//! `[width: u32 LE, 2, 4 or 8][count: u32 LE][integers, LE, ascending]`. The width is that of the
//! widest integer ever added; removing does not narrow it. [`IntsetRef`] reads any bytes that hold
//! one, [`Intset`] owns one behind a single pointer. Bytes from outside go through [`validate`]
//! first.

use crate::thin::{Head, ThinBytes};
use rand::Rng;
use std::ptr::NonNull;

const HEADER_SIZE: usize = 8;

/// Why bytes are not an intset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid;

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a valid intset")
    }
}

impl std::error::Error for Invalid {}

/// Checks bytes from outside: width, count, length, not empty; with `deep` also the order.
///
/// # Errors
/// [`Invalid`] where anything is amiss.
pub fn validate(bytes: &[u8], deep: bool) -> Result<IntsetRef<'_>, Invalid> {
    let head = bytes.first_chunk::<HEADER_SIZE>().ok_or(Invalid)?;
    if !matches!(width_in(*head), 2 | 4 | 8)
        || count_in(*head) == 0
        || Shape::used(*head) != bytes.len()
    {
        return Err(Invalid);
    }
    let view = IntsetRef { bytes };
    if deep && !view.iter().is_sorted_by(|a, b| a < b) {
        return Err(Invalid);
    }
    Ok(view)
}

/// The shortest width that holds `value`.
const fn width_of(value: i64) -> usize {
    if value as i16 as i64 == value {
        2
    } else if value as i32 as i64 == value {
        4
    } else {
        8
    }
}

#[inline]
fn width_in(head: [u8; 8]) -> usize {
    u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize
}

#[inline]
fn count_in(head: [u8; 8]) -> usize {
    u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize
}

fn head_of(width: usize, count: usize) -> [u8; 8] {
    let mut head = [0; 8];
    head[..4].copy_from_slice(&(width as u32).to_le_bytes());
    head[4..].copy_from_slice(
        &u32::try_from(count)
            .expect("sets become tables long before")
            .to_le_bytes(),
    );
    head
}

/// Width and count decide the length.
struct Shape;

impl Head for Shape {
    #[inline]
    fn fixed(_: [u8; 8]) -> usize {
        HEADER_SIZE
    }

    #[inline]
    fn used(head: [u8; 8]) -> usize {
        HEADER_SIZE + width_in(head) * count_in(head)
    }
}

/// An intset in borrowed bytes.
#[derive(Clone, Copy)]
pub struct IntsetRef<'a> {
    bytes: &'a [u8],
}

impl<'a> IntsetRef<'a> {
    /// Views the intset at the start of `bytes`, which may go on behind it. Trusts them: see
    /// [`validate`].
    ///
    /// # Panics
    /// Where the stated length exceeds the bytes.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let used = bytes
            .first_chunk::<HEADER_SIZE>()
            .map_or(HEADER_SIZE, |head| Shape::used(*head));
        Self {
            bytes: &bytes[..used],
        }
    }

    /// The whole intset as it goes to disk.
    #[inline]
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    fn head(self) -> [u8; 8] {
        let mut head = [0; 8];
        head.copy_from_slice(&self.bytes[..8]);
        head
    }

    #[inline]
    fn width(self) -> usize {
        width_in(self.head())
    }

    /// The number of integers.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        count_in(self.head())
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The integer at `index` in ascending order.
    #[inline]
    #[must_use]
    pub fn get(self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| read(self.bytes, self.width(), index))
    }

    /// Where `value` is (`Ok`), or where it would be.
    ///
    /// # Errors
    /// The index to insert at.
    #[inline]
    pub fn search(self, value: i64) -> Result<usize, usize> {
        let (width, len) = (self.width(), self.len());
        if width_of(value) > width {
            return Err(if value < 0 { 0 } else { len });
        }
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = (low + high) / 2;
            match read(self.bytes, width, middle).cmp(&value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Whether `value` is in.
    #[inline]
    #[must_use]
    pub fn contains(self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// A random member; `None` when empty.
    #[inline]
    #[must_use]
    pub fn random(self, rng: &mut impl Rng) -> Option<i64> {
        (!self.is_empty()).then(|| read(self.bytes, self.width(), rng.random_range(0..self.len())))
    }

    /// All, ascending.
    #[inline]
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + use<'a> {
        let width = self.width();
        (0..self.len()).map(move |index| read(self.bytes, width, index))
    }
}

#[inline]
fn read(bytes: &[u8], width: usize, index: usize) -> i64 {
    let at = &bytes[HEADER_SIZE + index * width..];
    match width {
        2 => i64::from(i16::from_le_bytes([at[0], at[1]])),
        4 => i64::from(i32::from_le_bytes([at[0], at[1], at[2], at[3]])),
        _ => i64::from_le_bytes([at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7]]),
    }
}

/// An intset of its own, held by one pointer.
#[derive(Clone)]
pub struct Intset {
    block: ThinBytes<Shape>,
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.view().iter()).finish()
    }
}

impl Intset {
    /// An empty one, of the narrowest width.
    #[must_use]
    pub fn new() -> Self {
        Self {
            block: ThinBytes::from_slice(&head_of(2, 0)),
        }
    }

    /// Copies an intset from elsewhere.
    #[must_use]
    pub fn from_ref(set: IntsetRef<'_>) -> Self {
        Self {
            block: ThinBytes::from_slice(set.bytes()),
        }
    }

    /// Takes bytes from outside; see [`validate`].
    ///
    /// # Errors
    /// [`Invalid`] where they are not an intset.
    pub fn from_bytes(bytes: &[u8], deep: bool) -> Result<Self, Invalid> {
        validate(bytes, deep).map(Self::from_ref)
    }

    /// For reading.
    #[inline]
    #[must_use]
    pub fn view(&self) -> IntsetRef<'_> {
        IntsetRef {
            bytes: self.block.as_slice(),
        }
    }

    /// The number of integers.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the allocator holds for it.
    #[inline]
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.block.allocated()
    }

    /// Adds `value`; answers whether it was new.
    pub fn add(&mut self, value: i64) -> bool {
        let (width, len) = (self.view().width(), self.len());
        let Err(index) = self.view().search(value) else {
            return false;
        };
        if width_of(value) > width {
            self.widen(width_of(value));
        }
        let width = width.max(width_of(value));
        let (head, at) = (head_of(width, len + 1), HEADER_SIZE + index * width);
        self.block
            .splice(&head, at, 0, &[&value.to_le_bytes()[..width]]);
        true
    }

    fn widen(&mut self, width: usize) {
        let mut bytes = Vec::with_capacity(HEADER_SIZE + width * self.len());
        bytes.extend_from_slice(&head_of(width, self.len()));
        for value in self.view().iter() {
            bytes.extend_from_slice(&value.to_le_bytes()[..width]);
        }
        self.block = ThinBytes::from_slice(&bytes);
    }

    /// Removes `value`; answers whether it was in.
    pub fn remove(&mut self, value: i64) -> bool {
        let (width, len) = (self.view().width(), self.len());
        let Ok(index) = self.view().search(value) else {
            return false;
        };
        let head = head_of(width, len - 1);
        self.block
            .splice(&head, HEADER_SIZE + index * width, width, &[]);
        true
    }

    /// Gives up ownership for a tagged pointer; aligned to 8.
    #[inline]
    #[must_use]
    pub fn into_raw(self) -> NonNull<u8> {
        self.block.into_raw()
    }

    /// Reads it without owning it.
    ///
    /// # Safety
    /// `ptr` came from [`Intset::into_raw`], and nothing changes or frees it during `'a`.
    #[allow(unsafe_code, reason = "the counterpart of into_raw")]
    #[inline]
    #[must_use]
    pub unsafe fn borrow_raw<'a>(ptr: NonNull<u8>) -> IntsetRef<'a> {
        // SAFETY: the caller's promise is the one asked for.
        let bytes = unsafe { ThinBytes::<Shape>::borrow_raw(ptr) };
        IntsetRef { bytes }
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// `ptr` came from [`Intset::into_raw`], and is given back once.
    #[allow(unsafe_code, reason = "the counterpart of into_raw")]
    #[inline]
    #[must_use]
    pub unsafe fn from_raw(ptr: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise is the one asked for.
        let block = unsafe { ThinBytes::from_raw(ptr) };
        Self { block }
    }
}

impl Extend<i64> for Intset {
    fn extend<T: IntoIterator<Item = i64>>(&mut self, values: T) {
        for value in values {
            self.add(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{is_compared, sized};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn bytes_are_the_published_ones() {
        let mut set = Intset::new();
        set.extend([2, -1, 2]);
        assert_eq!(
            set.view().bytes(),
            [2, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0xFF, 2, 0]
        );
        set.add(70_000);
        assert_eq!(
            set.view().bytes()[..12],
            [4, 0, 0, 0, 3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
        );
        set.add(i64::MIN);
        assert_eq!(set.view().bytes().len(), 8 + 4 * 8);
        assert!(set.remove(i64::MIN));
        assert_eq!(set.view().bytes()[0], 8, "removing does not narrow");
    }

    #[test]
    fn validation_refuses_what_is_not_one() {
        let mut set = Intset::new();
        assert!(
            validate(set.view().bytes(), true).is_err(),
            "empty ones are not stored"
        );
        set.extend([5, 6, 7]);
        let good = set.view().bytes().to_vec();
        assert!(validate(&good, true).is_ok());
        let mut swapped = good.clone();
        swapped.swap(8, 10);
        assert!(validate(&swapped, false).is_ok() && validate(&swapped, true).is_err());
        let mut wide = good.clone();
        wide[0] = 3;
        assert!(validate(&wide, false).is_err());
        for cut in 0..good.len() {
            assert!(validate(&good[..cut], false).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(sized(200, 4) as u32))]
        #[test]
        fn behaves_as_a_sorted_set(
            steps in proptest::collection::vec((any::<bool>(), prop_oneof![
                -20i64..20, -40_000i64..40_000, any::<i32>().prop_map(i64::from), any::<i64>()
            ]), 0..120)
        ) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for (step, (add, value)) in steps.into_iter().enumerate() {
                if add {
                    prop_assert_eq!(set.add(value), model.insert(value));
                } else {
                    prop_assert_eq!(set.remove(value), model.remove(&value));
                }
                prop_assert_eq!(set.view().contains(value), model.contains(&value));
                prop_assert_eq!(set.len(), model.len());
                if is_compared(step, 8) {
                    prop_assert!(set.view().iter().eq(model.iter().copied()));
                }
            }
            prop_assert!(set.view().iter().eq(model.iter().copied()));
            if !model.is_empty() {
                prop_assert!(validate(set.view().bytes(), true).is_ok());
            }
        }
    }
}
