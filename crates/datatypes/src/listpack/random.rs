//! Random elements of a listpack, alone or as the heads of groups (the fields of pairs).

use super::{Form, PackRef, Pos};
use rand::Rng;

impl<F: Form> PackRef<'_, F> {
    /// A random element among the heads of groups of `stride`; `None` when empty.
    #[must_use]
    pub fn random(self, rng: &mut impl Rng, stride: usize) -> Option<Pos> {
        let groups = self.len() / stride;
        (groups > 0).then(|| self.seek((rng.random_range(0..groups) * stride) as i64))?
    }

    /// `count` random heads of groups of `stride`, repetitions allowed, in random order, in one
    /// pass.
    #[must_use]
    pub fn random_many(self, rng: &mut impl Rng, stride: usize, count: usize) -> Vec<Pos> {
        let groups = self.len() / stride;
        if groups == 0 {
            return Vec::new();
        }
        let heads: Vec<Pos> = self.heads(stride).collect();
        (0..count)
            .map(|_| heads[rng.random_range(0..groups)])
            .collect()
    }

    /// Up to `count` distinct random heads of groups of `stride`, in the order they stand in, in
    /// one pass.
    #[must_use]
    pub fn random_distinct(self, rng: &mut impl Rng, stride: usize, count: usize) -> Vec<Pos> {
        let mut left = self.len() / stride;
        let mut wanted = count.min(left);
        let mut picked = Vec::with_capacity(wanted);
        for pos in self.heads(stride) {
            if wanted == 0 {
                break;
            }
            // Each group is taken with the probability wanted/left: every selection is equally
            // likely.
            if rng.random_range(0..left) < wanted {
                picked.push(pos);
                wanted -= 1;
            }
            left -= 1;
        }
        picked
    }

    /// The positions of the heads of groups of `stride`.
    fn heads(self, stride: usize) -> impl Iterator<Item = Pos> {
        let mut items = self.iter();
        std::iter::from_fn(move || items.next_pos().map(|(pos, _)| pos)).step_by(stride)
    }
}
