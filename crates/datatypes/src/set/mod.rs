//! Set: an intset while all members are integers, then a listpack, then the compact table.
//!
//! Which forms a set takes is decided by [`SetLimits`], given with each change: Redis 7.0 has no
//! listpack sets, which is `listpack_entries: 0`. A set never goes back to an earlier form.
//!
//! Reading is by closures that get each member as an [`Item`]: text is copied nowhere.

mod algebra;
mod member;
mod pick;
#[cfg(test)]
mod tests;

use crate::intset::Intset;
use crate::listpack::{Item, Leanpack, LeanpackRef};
use crate::table::Table;
use crate::word::{Of, OneOf};
use common::hash::hash;
use common::number::parse_i64;
use member::Member;
use std::ops::ControlFlow;

/// The directives that shape sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// `set-max-intset-entries`.
    pub intset_entries: usize,
    /// `set-max-listpack-entries`; 0 for no listpack sets, as in Redis 7.0.
    pub listpack_entries: usize,
    /// `set-max-listpack-value`: the longest member of a listpack.
    pub listpack_value: usize,
}

impl Default for SetLimits {
    fn default() -> Self {
        Self {
            intset_entries: 512,
            listpack_entries: 128,
            listpack_value: 64,
        }
    }
}

/// No intset grows beyond this, whatever the directive says.
const INTSET_ENTRIES_MAX: usize = 1 << 30;

/// A set, held by one pointer.
pub struct Set {
    form: OneOf<Intset, Leanpack, Box<Table<Member>>>,
}

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Set {
    fn clone(&self) -> Self {
        let form = match self.form.get() {
            Of::A(ints) => Of::A(Intset::from_ref(ints)),
            Of::B(pack) => Of::B(Leanpack::from_ref(pack)),
            Of::C(table) => {
                let mut copy = Box::new(Table::new());
                for text in table.iter() {
                    copy.insert_new(hash(text), Member::new(text));
                }
                Of::C(copy)
            }
        };
        Self {
            form: OneOf::new(form),
        }
    }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut set = f.debug_set();
        self.for_each(|item| {
            set.entry(&item);
        });
        set.finish()
    }
}

impl Set {
    /// An empty one, without a form that counts: the first member decides.
    #[must_use]
    pub fn new() -> Self {
        Self {
            form: OneOf::new(Of::A(Intset::new())),
        }
    }

    /// An empty one for about `count` members of which the first is `text`: takes at once the form
    /// that they need.
    #[must_use]
    pub fn with_hint(text: &[u8], count: usize, limits: &SetLimits) -> Self {
        let mut set = Self::new();
        let int = parse_i64(text).is_some();
        if int && count <= limits.intset_entries {
            return set;
        }
        if count > limits.listpack_entries && !(int && limits.listpack_entries == 0) {
            set.form = OneOf::new(Of::C(Box::default()));
        } else if count <= limits.listpack_entries {
            set.form = OneOf::new(Of::B(Leanpack::new()));
        }
        set
    }

    /// Takes a validated intset from an RDB file. Where the limits exclude it, the form changes.
    #[must_use]
    pub fn from_intset(ints: Intset, limits: &SetLimits) -> Self {
        let fits = ints.len() <= limits.intset_entries.min(INTSET_ENTRIES_MAX);
        let mut set = Self {
            form: OneOf::new(Of::A(ints)),
        };
        if !fits {
            set.with_table(|_| ());
        }
        set
    }

    /// Takes a validated listpack of distinct members from an RDB file. Where there are too many,
    /// the form changes.
    #[must_use]
    pub fn from_listpack(pack: Leanpack, limits: &SetLimits) -> Self {
        let fits = pack.len() <= limits.listpack_entries;
        let mut set = Self {
            form: OneOf::new(Of::B(pack)),
        };
        if !fits {
            set.with_table(|_| ());
        }
        set
    }

    /// The number of members.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match self.form.get() {
            Of::A(ints) => ints.len(),
            Of::B(pack) => pack.len(),
            Of::C(table) => table.len(),
        }
    }

    /// Whether there is no member.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        match self.form.get() {
            Of::A(_) => "intset",
            Of::B(_) => "listpack",
            Of::C(_) => "hashtable",
        }
    }

    /// How many allocations dropping this frees.
    #[must_use]
    pub fn allocations(&self) -> usize {
        match self.form.get() {
            Of::A(_) | Of::B(_) => 1,
            Of::C(table) => 2 + table.len(),
        }
    }

    /// Bytes that it holds on the heap; of a table's members, only `samples` (0: all) are looked
    /// at.
    #[must_use]
    pub fn memory(&self, samples: usize) -> usize {
        match self.form.get() {
            Of::A(ints) => crate::size_class(ints.bytes().len()),
            Of::B(pack) => crate::size_class(pack.bytes().len()),
            Of::C(table) => {
                let samples = if samples == 0 {
                    table.len()
                } else {
                    samples.min(table.len())
                };
                let seen: usize = table.iter().take(samples).map(Member::allocated).sum();
                size_of::<Table<Member>>()
                    + table.memory()
                    + (seen * table.len()).div_ceil(samples.max(1))
            }
        }
    }

    /// Slots of its table, used or not; `None` where it is none. For DEBUG HTSTATS-KEY.
    #[must_use]
    pub fn slots(&self) -> Option<usize> {
        match self.form.get() {
            Of::C(table) => Some(table.capacity()),
            _ => None,
        }
    }

    /// Whether `text` is a member.
    #[inline]
    #[must_use]
    pub fn contains(&self, text: &[u8]) -> bool {
        match self.form.get() {
            Of::A(ints) => parse_i64(text).is_some_and(|int| ints.contains(int)),
            Of::B(pack) => pack.find(text, 0).is_some(),
            Of::C(table) => table.find(hash(text), text).is_some(),
        }
    }

    /// Whether an element read from another set is a member.
    #[inline]
    #[must_use]
    pub fn contains_item(&self, item: Item<'_>) -> bool {
        match (self.form.get(), item) {
            (Of::A(ints), Item::Int(int)) => ints.contains(int),
            _ => self.contains(item.text(&mut itoa::Buffer::new())),
        }
    }

    /// [`Self::contains_item`] of one whose text has this hash.
    #[inline]
    #[must_use]
    pub fn contains_hashed(&self, item: Item<'_>, hash: u64) -> bool {
        match self.form.get() {
            Of::C(table) => table
                .find(hash, item.text(&mut itoa::Buffer::new()))
                .is_some(),
            _ => self.contains_item(item),
        }
    }

    /// Asks for what a look at a member of this hash reads first; whether there is more to ask
    /// [`Self::prefetch_member`] for then.
    #[inline]
    pub fn prefetch(&self, hash: u64) -> bool {
        self.form.prefetch(|table| table.prefetch(hash))
    }

    /// Asks for the member that probably has this hash; [`prefetch`](Self::prefetch) should be
    /// done.
    #[inline]
    pub fn prefetch_member(&self, hash: u64) {
        if let Some(table) = self.form.third() {
            table.prefetch_item(hash);
        }
    }

    /// Adds `text`; answers whether it was new.
    pub fn add(&mut self, text: &[u8], limits: &SetLimits) -> bool {
        let (pack, added) = match self.form.get_mut() {
            Of::C(mut table) => return add_to_table(&mut table, text),
            Of::B(mut pack) => match add_to_pack(&mut pack, text, limits) {
                Some(added) => return added,
                None => (None, false),
            },
            Of::A(mut ints) => match parse_i64(text) {
                Some(int) if !ints.add(int) => return false,
                Some(_) if ints.len() <= limits.intset_entries.min(INTSET_ENTRIES_MAX) => {
                    return true;
                }
                Some(_) => (None, true),
                None => (pack_with(&ints, text, limits), false),
            },
        };
        match pack {
            Some(pack) => {
                self.form = OneOf::new(Of::B(pack));
                true
            }
            None => self.with_table(|table| added || add_to_table(table, text)),
        }
    }

    /// Removes `text`; answers whether it was a member.
    pub fn remove(&mut self, text: &[u8]) -> bool {
        match self.form.get_mut() {
            Of::A(mut ints) => parse_i64(text).is_some_and(|int| ints.remove(int)),
            Of::B(mut pack) => match pack.view().find(text, 0) {
                Some(pos) => {
                    pack.delete(pos);
                    true
                }
                None => false,
            },
            Of::C(mut table) => match table.find(hash(text), text) {
                Some(place) => table.remove(place).is_some(),
                None => false,
            },
        }
    }

    /// Becomes a table, whatever it was.
    fn with_table<R>(&mut self, f: impl FnOnce(&mut Table<Member>) -> R) -> R {
        if let Of::C(mut table) = self.form.get_mut() {
            return f(&mut table);
        }
        let mut table = Box::new(Table::new());
        self.for_each(|item| {
            add_to_table(&mut table, item.text(&mut itoa::Buffer::new()));
        });
        let result = f(&mut table);
        self.form = OneOf::new(Of::C(table));
        result
    }

    /// Reads all members; ascending in an intset, as added in a listpack, in no order in a table.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(Item<'_>)) {
        let _ = self.try_for_each(|item| {
            f(item);
            ControlFlow::Continue(())
        });
    }

    /// Reads members until `f` breaks.
    pub fn try_for_each<'a>(
        &'a self,
        mut f: impl FnMut(Item<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self.form.get() {
            Of::A(ints) => ints.iter().try_for_each(|int| f(Item::Int(int))),
            Of::B(pack) => pack.iter().try_for_each(f),
            Of::C(table) => table.iter().try_for_each(|text| f(Item::Str(text))),
        }
    }

    /// Reads on from `cursor` (0 at first) until about `count` members were seen; answers the next
    /// cursor, 0 at the end. What is a member from the first call to the last is seen. Small forms
    /// are read whole.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Item<'_>)) -> u64 {
        let Of::C(table) = self.form.get() else {
            self.for_each(f);
            return 0;
        };
        crate::scan::scan(table, cursor, count, |text| f(Item::Str(text)))
    }

    /// The intset or listpack as it is, for RDB files and DEBUG; `None` where it is a table.
    #[must_use]
    pub fn packed(&self) -> Option<SetBytes<'_>> {
        match self.form.get() {
            Of::A(ints) => Some(SetBytes::Intset(ints.bytes())),
            Of::B(pack) => Some(SetBytes::Listpack(pack)),
            Of::C(_) => None,
        }
    }
}

/// A small set as it is in memory.
#[derive(Clone, Copy, Debug)]
pub enum SetBytes<'a> {
    /// An intset.
    Intset(&'a [u8]),
    /// A listpack without backlens.
    Listpack(LeanpackRef<'a>),
}

/// Whether a listpack of `count` members may take one more, the longest being of `len`.
fn admits(limits: &SetLimits, len: usize, count: usize) -> bool {
    count < limits.listpack_entries && len <= limits.listpack_value
}

/// Adds to a listpack: whether it was new, or `None` where it must become a table.
fn add_to_pack(pack: &mut Leanpack, text: &[u8], limits: &SetLimits) -> Option<bool> {
    if pack.view().find(text, 0).is_some() {
        return Some(false);
    }
    if !admits(limits, text.len(), pack.len()) || !pack.can_add(text.len() + 16) {
        return None;
    }
    pack.append(text);
    Some(true)
}

/// The listpack of the integers and one text, where the limits admit it.
fn pack_with(ints: &Intset, text: &[u8], limits: &SetLimits) -> Option<Leanpack> {
    if !admits(limits, text.len().max(longest_int(ints)), ints.len()) {
        return None;
    }
    let mut pack = Leanpack::from_items(ints.view().iter().map(Item::Int));
    pack.append(text);
    Some(pack)
}

fn longest_int(ints: &Intset) -> usize {
    let view = ints.view();
    let ends = [
        view.get(0),
        view.len().checked_sub(1).and_then(|last| view.get(last)),
    ];
    ends.into_iter()
        .flatten()
        .map(|int| Item::Int(int).text_len())
        .max()
        .unwrap_or(0)
}

fn add_to_table(table: &mut Table<Member>, text: &[u8]) -> bool {
    let hash = hash(text);
    if table.find(hash, text).is_some() {
        return false;
    }
    table.insert_new(hash, Member::new(text));
    true
}
