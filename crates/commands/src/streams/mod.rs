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

use datatypes::Stream;
use datatypes::stream::{Entries, StreamId};
use keyspace::{Event, EventClass, ValueMut, ValueRef, Write};
use resp::{ReplyError, ReplyWriter, errors};

use crate::command::Command;
use crate::ctx::Ctx;

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

/// The value as a stream.
///
/// # Errors
/// WRONGTYPE.
fn expect(value: Option<ValueRef<'_>>) -> Result<Option<&Stream>, ReplyError> {
    match value {
        None => Ok(None),
        Some(ValueRef::Stream(stream)) => Ok(Some(stream)),
        Some(_) => Err(errors::WRONGTYPE),
    }
}

/// Reads a stream.
///
/// # Errors
/// WRONGTYPE.
fn read<'c>(ctx: &'c Ctx<'_>, key: &[u8]) -> Result<Option<&'c Stream>, ReplyError> {
    expect(ctx.read(key).map(|entry| entry.value()))
}

/// The stream behind a guard, to be changed; it was checked before that it is one.
fn value_mut<'w>(key: &'w mut Write<'_>) -> Option<&'w mut Stream> {
    match key.value_mut() {
        Some(ValueMut::Stream(stream)) => Some(stream),
        _ => None,
    }
}

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
