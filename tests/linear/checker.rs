//! Finds an order of operations that explains a history, or finds that there is none.
//!
//! Wing and Gong's search: of the operations not yet ordered, any that began before the first of
//! them ended may come next, if the model gives the reply that was seen. What was tried is
//! remembered (Lowe): the same operations ordered, with the same state, need not be tried again.
//! Operations that share no key, directly or through others, are checked apart.

use std::collections::HashSet;
use std::hash::Hash;

use super::model::{Operation, State};

/// What one client alone would see.
pub(super) trait Model: Clone + Eq + Hash {
    /// What clients do, with what they got.
    type Operation;
    /// Does an operation; whether its reply can have been that.
    fn apply(&mut self, client: usize, operation: &Self::Operation) -> bool;
}

/// An operation as it was seen from outside.
#[derive(Clone, Debug)]
pub(super) struct Seen<O = Operation> {
    /// Who asked for it.
    pub(super) client: usize,
    /// It did not happen before this, in nanoseconds since some start.
    pub(super) begin_ns: u64,
    /// Nor after this.
    pub(super) end_ns: u64,
    /// What it was, with its reply.
    pub(super) operation: O,
}

/// What the check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Linearizable,
    Violation,
    /// The search was given up.
    TooLong,
}

/// States visited before a search is given up.
const VISITS_MAX: usize = 500_000;

/// Checks a history of at most 64 operations per part.
pub(super) fn check(history: &[Seen]) -> Verdict {
    let mut verdict = Verdict::Linearizable;
    for part in parts(history) {
        match check_from(&State::default(), &part) {
            Verdict::Linearizable => {}
            Verdict::Violation => return Verdict::Violation,
            Verdict::TooLong => verdict = Verdict::TooLong,
        }
    }
    verdict
}

/// Splits a history into parts that have no key in common.
fn parts(history: &[Seen]) -> Vec<Vec<&Seen>> {
    let mut parts: Vec<(u32, Vec<&Seen>)> = Vec::new();
    for seen in history {
        let mut keys = seen.operation.keys();
        let mut members = vec![seen];
        parts.retain_mut(|(other_keys, others)| {
            let is_apart = *other_keys & keys == 0;
            if !is_apart {
                keys |= *other_keys;
                members.append(others);
            }
            is_apart
        });
        parts.push((keys, members));
    }
    parts.into_iter().map(|(_, members)| members).collect()
}

/// Checks at most 64 operations that begin with this state.
pub(super) fn check_from<M: Model>(state: &M, part: &[&Seen<M::Operation>]) -> Verdict {
    assert!(part.len() <= 64, "a bit set of 64");
    let mut search = Search {
        part,
        tried: HashSet::new(),
    };
    match search.run(0, state) {
        true => Verdict::Linearizable,
        false if search.tried.len() >= VISITS_MAX => Verdict::TooLong,
        false => Verdict::Violation,
    }
}

struct Search<'h, M: Model> {
    part: &'h [&'h Seen<M::Operation>],
    tried: HashSet<(u64, M)>,
}

impl<M: Model> Search<'_, M> {
    /// Whether the operations that are not in `done` can be ordered, beginning with `state`.
    fn run(&mut self, done: u64, state: &M) -> bool {
        if done.count_ones() as usize == self.part.len() {
            return true;
        }
        if self.tried.len() >= VISITS_MAX || !self.tried.insert((done, state.clone())) {
            return false;
        }
        let part = self.part;
        let open = || part.iter().enumerate().filter(|(i, _)| done & 1 << i == 0);
        let horizon = open().map(|(_, seen)| seen.end_ns).min().unwrap_or(0);
        for (i, seen) in open().filter(|(_, seen)| seen.begin_ns <= horizon) {
            let mut next = state.clone();
            if next.apply(seen.client, &seen.operation) && self.run(done | 1 << i, &next) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Command, End};
    use super::*;
    use crate::support::Value;

    fn seen(client: usize, (begin_ns, end_ns): (u64, u64), command: Command, reply: Value) -> Seen {
        Seen {
            client,
            begin_ns,
            end_ns,
            operation: Operation::Single(command, reply),
        }
    }

    fn ok() -> Value {
        Value::simple("OK")
    }

    #[test]
    fn a_read_may_see_a_write_that_is_under_way_or_not() {
        for value in [Value::Null, Value::bulk("1")] {
            let history = [
                seen(0, (0, 10), Command::Set(0, 1), ok()),
                seen(1, (5, 6), Command::Get(0), value),
            ];
            assert_eq!(check(&history), Verdict::Linearizable);
        }
    }

    #[test]
    fn a_read_must_see_a_write_that_is_over() {
        let history = [
            seen(0, (0, 1), Command::Set(0, 1), ok()),
            seen(1, (2, 3), Command::Get(0), Value::Null),
        ];
        assert_eq!(check(&history), Verdict::Violation);
    }

    #[test]
    fn two_reads_must_not_see_a_write_come_and_go() {
        let history = [
            seen(0, (0, 10), Command::Set(0, 1), ok()),
            seen(1, (1, 2), Command::Get(0), Value::bulk("1")),
            seen(2, (3, 4), Command::Get(0), Value::Null),
        ];
        assert_eq!(check(&history), Verdict::Violation);
    }

    #[test]
    fn half_of_a_transaction_must_not_be_seen() {
        let both = [Value::bulk("1"), Value::Null];
        let history = [
            seen(0, (0, 10), Command::SetBoth(1, 2), ok()),
            seen(1, (1, 9), Command::GetBoth, Value::Array(both.to_vec())),
        ];
        assert_eq!(check(&history), Verdict::Violation);
    }

    #[test]
    fn an_element_popped_twice_or_lost_is_noticed() {
        let push = || {
            seen(
                0,
                (0, 10),
                Command::Push(2, End::Right, 7),
                Value::Integer(1),
            )
        };
        let pop = |client| {
            let command = Command::Pop(2, End::Left);
            seen(client, (0, 10), command, Value::bulk("7"))
        };
        assert_eq!(check(&[push(), pop(1)]), Verdict::Linearizable);
        assert_eq!(check(&[push(), pop(1), pop(2)]), Verdict::Violation);
        let nothing = Command::Range(2);
        let gone = seen(3, (20, 30), nothing, Value::Array(Vec::new()));
        assert_eq!(check(&[push(), gone]), Verdict::Violation);
    }

    #[test]
    fn who_waited_in_vain_must_have_had_nothing_to_get_in_the_end() {
        let wait = |begin_ns| {
            let command = Command::PopOrWait(vec![2], End::Left, 10);
            seen(1, (begin_ns, 50), command, Value::Null)
        };
        let push = seen(
            0,
            (20, 30),
            Command::Push(2, End::Right, 7),
            Value::Integer(1),
        );
        assert_eq!(check(&[push.clone(), wait(0)]), Verdict::Linearizable);
        assert_eq!(check(&[push, wait(40)]), Verdict::Violation);
    }

    #[test]
    fn a_watched_key_that_changed_fails_exec_and_no_other_does() {
        let watch = Seen {
            client: 0,
            begin_ns: 0,
            end_ns: 1,
            operation: Operation::Watch(1),
        };
        let exec = |replies| Seen {
            client: 0,
            begin_ns: 10,
            end_ns: 11,
            operation: Operation::Exec(vec![Command::Incr(1)], replies),
        };
        let done = Some(vec![Value::Integer(1)]);
        let set = seen(1, (5, 6), Command::Set(0, 3), ok());
        assert_eq!(
            check(&[watch.clone(), exec(done.clone())]),
            Verdict::Linearizable
        );
        assert_eq!(check(&[watch.clone(), exec(None)]), Verdict::Violation);
        assert_eq!(
            check(&[watch.clone(), set.clone(), exec(None)]),
            Verdict::Linearizable
        );
        assert_eq!(check(&[watch, set, exec(done)]), Verdict::Violation);
    }
}
