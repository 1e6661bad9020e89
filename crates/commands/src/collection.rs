//! What the families over collections share: typed doors to a key, creation upon the first
//! element, deletion after the last.
//!
//! A key never holds an empty collection. [`change`] creates one only together with its first
//! element, and [`commit_removal`] ends every change that may take the last one.

use datatypes::listpack::Item;
use datatypes::{Hash, List, Set, Stream, Zset};
use keyspace::{Entry, Event, Kind, Value, ValueMut, ValueRef, Write};
use resp::{ReplyError, ReplyWriter, errors};

use crate::ctx::Ctx;

/// A container that a key can hold. All but streams are gone when they are empty.
pub(crate) trait Collection: Default {
    /// The type of key that holds it.
    const KIND: Kind;
    /// The container, if the value is one.
    fn of(value: ValueRef<'_>) -> Option<&Self>;
    /// The container, to be changed.
    fn of_mut(value: ValueMut<'_>) -> Option<&mut Self>;
    /// The value that holds it.
    fn into_value(self) -> Value<'static>;
    /// Whether nothing is left.
    fn is_empty(&self) -> bool;
}

macro_rules! collections {
    ($($name:ident),*) => {$(
        impl Collection for $name {
            const KIND: Kind = Kind::$name;
            #[inline]
            fn of(value: ValueRef<'_>) -> Option<&Self> {
                if let ValueRef::$name(this) = value { Some(this) } else { None }
            }
            #[inline]
            fn of_mut(value: ValueMut<'_>) -> Option<&mut Self> {
                if let ValueMut::$name(this) = value { Some(this) } else { None }
            }
            #[inline]
            fn into_value(self) -> Value<'static> {
                Value::$name(self)
            }
            #[inline]
            fn is_empty(&self) -> bool {
                $name::is_empty(self)
            }
        }
    )*};
}
collections!(Hash, List, Set, Stream, Zset);

/// The collection that an entry holds.
///
/// # Errors
/// WRONGTYPE.
#[inline]
pub(crate) fn of<C: Collection>(entry: Option<Entry<'_>>) -> Result<Option<&C>, ReplyError> {
    match entry.map(|entry| C::of(entry.value())) {
        None => Ok(None),
        Some(Some(collection)) => Ok(Some(collection)),
        Some(None) => Err(errors::WRONGTYPE),
    }
}

impl Ctx<'_> {
    /// [`read`](Self::read) of a collection.
    ///
    /// # Errors
    /// WRONGTYPE.
    #[inline]
    pub(crate) fn read_as<C: Collection>(&self, key: &[u8]) -> Result<Option<&C>, ReplyError> {
        of(self.read(key))
    }

    /// [`peek`](Self::peek) of a collection.
    ///
    /// # Errors
    /// WRONGTYPE.
    #[inline]
    pub(crate) fn peek_as<C: Collection>(&self, key: &[u8]) -> Result<Option<&C>, ReplyError> {
        of(self.peek(key))
    }
}

/// The collection of an open key, to be looked at.
///
/// # Errors
/// WRONGTYPE.
#[inline]
pub(crate) fn view<'k, C: Collection>(key: &'k Write<'_>) -> Result<Option<&'k C>, ReplyError> {
    of(key.entry())
}

/// The collection of an open key, to be changed: commit it. `None`, and nothing to commit, where
/// the key is absent.
///
/// # Errors
/// WRONGTYPE; nothing to commit either.
#[inline]
pub(crate) fn open<'k, C: Collection>(
    key: &'k mut Write<'_>,
) -> Result<Option<&'k mut C>, ReplyError> {
    match key.kind() {
        None => Ok(None),
        Some(kind) if kind == C::KIND => Ok(key.value_mut().and_then(C::of_mut)),
        Some(_) => Err(errors::WRONGTYPE),
    }
}

/// [`open`] where the type was looked at before: anything else than the collection is `None`.
#[inline]
pub(crate) fn open_checked<'k, C: Collection>(key: &'k mut Write<'_>) -> Option<&'k mut C> {
    key.value_mut().and_then(C::of_mut)
}

/// Changes the collection of an open key, or a new one where the key is absent. `f` must leave at
/// least one element.
///
/// # Errors
/// WRONGTYPE; nothing to commit then.
#[inline]
pub(crate) fn change<C: Collection, R>(
    key: &mut Write<'_>,
    f: impl FnOnce(&mut C) -> R,
) -> Result<R, ReplyError> {
    if let Some(collection) = open(key)? {
        return Ok(f(collection));
    }
    let mut collection = C::default();
    let result = f(&mut collection);
    key.set(collection.into_value());
    Ok(result)
}

/// Commits `changes` removals with their event. A key whose collection is now empty is deleted,
/// with the event of that.
#[inline]
pub(crate) fn commit_removal<C: Collection>(mut key: Write<'_>, event: Event, changes: u64) {
    let is_empty = key.value().and_then(C::of).is_some_and(C::is_empty);
    if !is_empty {
        return key.commit_n(event, changes);
    }
    key.note(event);
    key.remove();
    key.commit_n(Event::generic("del"), changes);
}

/// Puts a result in the place of whatever the key holds, or deletes the key where the result is
/// empty; no event and no change where there is nothing to delete.
pub(crate) fn store<C: Collection>(mut key: Write<'_>, result: C, event: Event) {
    if !result.is_empty() {
        key.set(result.into_value());
        key.commit(event);
    } else if key.remove() {
        key.commit(Event::generic("del"));
    } else {
        key.unchanged();
    }
}

/// Replies an element as a bulk string.
#[inline]
pub(crate) fn reply_item(item: Item<'_>, out: &mut ReplyWriter<'_>) {
    match item {
        Item::Int(int) => out.bulk_i64(int),
        Item::Str(text) => out.bulk(text),
    }
}

/// A number of things that must not be negative.
///
/// # Errors
/// `error` where it is, or is no integer.
pub(crate) fn parse_count(text: &[u8], error: ReplyError) -> Result<usize, ReplyError> {
    let count = common::number::parse_i64(text).and_then(|count| usize::try_from(count).ok());
    count.ok_or(error)
}

/// A number of things that must be positive.
///
/// # Errors
/// `error` where it is not, or is no integer.
pub(crate) fn parse_positive(text: &[u8], error: ReplyError) -> Result<usize, ReplyError> {
    match parse_count(text, error.clone())? {
        0 => Err(error),
        count => Ok(count),
    }
}

/// A number of random picks, in parts: packed forms pick the positions of one part at a time.
pub(crate) fn parts(count: usize) -> impl Iterator<Item = usize> {
    const PART: usize = 1000;
    (0..count)
        .step_by(PART)
        .map(move |done| PART.min(count - done))
}

/// An integer.
///
/// # Errors
/// Not one.
#[inline]
pub(crate) fn parse_int(text: &[u8]) -> Result<i64, ReplyError> {
    common::number::parse_i64(text).ok_or(errors::NOT_INTEGER)
}

/// The part that a range of indexes, negative ones counting from the end, takes of `len` elements:
/// where it starts and how many it has.
#[inline]
pub(crate) fn range_of(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let absolute = |index: i64| if index < 0 { len + index } else { index };
    let (start, stop) = (absolute(start).max(0), absolute(stop).min(len - 1));
    if start > stop {
        return (len as usize, 0);
    }
    (start as usize, (stop - start + 1) as usize)
}
