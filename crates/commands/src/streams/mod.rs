//! Streams and their consumer groups.
//!
//! Entries go from the stream's nodes straight into the reply. What a group did goes to the log as
//! XCLAIM and XGROUP commands that name consumers, times and counts, so that it is the same
//! wherever it is applied.

mod ack;
mod add;
mod claim;
mod delete;
mod group;
mod info;
mod parse;
mod pending;
mod propagate;
mod range;
mod read;
mod setid;
#[cfg(test)]
mod tests;
mod trim;

pub(crate) use read::{GroupRead, serve_group, serve_read};

use datatypes::stream::{Entries, StreamId};
use keyspace::{Event, EventClass};
use resp::ReplyWriter;

use crate::command::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &ack::XACK,
    &delete::XACKDEL,
    &add::XADD,
    &claim::XAUTOCLAIM,
    &claim::XCLAIM,
    &delete::XDEL,
    &delete::XDELEX,
    &group::XGROUP,
    &info::XINFO,
    &range::XLEN,
    &pending::XPENDING,
    &range::XRANGE,
    &read::XREAD,
    &read::XREADGROUP,
    &range::XREVRANGE,
    &setid::XSETID,
    &trim::XTRIM,
];

/// An event of the family.
const fn event(name: &'static str) -> Event {
    Event::new(EventClass::STREAM, name)
}

/// Said when a group command creates its consumer.
const CREATED_CONSUMER: Event = event("xgroup-createconsumer");

fn write_id(id: StreamId, out: &mut ReplyWriter<'_>) {
    out.bulk(id.text().as_bytes());
}

/// Writes an entry on which a walk stands: its id, then its fields and values.
fn write_entry(id: StreamId, fields: usize, entries: &mut Entries<'_>, out: &mut ReplyWriter<'_>) {
    out.array(2);
    write_id(id, out);
    out.array(fields * 2);
    let mut buffer = itoa::Buffer::new();
    while let Some((field, value)) = entries.next_field() {
        out.bulk(field.text(&mut buffer));
        out.bulk(value.text(&mut buffer));
    }
}

/// Writes up to `count` (0: all) entries as an array.
fn write_entries(mut entries: Entries<'_>, count: usize, out: &mut ReplyWriter<'_>) {
    let array = out.deferred_array();
    let mut written = 0;
    while let Some(entry) = entries.next_entry() {
        write_entry(entry.id, entry.fields, &mut entries, out);
        written += 1;
        if written == count {
            break;
        }
    }
    out.finish_array(array, written);
}
