//! Intersections, unions and differences: SINTER, SUNION, SDIFF.
//!
//! [`Operands`] has the sets of a command, [`Operands::each`] gives the members of the result one
//! by one, without building it: an intersection probes the smallest set's members in the others, a
//! union gives of each set what no earlier one has, the largest being first, a difference is what
//! no other set has. Only where there are many sets, so that probing all of them for each member
//! would take longer, they are first united in a set of their own.

use std::ops::ControlFlow;

use datatypes::Set;
use datatypes::listpack::Item;
use datatypes::set::SetLimits;
use resp::{Args, ReplyError, ReplyWriter};
use smallvec::SmallVec;

use super::limits;
use crate::collection::reply_item;
use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};

/// `SINTER`
pub const SINTER: Command = Command::new("sinter", -2, sinter)
    .group(Group::Set)
    .since("1.0.0")
    .docs(
        "Returns the members that several sets have in common.",
        "O(N*M)",
    )
    .flags(READONLY)
    .categories(category::SET)
    .tips(&["nondeterministic_output_order"])
    .keys(&[KeySpec::at(1, "RO access").range(-1, 1, 0)])
    .args("key:key@0*")
    .cost(Cost::Before(cost::intersect));

/// `SUNION`
pub const SUNION: Command = Command::new("sunion", -2, sunion)
    .group(Group::Set)
    .since("1.0.0")
    .docs("Returns the members that any of several sets has.", "O(N)")
    .flags(READONLY)
    .categories(category::SET)
    .tips(&["nondeterministic_output_order"])
    .keys(&[KeySpec::at(1, "RO access").range(-1, 1, 0)])
    .args("key:key@0*")
    .cost(Cost::Before(cost::move_all));

/// `SDIFF`
pub const SDIFF: Command = Command::new("sdiff", -2, sdiff)
    .group(Group::Set)
    .since("1.0.0")
    .docs(
        "Returns the members of the first set that no other set has.",
        "O(N)",
    )
    .flags(READONLY)
    .categories(category::SET)
    .tips(&["nondeterministic_output_order"])
    .keys(&[KeySpec::at(1, "RO access").range(-1, 1, 0)])
    .args("key:key@0*")
    .cost(Cost::Before(cost::move_all));

/// Sets probed for each member, at most.
const PROBES_MAX: usize = 8;

/// What is done with sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// What all have.
    Intersection,
    /// What any has.
    Union,
    /// What only the first has.
    Difference,
}

type Sets<'c> = SmallVec<[&'c Set; 8]>;

/// An operation and the sets it needs; keys that do not exist are empty sets.
pub(super) struct Operands<'c> {
    operation: Operation,
    /// In the order in which they are best worked on, without duplicates; none where the result
    /// is empty anyway.
    sets: Sets<'c>,
    limits: SetLimits,
}

impl<'c> Operands<'c> {
    /// Reads the sets at the keys.
    ///
    /// # Errors
    /// WRONGTYPE, of any of them.
    pub(super) fn read<'k>(
        ctx: &'c Ctx<'_>,
        operation: Operation,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<Self, ReplyError> {
        let mut found: SmallVec<[Option<&Set>; 8]> = SmallVec::new();
        for key in keys {
            found.push(ctx.read_as::<Set>(key)?);
        }
        Ok(Self {
            operation,
            sets: order(operation, &found),
            limits: limits(ctx.server),
        })
    }

    /// Calls `f` with each member of the result, until it breaks.
    pub(super) fn each(&self, mut f: impl FnMut(Item<'_>) -> ControlFlow<()>) {
        let Some((first, others)) = self.sets.split_first() else {
            return;
        };
        let _ = match self.operation {
            Operation::Intersection => first.intersect(others, f),
            Operation::Difference if others.len() <= PROBES_MAX => first.difference(others, f),
            Operation::Difference => first.difference(&[&self.united(others)], f),
            Operation::Union if others.len() <= PROBES_MAX => (0..self.sets.len())
                .try_for_each(|at| self.sets[at].difference(&self.sets[..at], &mut f)),
            Operation::Union => self.united(&self.sets).try_for_each(f),
        };
    }

    fn united(&self, sets: &[&Set]) -> Set {
        let mut union = Set::new();
        for set in sets {
            add_all(&mut union, set, &self.limits);
        }
        union
    }

    /// The result as a set, in the form that its members have when they are added one by one.
    pub(super) fn collect(&self) -> Set {
        let mut sets = self.sets.iter();
        // A set too large for the small forms stays a table: copying it is quicker than adding.
        let small_max = self.limits.intset_entries.max(self.limits.listpack_entries);
        if self.operation == Operation::Union
            && let Some(first) = sets.next().filter(|set| set.len() > small_max)
        {
            let mut union = (*first).clone();
            sets.for_each(|set| add_all(&mut union, set, &self.limits));
            return union;
        }
        let mut result = Set::new();
        if self.operation == Operation::Union {
            return self.united(&self.sets);
        }
        self.each(|member| {
            result.add(member.text(&mut itoa::Buffer::new()), &self.limits);
            ControlFlow::Continue(())
        });
        result
    }
}

fn add_all(union: &mut Set, set: &Set, limits: &SetLimits) {
    set.for_each(|member| {
        union.add(member.text(&mut itoa::Buffer::new()), limits);
    });
}

/// Drops what makes no difference, and puts the rest in the order that costs the least.
fn order<'c>(operation: Operation, found: &[Option<&'c Set>]) -> Sets<'c> {
    let mut sets: Sets<'c> = SmallVec::new();
    for set in found.iter().copied().flatten() {
        if !sets.iter().any(|known| std::ptr::eq(*known, set)) {
            sets.push(set);
        }
    }
    match operation {
        Operation::Intersection if found.iter().any(Option::is_none) => sets.clear(),
        Operation::Intersection => sets.sort_by_key(|set| set.len()),
        Operation::Union => sets.sort_by_key(|set| std::cmp::Reverse(set.len())),
        Operation::Difference => {
            let Some(Some(first)) = found.first() else {
                return SmallVec::new();
            };
            let same = |set: &Option<&Set>| set.is_some_and(|set| std::ptr::eq(*first, set));
            if found[1..].iter().any(same) {
                return SmallVec::new();
            }
            // What is likely to have a member is asked first.
            sets[1..].sort_by_key(|set| std::cmp::Reverse(set.len()));
        }
    }
    sets
}

fn reply(
    ctx: &Ctx<'_>,
    args: Args<'_>,
    operation: Operation,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let operands = Operands::read(ctx, operation, args.from(1).iter())?;
    let set = out.deferred_set();
    let mut count = 0;
    operands.each(|member| {
        reply_item(member, out);
        count += 1;
        ControlFlow::Continue(())
    });
    out.finish_set(set, count);
    Ok(())
}

fn sinter(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, Operation::Intersection, out)
}

fn sunion(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, Operation::Union, out)
}

fn sdiff(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    reply(ctx, args, Operation::Difference, out)
}
