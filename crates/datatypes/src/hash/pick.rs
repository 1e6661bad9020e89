//! Random fields: HRANDFIELD.

use super::{FieldRef, Hash, View};
use rand::Rng;

impl Hash {
    /// A random field; `None` when empty.
    #[must_use]
    pub fn random(&self, rng: &mut impl Rng) -> Option<FieldRef<'_>> {
        match self.view() {
            View::Packed(pack) => pack
                .pack()
                .random(rng, pack.stride())
                .map(|pos| pack.field_at(pos)),
            View::Table(table) => table.random(rng),
        }
    }

    /// Reads `count` random fields, repetitions allowed.
    pub fn random_many(&self, rng: &mut impl Rng, count: usize, mut f: impl FnMut(FieldRef<'_>)) {
        match self.view() {
            View::Packed(pack) => {
                let picked = pack.pack().random_many(rng, pack.stride(), count);
                picked.into_iter().for_each(|pos| f(pack.field_at(pos)));
            }
            View::Table(table) => {
                for _ in 0..count {
                    let Some(field) = table.random(rng) else {
                        return;
                    };
                    f(field);
                }
            }
        }
    }

    /// Reads `count` distinct random fields, or all where there are no more.
    pub fn random_distinct(
        &self,
        rng: &mut impl Rng,
        count: usize,
        mut f: impl FnMut(FieldRef<'_>),
    ) {
        match self.view() {
            _ if count >= self.len() => self.for_each(f),
            View::Packed(pack) => {
                let picked = pack.pack().random_distinct(rng, pack.stride(), count);
                picked.into_iter().for_each(|pos| f(pack.field_at(pos)));
            }
            View::Table(table) => table.random_distinct(rng, count, f),
        }
    }
}
