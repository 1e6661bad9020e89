//! Reading lists: ranges in both directions, and searching.
//!
//! By closures, as elements of compressed nodes live no longer than the node is open.

use super::chunks::{At, Chunks};
use super::node::View;
use super::{End, List};
use crate::listpack::{Item, ListpackRef, Needle};
use crate::word::Of;
use std::ops::ControlFlow;

/// What reading goes on with.
type Flow = ControlFlow<()>;

impl List {
    /// Reads all elements in order.
    pub fn for_each(&self, mut f: impl FnMut(Item<'_>)) {
        self.walk(0, End::Head, |item| {
            f(item);
            Flow::Continue(())
        });
    }

    /// Reads `count` elements from `start` on, in order. Both are cut to the list.
    pub fn for_range(&self, start: usize, count: usize, mut f: impl FnMut(Item<'_>)) {
        let mut left = count;
        if left == 0 {
            return;
        }
        self.walk(start, End::Head, |item| {
            f(item);
            left -= 1;
            if left == 0 {
                Flow::Break(())
            } else {
                Flow::Continue(())
            }
        });
    }

    /// Reads from index `start` on, away from `from` (`Head`: to the tail; `Tail`: to the head),
    /// until `f` breaks.
    pub fn walk(&self, start: usize, from: End, mut f: impl FnMut(Item<'_>) -> Flow) {
        if start >= self.len() {
            return;
        }
        match self.form.get() {
            Of::A(pack) => {
                let _ = walk_pack(pack, start, from, &mut f);
            }
            Of::B(chunks) => walk_chunks(chunks, start, from, &mut f),
        }
    }

    /// Finds elements equal to `text`, as LPOS does: from the head, or from the tail with `from` =
    /// `Tail`; skips `skip` matches, gives `f` the indexes of at most `count` (0: all), compares at
    /// most `compare_max` elements (0: all).
    pub fn positions(
        &self,
        text: &[u8],
        from: End,
        skip: usize,
        count: usize,
        compare_max: usize,
        mut f: impl FnMut(usize),
    ) {
        let needle = Needle::new(text);
        let last = self.len().saturating_sub(1);
        let (mut passed, mut matches) = (0, 0);
        let start = if from == End::Head { 0 } else { last };
        self.walk(start, from, |item| {
            if needle.is(item) {
                matches += 1;
                if matches > skip {
                    f(if from == End::Head {
                        passed
                    } else {
                        last - passed
                    });
                }
            }
            passed += 1;
            if (count > 0 && matches.saturating_sub(skip) == count) || passed == compare_max {
                return Flow::Break(());
            }
            Flow::Continue(())
        });
    }
}

fn walk_pack(
    pack: ListpackRef<'_>,
    start: usize,
    from: End,
    f: &mut impl FnMut(Item<'_>) -> Flow,
) -> Flow {
    let Some(pos) = pack.seek(start as i64) else {
        return Flow::Continue(());
    };
    match from {
        End::Head => pack.iter_from(pos).try_for_each(f),
        End::Tail => pack.iter_to(pos).rev().try_for_each(f),
    }
}

fn walk_chunks(chunks: &Chunks, start: usize, from: End, f: &mut impl FnMut(Item<'_>) -> Flow) {
    let mut place = chunks.locate(start);
    while let Some(at @ At { inner, .. }) = place {
        let Some(node) = chunks.node(at) else { return };
        let flow = node.read(|view| match view {
            View::Packed(pack) => walk_pack(pack, inner, from, f),
            View::Plain(text) => f(Item::Str(text)),
        });
        if flow.is_break() {
            return;
        }
        place = match from {
            End::Head => chunks.node_after(at),
            End::Tail => chunks.node_before(at),
        };
    }
}
