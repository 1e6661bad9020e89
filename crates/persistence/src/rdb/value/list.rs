//! Lists: nodes as they are in memory, compressed ones included.
//!
//! Before Redis 3.2 a list was one ziplist or plain strings, and up to Redis 6 its nodes were
//! ziplists; these are only read.

use super::{Options, Scratch, read_element, shape};
use crate::rdb::legacy::ziplist;
use crate::rdb::primitive::{
    Compression, Out, read_len, read_string, write_len, write_lzf, write_string,
};
use crate::rdb::types::{LIST, LIST_QUICKLIST, LIST_ZIPLIST};
use crate::rdb::{Error, Source};
use datatypes::List;
use datatypes::list::{End, NodeRef};
use datatypes::listpack::Listpack;

/// A node is one large element.
const PLAIN: u64 = 1;
/// A node is a listpack.
const PACKED: u64 = 2;

pub(super) fn write<O: Out>(out: &mut O, list: &List, compression: Compression) {
    write_len(out, list.nodes() as u64);
    list.for_each_node(|node| match node {
        NodeRef::Packed(pack) => {
            write_len(out, PACKED);
            write_string(out, pack.bytes(), compression);
        }
        NodeRef::Lzf { bytes, size } => {
            write_len(out, PACKED);
            write_lzf(out, bytes, size);
        }
        NodeRef::Plain(text) => {
            write_len(out, PLAIN);
            write_string(out, text, compression);
        }
    });
}

pub(super) fn read<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
) -> Result<List, Error> {
    let mut list = List::new();
    match type_byte {
        LIST => read_strings(source, scratch, options, &mut list)?,
        LIST_ZIPLIST => {
            let fault = "List ziplist integrity check failed";
            let bytes = read_string(source, &mut scratch.text)?;
            let pack = ziplist::to_listpack(bytes).ok_or(Error::Corrupt(fault))?;
            let mut buffer = itoa::Buffer::new();
            for item in pack.view().iter() {
                list.push(End::Tail, item.text(&mut buffer), &options.limits.list);
            }
        }
        _ => {
            for _ in 0..read_len(source)? {
                read_node(type_byte, source, scratch, options, &mut list)?;
            }
            list.settle(&options.limits.list);
        }
    }
    if list.is_empty() {
        return Err(Error::Empty);
    }
    Ok(list)
}

fn read_strings<S: Source>(
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
    list: &mut List,
) -> Result<(), Error> {
    for _ in 0..read_len(source)? {
        let text = read_element(source, &mut scratch.text)?;
        list.push(End::Tail, text, &options.limits.list);
    }
    Ok(())
}

fn read_node<S: Source>(
    type_byte: u8,
    source: &mut S,
    scratch: &mut Scratch,
    options: &Options,
    list: &mut List,
) -> Result<(), Error> {
    let container = if type_byte == LIST_QUICKLIST {
        PACKED
    } else {
        read_len(source)?
    };
    if !matches!(container, PLAIN | PACKED) {
        return Err(Error::Corrupt("Quicklist integrity check failed."));
    }
    let bytes = read_element(source, &mut scratch.text)?;
    if bytes.is_empty() {
        return Err(Error::Corrupt("Quicklist node without data"));
    }
    if container == PLAIN {
        list.push_plain(bytes.into());
    } else if type_byte == LIST_QUICKLIST {
        let fault = Error::Corrupt("Ziplist integrity check failed.");
        list.push_pack(ziplist::to_listpack(bytes).ok_or(fault)?);
    } else {
        options.count();
        let pack = shape(bytes, "Listpack integrity check failed.")?;
        list.push_pack(Listpack::from_ref(pack));
    }
    Ok(())
}
