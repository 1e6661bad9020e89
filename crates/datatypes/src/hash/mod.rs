//! Hash: a lean listpack of pairs while it is small, the same with expiries (`listpackex`), then
//! the compact table.
//!
//! With the first field expiry a listpack of pairs becomes one of triples, field, value, expiry (0:
//! none), sorted by expiry with those without one at the end: Redis 7.4's form. The table keeps
//! expiries in the fields, and an index of them. Both know at once which field is due next
//! ([`Hash::next_due`]), so that fields expire when their time comes. What is due is still there
//! until [`Hash::expire_due`] removes it; whoever reads in between looks at
//! [`FieldRef::expire_at`].
//!
//! Thresholds are arguments ([`HashLimits`]). A hash never goes back to an earlier form.

mod expiry;
mod field;
mod pack;
mod pick;
mod table;
#[cfg(test)]
mod tests;

pub use field::{EXPIRY_MAX, TEXT_LEN_MAX};
pub use pack::validate_triples;

use crate::listpack::{Item, Leanpack, LeanpackRef};
use crate::word::{Of, OneOf};
use pack::Packed;
use std::ops::ControlFlow;
use table::FieldTable;

/// The directives that shape hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    /// `hash-max-listpack-entries`.
    pub entries: usize,
    /// `hash-max-listpack-value`: the longest field or value of a listpack.
    pub value: usize,
}

impl Default for HashLimits {
    fn default() -> Self {
        Self {
            entries: 128,
            value: 64,
        }
    }
}

/// What becomes of a field's expiry when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It goes, as with HSET.
    Clear,
    /// It stays, as with HINCRBY.
    Keep,
    /// It is this Unix time in milliseconds, from 1 to [`EXPIRY_MAX`].
    At(i64),
}

/// A field as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// The field's name.
    pub name: Item<'a>,
    /// Its value.
    pub value: Item<'a>,
    /// When it expires: a Unix time in milliseconds.
    pub expire_at: Option<i64>,
}

/// A hash, held by one pointer.
pub struct Hash {
    form: OneOf<Leanpack, Expiring, Box<FieldTable>>,
}

/// A listpack of triples.
pub(crate) struct Expiring(pub(crate) Leanpack);

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Hash {
    fn clone(&self) -> Self {
        let form = match self.form.get() {
            Of::A(pack) => Of::A(Leanpack::from_ref(pack)),
            Of::B(pack) => Of::B(Expiring(Leanpack::from_ref(pack))),
            Of::C(table) => Of::C(Box::new(table.clone())),
        };
        Self {
            form: OneOf::new(form),
        }
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut list = f.debug_list();
        self.for_each(|field| {
            list.entry(&field);
        });
        list.finish()
    }
}

/// For reading: one of two.
enum View<'a> {
    Packed(Packed<'a>),
    Table(&'a FieldTable),
}

impl Hash {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            form: OneOf::new(Of::A(Leanpack::new())),
        }
    }

    /// An empty one for so many fields: takes at once the form that they need.
    #[must_use]
    pub fn with_hint(count: usize, limits: &HashLimits) -> Self {
        if count <= limits.entries {
            return Self::new();
        }
        Self {
            form: OneOf::new(Of::C(Box::default())),
        }
    }

    #[inline]
    fn view(&self) -> View<'_> {
        match self.form.get() {
            Of::A(pack) => View::Packed(Packed::pairs(pack)),
            Of::B(pack) => View::Packed(Packed::triples(pack)),
            Of::C(table) => View::Table(table),
        }
    }

    /// The number of fields.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match self.view() {
            View::Packed(pack) => pack.len(),
            View::Table(table) => table.len(),
        }
    }

    /// Whether there is no field.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        match self.form.get() {
            Of::A(_) => "listpack",
            Of::B(_) => "listpackex",
            Of::C(_) => "hashtable",
        }
    }

    /// How many allocations dropping this frees.
    #[must_use]
    pub fn allocations(&self) -> usize {
        match self.view() {
            View::Packed(_) => 1,
            View::Table(table) => 2 + table.len(),
        }
    }

    /// Bytes that it holds on the heap; of a table's fields, only `samples` (0: all) are looked at.
    #[must_use]
    pub fn memory(&self, samples: usize) -> usize {
        match self.view() {
            View::Packed(pack) => crate::size_class(pack.bytes().len()),
            View::Table(table) => size_of::<FieldTable>() + table.memory(samples),
        }
    }

    /// Slots of its table, used or not; `None` where it is none. For DEBUG HTSTATS-KEY.
    #[must_use]
    pub fn slots(&self) -> Option<usize> {
        match self.view() {
            View::Packed(_) => None,
            View::Table(table) => Some(table.slots()),
        }
    }

    /// The field of that name.
    #[inline]
    #[must_use]
    pub fn field(&self, name: &[u8]) -> Option<FieldRef<'_>> {
        match self.view() {
            View::Packed(pack) => pack.find(name).map(|pos| pack.field_at(pos)),
            View::Table(table) => table.field(name),
        }
    }

    /// The value of that field.
    #[inline]
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<Item<'_>> {
        self.field(name).map(|field| field.value)
    }

    /// Whether there is a field of that name.
    #[inline]
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        match self.view() {
            View::Packed(pack) => pack.find(name).is_some(),
            View::Table(table) => table.field(name).is_some(),
        }
    }

    /// Asks for what a look at a field of this hash reads first; whether there is more to ask
    /// [`Self::prefetch_field`] for then.
    #[inline]
    pub fn prefetch(&self, hash: u64) -> bool {
        self.form.prefetch(|table| table.prefetch(hash))
    }

    /// Asks for the field that probably has this hash; [`prefetch`](Self::prefetch) should be done.
    #[inline]
    pub fn prefetch_field(&self, hash: u64) {
        if let Some(table) = self.form.third() {
            table.prefetch_field(hash);
        }
    }

    /// Sets a field, as HSET does: an expiry that it had goes. Answers whether it is new.
    #[inline]
    pub fn set(&mut self, name: &[u8], value: &[u8], limits: &HashLimits) -> bool {
        self.put(name, value, Expiry::Clear, limits)
    }

    /// Sets a field and its expiry; answers whether it is new. Name and value are at most
    /// [`TEXT_LEN_MAX`] long.
    pub fn put(&mut self, name: &[u8], value: &[u8], expiry: Expiry, limits: &HashLimits) -> bool {
        if let Expiry::At(_) = expiry {
            self.admit_expiries();
        }
        let short = name.len().max(value.len()) <= limits.value;
        match self.form.get_mut() {
            Of::C(mut table) => return table.put(name, value, expiry),
            Of::A(mut pack) if short && pack.can_add(name.len() + value.len() + 32) => {
                if let Some(new) = pack::put_pair(&mut pack, name, value, limits.entries) {
                    return new;
                }
            }
            Of::B(mut triples) if short && triples.0.can_add(name.len() + value.len() + 64) => {
                if let Some(new) =
                    pack::put_triple(&mut triples.0, name, value, expiry, limits.entries)
                {
                    return new;
                }
            }
            Of::A(_) | Of::B(_) => {}
        }
        self.with_table(|table| table.put(name, value, expiry))
    }

    /// Becomes a table now where one of these texts is too long for a listpack. A command that sets
    /// several fields calls it first, so that it does not convert in between; `put` sees to it too.
    pub fn prepare<'a>(&mut self, texts: impl IntoIterator<Item = &'a [u8]>, limits: &HashLimits) {
        if !matches!(self.form.get(), Of::C(_))
            && texts.into_iter().any(|text| text.len() > limits.value)
        {
            self.with_table(|_| ());
        }
    }

    /// Removes a field; answers whether it was there.
    pub fn delete(&mut self, name: &[u8]) -> bool {
        match self.form.get_mut() {
            Of::A(mut pack) => pack::delete(&mut pack, 2, name),
            Of::B(mut triples) => pack::delete(&mut triples.0, 3, name),
            Of::C(mut table) => table.delete(name),
        }
    }

    /// Reads all fields: as added in a listpack, by expiry in one with expiries, in no order in a
    /// table.
    #[inline]
    pub fn for_each<'a>(&'a self, mut f: impl FnMut(FieldRef<'a>)) {
        let _ = self.try_for_each(|field| {
            f(field);
            ControlFlow::Continue(())
        });
    }

    /// Reads fields until `f` breaks.
    #[inline]
    pub fn try_for_each<'a>(
        &'a self,
        f: impl FnMut(FieldRef<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self.view() {
            View::Packed(pack) => pack.fields().try_for_each(f),
            View::Table(table) => table.fields().try_for_each(f),
        }
    }

    /// Reads on from `cursor` (0 at first) until about `count` fields were seen; answers the next
    /// cursor, 0 at the end. What is there from the first call to the last is seen. Small forms are
    /// read whole.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, f: impl FnMut(FieldRef<'a>)) -> u64 {
        match self.view() {
            View::Packed(pack) => {
                pack.fields().for_each(f);
                0
            }
            View::Table(table) => table.scan(cursor, count, f),
        }
    }

    /// Becomes a table, whatever it was.
    fn with_table<R>(&mut self, f: impl FnOnce(&mut FieldTable) -> R) -> R {
        if let Of::C(mut table) = self.form.get_mut() {
            return f(&mut table);
        }
        let mut table = Box::<FieldTable>::default();
        self.for_each(|field| table.insert(field));
        let result = f(&mut table);
        self.form = OneOf::new(Of::C(table));
        result
    }

    /// Takes a validated listpack of pairs with distinct fields from an RDB file, and the form that
    /// the limits want.
    #[must_use]
    pub fn from_listpack(pack: Leanpack, limits: &HashLimits) -> Self {
        Self {
            form: OneOf::new(Of::A(pack)),
        }
        .within(limits)
    }

    /// Takes a listpack of triples that [`validate_triples`] has passed, sorted by expiry, as
    /// [`Hash::packed`] gives it.
    #[must_use]
    pub fn from_listpack_ex(pack: Leanpack, limits: &HashLimits) -> Self {
        Self {
            form: OneOf::new(Of::B(Expiring(pack))),
        }
        .within(limits)
    }

    /// Only the count decides, as it does when Redis loads one.
    fn within(mut self, limits: &HashLimits) -> Self {
        if self.len() > limits.entries {
            self.with_table(|_| ());
        }
        self
    }

    /// The listpack as it is, for RDB files and DEBUG; `None` where it is a table.
    #[must_use]
    pub fn packed(&self) -> Option<HashBytes<'_>> {
        match self.form.get() {
            Of::A(pack) => Some(HashBytes::Pairs(pack)),
            Of::B(pack) => Some(HashBytes::Triples(pack)),
            Of::C(_) => None,
        }
    }
}

/// A small hash as it is in memory.
#[derive(Clone, Copy, Debug)]
pub enum HashBytes<'a> {
    /// A listpack of field and value.
    Pairs(LeanpackRef<'a>),
    /// A listpack of field, value and expiry, by expiry.
    Triples(LeanpackRef<'a>),
}
