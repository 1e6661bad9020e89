//! Random members: SRANDMEMBER and SPOP.
//!
//! In every form each member is equally likely, but for the small unevenness of large tables.

use super::Set;
use super::member::Member;
use crate::listpack::Item;
use crate::scan::distinct;
use crate::table::Table;
use crate::word::Of;
use common::hash::hash;
use rand::Rng;

impl Set {
    /// A random member; `None` when empty.
    #[must_use]
    pub fn random(&self, rng: &mut impl Rng) -> Option<Item<'_>> {
        match self.form.get() {
            Of::A(ints) => ints.random(rng).map(Item::Int),
            Of::B(pack) => pack.random(rng, 1).map(|pos| pack.get(pos)),
            Of::C(table) => table.random(|| rng.random()).map(Item::Str),
        }
    }

    /// Reads `count` random members, repetitions allowed.
    pub fn random_many(&self, rng: &mut impl Rng, count: usize, mut f: impl FnMut(Item<'_>)) {
        if let Of::B(pack) = self.form.get() {
            return pack
                .random_many(rng, 1, count)
                .into_iter()
                .for_each(|pos| f(pack.get(pos)));
        }
        for _ in 0..count {
            let Some(item) = self.random(rng) else { return };
            f(item);
        }
    }

    /// Reads `count` distinct random members, or all where there are no more.
    pub fn random_distinct(&self, rng: &mut impl Rng, count: usize, mut f: impl FnMut(Item<'_>)) {
        match self.form.get() {
            _ if count >= self.len() => self.for_each(f),
            Of::A(ints) => rand::seq::index::sample(rng, ints.len(), count)
                .iter()
                .filter_map(|index| ints.get(index))
                .for_each(|int| f(Item::Int(int))),
            Of::B(pack) => {
                pack.random_distinct(rng, 1, count)
                    .into_iter()
                    .for_each(|pos| f(pack.get(pos)));
            }
            Of::C(table) => distinct(
                table,
                rng,
                count,
                |text| text.as_ptr(),
                |text| f(Item::Str(text)),
            ),
        }
    }

    /// Takes a random member out; `f` reads it.
    pub fn pop_random<R>(
        &mut self,
        rng: &mut impl Rng,
        f: impl FnOnce(Item<'_>) -> R,
    ) -> Option<R> {
        match self.form.get_mut() {
            Of::A(mut ints) => {
                let int = ints.view().random(rng)?;
                ints.remove(int);
                Some(f(Item::Int(int)))
            }
            Of::B(mut pack) => {
                let pos = pack.view().random(rng, 1)?;
                let result = f(pack.view().get(pos));
                pack.delete(pos);
                Some(result)
            }
            Of::C(mut table) => {
                let member = take_random(&mut table, rng)?;
                Some(f(Item::Str(member.text())))
            }
        }
    }
}

fn take_random(table: &mut Table<Member>, rng: &mut impl Rng) -> Option<Member> {
    let text = table.random(|| rng.random())?;
    let place = table.find(hash(text), text)?;
    table.remove(place)
}
