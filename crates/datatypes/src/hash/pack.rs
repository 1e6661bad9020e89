//! Small hashes: listpacks of pairs, or of triples sorted by expiry.
//!
//! Reading treats both alike (`Packed`, by stride). Changing does not: a pair stays where it was
//! added, a triple stands where its expiry belongs, so that the first is always the next due.

use super::EXPIRY_MAX;
use super::{Expiry, FieldRef};
use crate::listpack::{Invalid, Item, Leanpack, LeanpackRef, ListpackRef, Pos, validate_groups};

/// Either form, for reading.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pack: LeanpackRef<'a>,
    stride: usize,
}

impl<'a> Packed<'a> {
    #[inline]
    pub(super) fn pairs(pack: LeanpackRef<'a>) -> Self {
        Self { pack, stride: 2 }
    }

    #[inline]
    pub(super) fn triples(pack: LeanpackRef<'a>) -> Self {
        Self { pack, stride: 3 }
    }

    #[inline]
    pub(super) fn bytes(self) -> &'a [u8] {
        self.pack.bytes()
    }

    #[inline]
    pub(super) fn pack(self) -> LeanpackRef<'a> {
        self.pack
    }

    #[inline]
    pub(super) fn stride(self) -> usize {
        self.stride
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.pack.len() / self.stride
    }

    #[inline]
    pub(super) fn find(self, name: &[u8]) -> Option<Pos> {
        self.pack.find(name, self.stride - 1)
    }

    #[inline]
    fn read(self, items: &mut impl Iterator<Item = Item<'a>>) -> Option<FieldRef<'a>> {
        let (name, value) = (items.next()?, items.next()?);
        let expire_at = if self.stride == 3 {
            expiry_of(items.next()?)
        } else {
            None
        };
        Some(FieldRef {
            name,
            value,
            expire_at,
        })
    }

    /// The field whose name is at `pos`.
    #[inline]
    pub(super) fn field_at(self, pos: Pos) -> FieldRef<'a> {
        let field = self.read(&mut self.pack.iter_from(pos));
        field.expect("fields are whole: validated when taken from outside")
    }

    #[inline]
    pub(super) fn fields(self) -> impl Iterator<Item = FieldRef<'a>> {
        let mut items = self.pack.iter();
        std::iter::from_fn(move || self.read(&mut items))
    }
}

/// 0 stands for none.
#[inline]
fn expiry_of(item: Item<'_>) -> Option<i64> {
    item.as_int().filter(|ms| *ms != 0)
}

/// Checks bytes from outside that should be a hash with expiries: whole triples, distinct fields,
/// expiries that are integers within bounds, in order, with those without one at the end.
///
/// # Errors
/// [`Invalid`] where anything is amiss.
pub fn validate_triples(bytes: &[u8]) -> Result<ListpackRef<'_>, Invalid> {
    let view = validate_groups(bytes, 3)?;
    let in_order = view
        .iter()
        .skip(2)
        .step_by(3)
        .map(|item| match item {
            Item::Int(0) => Some(i64::MAX),
            Item::Int(ms) => Some(ms).filter(|ms| (1..=EXPIRY_MAX).contains(ms)),
            Item::Str(_) => None,
        })
        .try_fold(0, |last, ms| ms.filter(|ms| *ms >= last));
    in_order.map(|_| view).ok_or(Invalid)
}

/// Sets a field of a listpack of pairs: whether it is new, or `None` where `entries_max` are in
/// already.
pub(super) fn put_pair(
    pack: &mut Leanpack,
    name: &[u8],
    value: &[u8],
    entries_max: usize,
) -> Option<bool> {
    if let Some(pos) = pack.view().find(name, 1) {
        if let Some(pos) = pack.view().next(pos) {
            pack.replace(pos, value);
        }
        return Some(false);
    }
    if pack.len() / 2 >= entries_max {
        return None;
    }
    pack.append_pair(name, value);
    Some(true)
}

/// The same with triples.
pub(super) fn put_triple(
    pack: &mut Leanpack,
    name: &[u8],
    value: &[u8],
    expiry: Expiry,
    entries_max: usize,
) -> Option<bool> {
    let Some(pos) = pack.view().find(name, 2) else {
        if pack.len() / 3 >= entries_max {
            return None;
        }
        let expire_at = if let Expiry::At(ms) = expiry { ms } else { 0 };
        insert_triple(pack, Item::of(name), Item::of(value), expire_at);
        return Some(true);
    };
    let own = Packed::triples(pack.view()).field_at(pos).expire_at;
    let expire_at = match expiry {
        Expiry::Keep => own,
        Expiry::Clear => None,
        Expiry::At(ms) => Some(ms),
    };
    if own == expire_at {
        if let Some(pos) = pack.view().next(pos) {
            pack.replace(pos, value);
        }
    } else {
        pack.delete_from(pos, 3);
        insert_triple(
            pack,
            Item::of(name),
            Item::of(value),
            expire_at.unwrap_or(0),
        );
    }
    Some(false)
}

/// Puts a triple behind those that expire no later.
pub(super) fn insert_triple(pack: &mut Leanpack, name: Item<'_>, value: Item<'_>, expire_at: i64) {
    let later = if expire_at == 0 {
        None
    } else {
        first_later(pack.view(), expire_at)
    };
    pack.insert_items(later, &[name, value, Item::Int(expire_at)]);
}

/// The first field that expires later than `expire_at`, or never.
fn first_later(pack: LeanpackRef<'_>, expire_at: i64) -> Option<Pos> {
    let mut items = pack.iter();
    loop {
        let (pos, _) = items.next_pos()?;
        let _value = items.next()?;
        if expiry_of(items.next()?).is_none_or(|own| own > expire_at) {
            return Some(pos);
        }
    }
}

/// Removes the field of that name.
pub(super) fn delete(pack: &mut Leanpack, stride: usize, name: &[u8]) -> bool {
    match pack.view().find(name, stride - 1) {
        Some(pos) => {
            pack.delete_from(pos, stride);
            true
        }
        None => false,
    }
}
