//! What one client alone would see: a model of the commands that the clients use.
//!
//! Keys 0 and 1 hold strings, keys 2 and 3 lists. An operation is given with the reply that was
//! seen; applying it says whether the model could have given that reply.

use std::collections::VecDeque;

use super::checker::Model;
use crate::support::Value;

/// A key's number.
pub(super) type Key = usize;

/// Where the lists begin.
pub(super) const FIRST_LIST: Key = 2;
/// How many keys there are.
pub(super) const KEYS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Left,
    Right,
}

/// A command. Values are numbers that occur once in a history.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Get(Key),
    Set(Key, i64),
    Incr(Key),
    Delete(Key),
    GetBoth,
    SetBoth(i64, i64),
    Push(Key, End, i64),
    Pop(Key, End),
    Range(Key),
    /// Between the ends of two lists, or of one.
    Move((Key, End), (Key, End)),
    Rename(Key, Key),
    /// Of a string or a list, in the place of another; they differ.
    Copy(Key, Key),
    /// The numbers of a list in order, into a list, which may be the same.
    Sort(Key, Key),
    /// From the first of these that has an element; waits so many milliseconds.
    PopOrWait(Vec<Key>, End, u64),
    MoveOrWait((Key, End), (Key, End), u64),
}

/// One atomic step of a client, with what it got.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Single(Command, Value),
    /// MULTI to EXEC; `None` where EXEC did not happen because a watched key had changed.
    Exec(Vec<Command>, Option<Vec<Value>>),
    /// WATCH of these keys, as bits.
    Watch(u32),
}

impl Command {
    /// The keys, as bits.
    pub(super) fn keys(&self) -> u32 {
        match self {
            Self::Get(key)
            | Self::Set(key, _)
            | Self::Incr(key)
            | Self::Delete(key)
            | Self::Push(key, ..)
            | Self::Pop(key, _)
            | Self::Range(key) => 1 << key,
            Self::GetBoth | Self::SetBoth(..) => 0b11,
            Self::Move((from, _), (to, _))
            | Self::MoveOrWait((from, _), (to, _), _)
            | Self::Rename(from, to)
            | Self::Copy(from, to)
            | Self::Sort(from, to) => 1 << from | 1 << to,
            Self::PopOrWait(keys, ..) => keys.iter().fold(0, |bits, key| bits | 1 << key),
        }
    }

    /// How long it waits, in milliseconds, if it may.
    pub(super) fn timeout_ms(&self) -> Option<u64> {
        match self {
            Self::PopOrWait(_, _, ms) | Self::MoveOrWait(_, _, ms) => Some(*ms),
            _ => None,
        }
    }
}

impl Operation {
    /// The keys, as bits. An EXEC belongs to what its client watches: those are given with it.
    pub(super) fn keys(&self) -> u32 {
        match self {
            Self::Single(command, _) => command.keys(),
            // What a transaction watches is in one part with it, whatever keys it has.
            Self::Exec(..) | Self::Watch(_) => (1 << KEYS) - 1,
        }
    }
}

/// A client's watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Watch {
    client: usize,
    keys: u32,
    is_dirty: bool,
}

/// The data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State {
    strings: [Option<i64>; FIRST_LIST],
    lists: [VecDeque<i64>; KEYS - FIRST_LIST],
    watches: Vec<Watch>,
}

fn bulk(value: Option<i64>) -> Value {
    value.map_or(Value::Null, |value| Value::bulk(&value.to_string()))
}

fn pop(list: &mut VecDeque<i64>, end: End) -> Option<i64> {
    match end {
        End::Left => list.pop_front(),
        End::Right => list.pop_back(),
    }
}

fn push(list: &mut VecDeque<i64>, end: End, value: i64) {
    match end {
        End::Left => list.push_front(value),
        End::Right => list.push_back(value),
    }
}

impl Model for State {
    type Operation = Operation;

    fn apply(&mut self, client: usize, operation: &Operation) -> bool {
        match operation {
            Operation::Single(command, reply) => self.run(command, reply, false),
            Operation::Watch(keys) => {
                self.watches.push(Watch {
                    client,
                    keys: *keys,
                    is_dirty: false,
                });
                self.watches.sort_by_key(|watch| watch.client);
                true
            }
            Operation::Exec(commands, replies) => {
                let is_own = |watch: &Watch| watch.client == client;
                let is_dirty = self
                    .watches
                    .iter()
                    .any(|watch| is_own(watch) && watch.is_dirty);
                self.watches.retain(|watch| !is_own(watch));
                match replies {
                    None => is_dirty,
                    Some(replies) => {
                        !is_dirty
                            && commands.len() == replies.len()
                            && commands
                                .iter()
                                .zip(replies)
                                .all(|(command, reply)| self.run(command, reply, true))
                    }
                }
            }
        }
    }
}

impl State {
    fn touch(&mut self, keys: u32) {
        for watch in &mut self.watches {
            watch.is_dirty |= watch.keys & keys != 0;
        }
    }

    fn list(&mut self, key: Key) -> &mut VecDeque<i64> {
        &mut self.lists[key - FIRST_LIST]
    }

    /// Runs a command; whether its reply can have been that. Within EXEC nothing waits.
    fn run(&mut self, command: &Command, reply: &Value, in_exec: bool) -> bool {
        match command {
            Command::PopOrWait(keys, end, _) => self.pop_first(keys, *end, reply, in_exec),
            _ => *reply == self.answer(command),
        }
    }

    /// A client that waited gets its element from the key that had one first, which need not be the
    /// first that it named.
    fn pop_first(&mut self, keys: &[Key], end: End, reply: &Value, in_exec: bool) -> bool {
        for &key in keys {
            let Some(value) = pop(self.list(key), end) else {
                continue;
            };
            let pair = Value::Array(vec![Value::bulk(&name(key)), bulk(Some(value))]);
            if pair == *reply {
                self.touch(1 << key);
                return true;
            }
            if in_exec || *reply == Value::Null {
                return false;
            }
            push(self.list(key), end, value);
        }
        *reply == Value::Null
    }

    /// Runs a command that has only one reply.
    fn answer(&mut self, command: &Command) -> Value {
        match *command {
            Command::Get(key) => bulk(self.strings[key]),
            Command::GetBoth => Value::Array(self.strings.iter().map(|s| bulk(*s)).collect()),
            Command::Range(key) => {
                Value::Array(self.list(key).iter().map(|v| bulk(Some(*v))).collect())
            }
            Command::Set(key, value) => {
                self.strings[key] = Some(value);
                self.touch(1 << key);
                Value::simple("OK")
            }
            Command::SetBoth(first, second) => {
                self.strings = [Some(first), Some(second)];
                self.touch(0b11);
                Value::simple("OK")
            }
            Command::Incr(key) => {
                let value = self.strings[key].unwrap_or(0) + 1;
                self.strings[key] = Some(value);
                self.touch(1 << key);
                Value::Integer(value)
            }
            Command::Delete(key) => self.delete(key),
            Command::Push(key, end, value) => {
                push(self.list(key), end, value);
                self.touch(1 << key);
                Value::Integer(self.list(key).len() as i64)
            }
            Command::Pop(key, end) => self.move_to((key, end), None),
            Command::Move(from, to) | Command::MoveOrWait(from, to, _) => {
                self.move_to(from, Some(to))
            }
            Command::Rename(from, to) => self.rename(from, to),
            Command::Copy(from, to) => self.copy(from, to),
            Command::Sort(from, to) => self.sort(from, to),
            Command::PopOrWait(..) => unreachable!("it has several replies"),
        }
    }

    fn delete(&mut self, key: Key) -> Value {
        let existed = match key {
            0..FIRST_LIST => self.strings[key].take().is_some(),
            _ => !std::mem::take(self.list(key)).is_empty(),
        };
        if existed {
            self.touch(1 << key);
        }
        Value::Integer(i64::from(existed))
    }

    fn move_to(&mut self, from: (Key, End), to: Option<(Key, End)>) -> Value {
        let Some(value) = pop(self.list(from.0), from.1) else {
            return Value::Null;
        };
        self.touch(1 << from.0);
        if let Some((key, end)) = to {
            push(self.list(key), end, value);
            self.touch(1 << key);
        }
        bulk(Some(value))
    }

    fn rename(&mut self, from: Key, to: Key) -> Value {
        if self.list(from).is_empty() {
            return Value::error("ERR no such key");
        }
        *self.list(to) = std::mem::take(self.list(from));
        self.touch(1 << from | 1 << to);
        Value::simple("OK")
    }

    fn copy(&mut self, from: Key, to: Key) -> Value {
        let exists = match from {
            0..FIRST_LIST => self.strings[from].is_some(),
            _ => !self.list(from).is_empty(),
        };
        if exists && from < FIRST_LIST {
            self.strings[to] = self.strings[from];
        } else if exists {
            *self.list(to) = self.list(from).clone();
        }
        if exists {
            self.touch(1 << to);
        }
        Value::Integer(i64::from(exists))
    }

    fn sort(&mut self, from: Key, to: Key) -> Value {
        let mut numbers: Vec<i64> = self.list(from).iter().copied().collect();
        numbers.sort_unstable();
        let is_changed = !numbers.is_empty() || !self.list(to).is_empty();
        *self.list(to) = numbers.into();
        if is_changed {
            self.touch(1 << to);
        }
        Value::Integer(self.list(to).len() as i64)
    }
}

/// A key's name without the prefix of its history.
pub(super) fn name(key: Key) -> String {
    ["s0", "s1", "l0", "l1"][key].to_owned()
}
