//! The command table: name to command, case-insensitively, in a handful of instructions.
//!
//! Built once at start from the families' lists and the `rename-command` directives, then
//! immutable. Every command and subcommand gets a small number (its id) which indexes the
//! statistics. The lookup goes by the first and last eight bytes of the name with the case bit
//! forced. For letters that is exactly to ignore case; longer names, and those with other
//! characters, are compared once more, so that no name can run another's command.

use std::cell::Cell;

use crate::command::{Command, Group};

/// The number of a command or subcommand in this process's table.
pub type CommandId = u16;

/// No such command.
pub const NO_COMMAND: CommandId = CommandId::MAX;

/// One command as it can be called in this process.
pub struct Entry {
    /// What it is.
    pub command: &'static Command,
    /// The name clients use: `get`, `config|set`, or what `rename-command` made of it.
    pub full_name: String,
    /// Where its only key is; see [`crate::keys::single`].
    pub single_key: Option<usize>,
    /// See [`crate::timing`].
    pub(crate) is_brief: bool,
    /// See [`crate::plain`].
    pub(crate) is_plain: bool,
    /// Whether its cost is to be asked for before it runs.
    pub(crate) is_costly: bool,
    /// See [`crate::pinned`].
    pub(crate) pins: bool,
    /// Its second argument is a field or member of what is at its key.
    pub(crate) has_member: bool,
    /// Ids of the subcommands.
    pub children: Vec<CommandId>,
    /// The container this is a subcommand of.
    pub parent: Option<CommandId>,
}

/// A short name as it was sent, with its length, and the command that it means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    name: u64,
    id: CommandId,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            name: u64::MAX,
            id: NO_COMMAND,
        }
    }
}

/// A name in the index.
#[derive(Clone, Copy)]
struct Slot {
    name: Folded,
    id: CommandId,
    /// Whether equal [`Folded`] means equal names.
    is_exact: bool,
}

/// All commands of this process.
pub struct Table {
    entries: Vec<Entry>,
    slots: Box<[Slot]>,
    mask: usize,
}

impl Table {
    /// Builds the table. `renames` are pairs of old and new name; an empty new name removes the
    /// command.
    ///
    /// # Errors
    /// The name at fault where a rename names an unknown command or takes a name in use.
    pub fn new(
        families: &[&'static [&'static Command]],
        renames: &[(String, String)],
    ) -> Result<Self, String> {
        let mut table = Self {
            entries: Vec::new(),
            slots: Box::new([]),
            mask: 0,
        };
        let mut named: Vec<(String, CommandId)> = Vec::new();
        for command in families.iter().flat_map(|family| family.iter()) {
            let id = table.add(command, command.name.to_owned(), None);
            named.push((command.name.to_owned(), id));
        }
        for (old, new) in renames {
            let (old, new) = (old.to_ascii_lowercase(), new.to_ascii_lowercase());
            let at = named
                .iter()
                .position(|(name, _)| *name == old)
                .ok_or_else(|| old.clone())?;
            let (_, id) = named.swap_remove(at);
            if new.is_empty() {
                continue;
            }
            if named.iter().any(|(name, _)| *name == new) {
                return Err(new);
            }
            table.entries[usize::from(id)].full_name.clone_from(&new);
            named.push((new, id));
        }
        table.index(&named);
        Ok(table)
    }

    fn add(
        &mut self,
        command: &'static Command,
        full_name: String,
        parent: Option<CommandId>,
    ) -> CommandId {
        let id = self.entries.len() as CommandId;
        let single_key = crate::keys::single(command);
        let is_brief = crate::timing::is_brief(command, single_key.is_some());
        self.entries.push(Entry {
            command,
            full_name: full_name.clone(),
            single_key,
            is_brief,
            has_member: is_brief
                && single_key == Some(1)
                && matches!(command.group, Group::Hash | Group::Set),
            is_plain: crate::plain::is_plain(command, is_brief),
            pins: crate::pinned::is_for(command),
            is_costly: command.cost.is_before(),
            children: Vec::new(),
            parent,
        });
        for sub in command.subcommands {
            let child = self.add(sub, format!("{full_name}|{}", sub.name), Some(id));
            self.entries[usize::from(id)].children.push(child);
        }
        id
    }

    fn index(&mut self, named: &[(String, CommandId)]) {
        let size = (named.len() * 4).next_power_of_two();
        self.mask = size - 1;
        let empty = Slot {
            name: Folded::of(b""),
            id: NO_COMMAND,
            is_exact: false,
        };
        let mut slots = vec![empty; size];
        for (name, id) in named {
            let folded = Folded::of(name.as_bytes());
            let mut at = folded.hash() & self.mask;
            while slots[at].id != NO_COMMAND {
                at = (at + 1) & self.mask;
            }
            slots[at] = Slot {
                name: folded,
                id: *id,
                is_exact: name.len() <= 16 && name.bytes().all(|b| b.is_ascii_lowercase()),
            };
        }
        self.slots = slots.into_boxed_slice();
    }

    /// The command of that name, or [`NO_COMMAND`]. Containers are not resolved further.
    #[inline]
    pub fn find(&self, name: &[u8]) -> CommandId {
        let folded = Folded::of(name);
        let mut at = folded.hash() & self.mask;
        loop {
            let slot = self.slots[at];
            if slot.id == NO_COMMAND {
                return NO_COMMAND;
            }
            if slot.name == folded && (slot.is_exact || self.is_named(slot.id, name)) {
                return slot.id;
            }
            at = (at + 1) & self.mask;
        }
    }

    /// [`find`](Self::find), knowing what was found last: in a pipeline that is often the same.
    #[inline]
    pub(crate) fn find_again(&self, name: &[u8], last: &Cell<Found>) -> CommandId {
        if name.len() >= size_of::<u64>() {
            return self.find(name);
        }
        let name_word = short_word(name) | (name.len() as u64) << 56;
        let found = last.get();
        if found.name == name_word {
            return found.id;
        }
        let id = self.find(name);
        let name = name_word;
        last.set(Found { name, id });
        id
    }

    fn is_named(&self, id: CommandId, name: &[u8]) -> bool {
        let full_name = self.entries[usize::from(id)].full_name.as_bytes();
        full_name.eq_ignore_ascii_case(name)
    }

    /// The subcommand of `container` called `name`.
    pub fn find_sub(&self, container: CommandId, name: &[u8]) -> CommandId {
        let children = &self.entry(container).children;
        let matches = |id: &&CommandId| {
            self.entry(**id)
                .command
                .name
                .as_bytes()
                .eq_ignore_ascii_case(name)
        };
        children.iter().find(matches).copied().unwrap_or(NO_COMMAND)
    }

    /// `get` or `config|get`, as `COMMAND INFO` and the ACL rules write it.
    pub fn find_full(&self, name: &[u8]) -> CommandId {
        match memchr::memchr(b'|', name) {
            None => self.find(name),
            Some(bar) => match self.find(&name[..bar]) {
                NO_COMMAND => NO_COMMAND,
                container => self.find_sub(container, &name[bar + 1..]),
            },
        }
    }

    /// The entry of a valid id.
    #[inline]
    pub fn entry(&self, id: CommandId) -> &Entry {
        &self.entries[usize::from(id)]
    }

    /// How many ids there are, subcommands included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no commands at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The ids that can be called by name, without subcommands, in table order.
    pub fn callable(&self) -> impl Iterator<Item = CommandId> + '_ {
        let mut ids: Vec<_> = self
            .slots
            .iter()
            .map(|slot| slot.id)
            .filter(|id| *id != NO_COMMAND)
            .collect();
        ids.sort_unstable();
        ids.into_iter()
    }
}

/// The ends of a name, its case folded by forcing bit 5, which also merges some characters that
/// are not letters.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Folded {
    head: u64,
    tail: u64,
    len: usize,
}

impl Folded {
    #[inline]
    fn of(name: &[u8]) -> Self {
        const CASE: u64 = 0x2020_2020_2020_2020;
        let (head, tail) = match (name.first_chunk(), name.last_chunk()) {
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => (short_word(name), 0),
        };
        Self {
            head: head | CASE,
            tail: tail | CASE,
            len: name.len(),
        }
    }

    #[inline]
    fn hash(self) -> usize {
        const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
        let mixed = (self.head ^ self.tail.rotate_left(23)).wrapping_mul(MIX);
        let mixed = (mixed ^ (mixed >> 29) ^ self.len as u64).wrapping_mul(MIX);
        (mixed >> 17) as usize
    }
}

/// Up to seven bytes as a number, without a loop: pieces overlap where they must.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
        return u64::from(low) | u64::from(high) << ((bytes.len() - 4) * 8);
    }
    let at = |i: usize| u64::from(bytes[i]) << (i * 8);
    match bytes.len() {
        0 => 0,
        len => at(0) | at(len / 2) | at(len - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::FAMILIES;

    #[test]
    fn every_command_is_found_in_any_case() {
        let table = Table::new(FAMILIES, &[]).unwrap();
        for id in table.callable() {
            let name = table.entry(id).full_name.clone();
            assert_eq!(table.find(name.as_bytes()), id);
            assert_eq!(table.find(name.to_ascii_uppercase().as_bytes()), id);
        }
        assert_eq!(table.find(b"nosuchcommand"), NO_COMMAND);
        assert_eq!(table.find(b"zrange\x13tore"), NO_COMMAND);
        assert_eq!(table.find(b"restore\x0dasking"), NO_COMMAND);
        assert_eq!(table.find(b""), NO_COMMAND);
    }

    #[test]
    fn what_was_found_last_is_found_by_that_name_only() {
        let table = Table::new(FAMILIES, &[]).unwrap();
        let last = Cell::default();
        let names: [&[u8]; 12] = [
            b"get",
            b"get",
            b"GET",
            b"set",
            b"",
            b"g",
            b"ge",
            b"getex",
            b"getex",
            b"getdel",
            b"hgetall",
            b"zrangestore",
        ];
        for name in names.iter().chain(names.iter().rev()) {
            assert_eq!(table.find_again(name, &last), table.find(name));
        }
    }

    #[test]
    fn renamed_and_removed_commands_lose_their_old_names() {
        let renames = [
            ("ping".into(), "pong".into()),
            ("ECHO".into(), String::new()),
        ];
        let table = Table::new(FAMILIES, &renames).unwrap();
        assert_eq!(table.find(b"ping"), NO_COMMAND);
        assert_eq!(table.find(b"echo"), NO_COMMAND);
        assert_eq!(table.entry(table.find(b"pong")).command.name, "ping");
    }

    #[test]
    fn a_rename_of_the_unknown_is_refused() {
        assert!(Table::new(FAMILIES, &[("nope".into(), "x".into())]).is_err());
        assert!(Table::new(FAMILIES, &[("ping".into(), "echo".into())]).is_err());
    }
}
