//! Streams: nodes as they are in memory, then ids and counts, then groups with what is pending.
//!
//! Written is the form of Redis 7.0, in which consumers have one time. Newer forms have a second
//! (3), the ids of idempotent producers (4), which are read over, and entries that were given back
//! (5), which have no owner and are refused.

use super::{Options, Scratch, shape};
use crate::rdb::primitive::{
    Compression, Out, read_len, read_ms, read_string, write_len, write_ms, write_string,
};
use crate::rdb::types::*;
use crate::rdb::{Error, Source};
use datatypes::Stream;
use datatypes::listpack::Listpack;
use datatypes::stream::{Consumer, Counters, Group, StreamId};

pub(super) fn write<O: Out>(out: &mut O, stream: &Stream, compression: Compression) {
    let nodes = stream.nodes();
    write_len(out, nodes.len() as u64);
    for (id, pack) in nodes {
        write_string(out, &id.to_key(), compression);
        write_string(out, pack.bytes(), compression);
    }
    let counters = stream.counters();
    write_len(out, counters.length);
    for id in [counters.last_id, counters.first_id, counters.max_deleted_id] {
        write_id(out, id);
    }
    write_len(out, counters.entries_added);
    let groups = stream.groups();
    write_len(out, groups.len() as u64);
    for (name, group) in groups {
        write_string(out, name, compression);
        write_group(out, group, compression);
    }
}

fn write_id<O: Out>(out: &mut O, id: StreamId) {
    write_len(out, id.ms);
    write_len(out, id.seq);
}

fn write_group<O: Out>(out: &mut O, group: &Group, compression: Compression) {
    write_id(out, group.last_id());
    // -1 where it is unknown.
    write_len(out, group.entries_read().unwrap_or(-1) as u64);
    write_len(out, group.pending_len() as u64);
    for (id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX) {
        out.put(&id.to_key());
        write_ms(out, pending.delivery_time_ms);
        write_len(out, pending.delivery_count);
    }
    write_len(out, group.consumers_len() as u64);
    for consumer in group.consumers() {
        write_consumer(out, consumer, compression);
    }
}

fn write_consumer<O: Out>(out: &mut O, consumer: &Consumer, compression: Compression) {
    write_string(out, consumer.name(), compression);
    write_ms(out, consumer.seen_time_ms);
    write_len(out, consumer.pending_len() as u64);
    for id in consumer.pending_from(StreamId::MIN) {
        out.put(&id.to_key());
    }
}

pub(super) fn read<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
) -> Result<Stream, Error> {
    let mut stream = Stream::new();
    for _ in 0..read_len(source)? {
        read_node(source, scratch, options, &mut stream)?;
    }
    let has_first_id = type_byte != STREAM_LISTPACKS;
    let counters = read_counters(source, has_first_id)?;
    stream.restore_counters(counters, has_first_id);
    if stream.count_entries() != counters.length {
        return Err(Error::Corrupt(
            "Stream length inconsistent with rax entries",
        ));
    }
    if stream.last_live_id() > Some(counters.last_id) {
        return Err(Error::Corrupt("Stream last ID is below its last entry"));
    }
    for _ in 0..read_len(source)? {
        read_group(type_byte, source, scratch, &mut stream)?;
    }
    if matches!(type_byte, STREAM_LISTPACKS_4 | STREAM_LISTPACKS_5) {
        skip_producers(source)?;
    }
    Ok(stream)
}

fn read_node<S: Source>(
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
    stream: &mut Stream,
) -> Result<(), Error> {
    let key = read_string(source, &mut scratch.text)?;
    let key = <[u8; 16]>::try_from(key)
        .map_err(|_| Error::Corrupt("Stream node key entry is not the size of a stream ID"))?;
    options.count();
    let bytes = read_string(source, &mut scratch.text)?;
    let fault = "Stream listpack integrity check failed.";
    let pack = Listpack::from_ref(shape(bytes, fault)?);
    if pack.is_empty() {
        return Err(Error::Corrupt("Empty listpack inside stream"));
    }
    if !stream.restore_node(StreamId::from_key(key), pack, true) {
        return Err(Error::Corrupt(fault));
    }
    Ok(())
}

fn read_id<S: Source>(source: &mut S) -> Result<StreamId, Error> {
    Ok(StreamId::new(read_len(source)?, read_len(source)?))
}

fn read_raw_id<S: Source>(source: &mut S) -> Result<StreamId, Error> {
    source.array().map(StreamId::from_key)
}

fn read_counters<S: Source>(source: &mut S, has_first_id: bool) -> Result<Counters, Error> {
    let length = read_len(source)?;
    let mut counters = Counters {
        length,
        last_id: read_id(source)?,
        entries_added: length,
        ..Counters::default()
    };
    if has_first_id {
        counters.first_id = read_id(source)?;
        counters.max_deleted_id = read_id(source)?;
        counters.entries_added = read_len(source)?;
    }
    Ok(counters)
}

fn read_group<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    stream: &mut Stream,
) -> Result<(), Error> {
    let name = read_string(source, &mut scratch.text)?.to_vec();
    let last_id = read_id(source)?;
    let entries_read = if type_byte == STREAM_LISTPACKS {
        stream.counters().entries_until(last_id)
    } else {
        // -1 stands for unknown.
        Some(read_len(source)? as i64).filter(|read| *read >= 0)
    };
    if !stream.create_group(&name, last_id, entries_read) {
        return Err(Error::Corrupt("Duplicated consumer group name"));
    }
    let Some(group) = stream.group_mut(&name) else {
        return Ok(());
    };
    for _ in 0..read_len(source)? {
        let (id, time_ms, count) = (read_raw_id(source)?, read_ms(source)?, read_len(source)?);
        if !group.restore_pending(id, time_ms, count) {
            let fault = "Duplicated global PEL entry loading stream consumer group";
            return Err(Error::Corrupt(fault));
        }
    }
    for _ in 0..read_len(source)? {
        read_consumer(type_byte, source, scratch, group)?;
    }
    if type_byte == STREAM_LISTPACKS_5 && read_len(source)? > 0 {
        return Err(Error::Unsupported("a stream entry given back by XNACK"));
    }
    if !group.is_complete() {
        return Err(Error::Corrupt("Stream CG PEL entry without consumer"));
    }
    Ok(())
}

fn read_consumer<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    group: &mut Group,
) -> Result<(), Error> {
    let name = read_string(source, &mut scratch.text)?.to_vec();
    let seen_ms = read_ms(source)?;
    if !group.create_consumer(&name, seen_ms) {
        return Err(Error::Corrupt("Duplicate stream consumer detected."));
    }
    // Before there were two times, the one was that of the last activity.
    let active_ms = if type_byte >= STREAM_LISTPACKS_3 {
        read_ms(source)?
    } else {
        seen_ms
    };
    if let Some(consumer) = group.consumer_mut(&name) {
        consumer.active_time_ms = Some(active_ms).filter(|ms| *ms >= 0);
    }
    for _ in 0..read_len(source)? {
        let id = read_raw_id(source)?;
        let Some(pending) = group.pending(id) else {
            return Err(Error::Corrupt(
                "Consumer entry not found in group global PEL",
            ));
        };
        if group.owner(pending).is_some() || !group.restore_owner(&name, id) {
            let fault = "Stream consumer PEL entry already has a consumer assigned";
            return Err(Error::Corrupt(fault));
        }
    }
    Ok(())
}

/// Reads over the ids of idempotent producers: duration, most entries, the producers with their
/// ids and entries, two counts.
fn skip_producers<S: Source>(source: &mut S) -> Result<(), Error> {
    let mut text = Vec::new();
    read_id(source)?;
    for _ in 0..read_len(source)? {
        read_string(source, &mut text)?;
        for _ in 0..read_len(source)? {
            read_string(source, &mut text)?;
            read_id(source)?;
        }
    }
    read_id(source)?;
    Ok(())
}
