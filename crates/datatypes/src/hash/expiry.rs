//! Field expiries: setting, asking, and removing what is due.
//!
//! Nothing here looks at a clock: the caller says what time it is, and decides when to remove. The
//! first expiry turns a listpack of pairs into one of triples; no later change turns it back.

use super::FieldRef;
use super::pack::{Packed, insert_triple};
use super::{Expiring, Hash, View};
use crate::listpack::Leanpack;
use crate::word::{Of, OneOf};

/// What an expiry takes in a listpack at most, with its backlen.
const EXPIRY_BYTES_MAX: usize = 10;
/// What no expiry takes.
const NO_EXPIRY_BYTES: usize = 2;

impl Hash {
    /// Sets a field's expiry (a Unix time in milliseconds, from 1 to [`super::EXPIRY_MAX`]) or,
    /// with `None`, removes it. Answers whether there is such a field.
    pub fn set_expiry(&mut self, name: &[u8], expire_at: Option<i64>) -> bool {
        if expire_at.is_some() && self.contains(name) {
            self.admit_expiries();
        }
        match self.form.get_mut() {
            Of::A(pack) => return pack.view().find(name, 1).is_some(),
            Of::B(mut triples) if triples.0.can_add(EXPIRY_BYTES_MAX) => {
                return set_expiry(&mut triples.0, name, expire_at);
            }
            Of::B(_) | Of::C(_) => {}
        }
        self.with_table(|table| table.set_expiry(name, expire_at))
    }

    /// A listpack of pairs becomes one of triples, or a table where they would be too large.
    pub(super) fn admit_expiries(&mut self) {
        let Of::A(pack) = self.form.get() else { return };
        if !pack.can_add(pack.len() / 2 * NO_EXPIRY_BYTES) {
            return self.with_table(|_| ());
        }
        let mut triples = Leanpack::new();
        let none = crate::listpack::Item::Int(0);
        triples.extend_items(pack.pairs().flat_map(|(name, value)| [name, value, none]));
        self.form = OneOf::new(Of::B(Expiring(triples)));
    }

    /// When the next field expires: a Unix time in milliseconds.
    #[inline]
    #[must_use]
    pub fn next_due(&self) -> Option<i64> {
        match self.form.get() {
            Of::A(_) => None,
            Of::B(pack) => Packed::triples(pack).fields().next()?.expire_at,
            Of::C(table) => table.next_due(),
        }
    }

    /// Whether any field has an expiry.
    #[inline]
    #[must_use]
    pub fn has_expiries(&self) -> bool {
        self.next_due().is_some()
    }

    /// Removes up to `count_max` fields that are due at `now`, soonest first; `f` reads each.
    /// Answers how many.
    pub fn expire_due(
        &mut self,
        now: i64,
        count_max: usize,
        mut f: impl FnMut(FieldRef<'_>),
    ) -> usize {
        match self.form.get_mut() {
            Of::A(_) => 0,
            Of::B(mut triples) => {
                let due = |field: &FieldRef<'_>| field.expire_at.is_some_and(|ms| ms <= now);
                let fields = Packed::triples(triples.0.view()).fields();
                let count = fields.take_while(due).take(count_max).map(&mut f).count();
                if let (Some(first), true) = (triples.0.view().first(), count > 0) {
                    triples.0.delete_from(first, 3 * count);
                }
                count
            }
            Of::C(mut table) => (0..count_max)
                .take_while(|_| table.expire_one(now, &mut f))
                .count(),
        }
    }

    /// How many fields have an expiry that is past `now`: what a reader does not count.
    #[must_use]
    pub fn due_len(&self, now: i64) -> usize {
        if self.next_due().is_none_or(|due| due > now) {
            return 0;
        }
        let due = |field: &FieldRef<'_>| field.expire_at.is_some_and(|ms| ms <= now);
        match self.view() {
            View::Packed(pack) => pack.fields().take_while(due).count(),
            View::Table(table) => table.fields().filter(due).count(),
        }
    }
}

/// Moves a triple to where its new expiry belongs.
fn set_expiry(pack: &mut Leanpack, name: &[u8], expire_at: Option<i64>) -> bool {
    let Some(pos) = pack.view().find(name, 2) else {
        return false;
    };
    let field = Packed::triples(pack.view()).field_at(pos);
    if field.expire_at != expire_at {
        let (name, value) = (field.name.to_vec(), field.value.to_vec());
        pack.delete_from(pos, 3);
        let (name, value) = (
            crate::listpack::Item::of(&name),
            crate::listpack::Item::of(&value),
        );
        insert_triple(pack, name, value, expire_at.unwrap_or(0));
    }
    true
}
