//! SORT and SORT_RO.
//!
//! Patterns of BY and GET name keys that depend on the elements, so all shards are locked where
//! there are any. Elements that compare equal by their weights are ordered by their own text, so
//! that results are the same everywhere.

use std::borrow::Cow;
use std::cmp::Ordering;

use datatypes::List;
use datatypes::list::End;
use keyspace::{Event, EventClass, Value, ValueRef};
use resp::{Args, ReplyError, ReplyWriter, errors};

use crate::command::flag::{DENYOOM, READONLY, SETTLES, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::origin::Origin;

/// `SORT`
pub const SORT: Command = Command::new("sort", -2, sort)
    .group(Group::Generic)
    .since("1.0.0")
    .docs(
        "Sorts the elements of a list, a set or a sorted set, or stores them sorted.",
        "O(N+M*log(M))",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::SET | category::SORTEDSET | category::LIST | category::DANGEROUS)
    .keys(&[
        KeySpec::at(1, "RO access"),
        KeySpec::unknown("RO access"),
        KeySpec::unknown("OW update"),
    ])
    .key_finder(find_keys)
    .any_key_if(has_pattern)
    .args(
        "key:key@0 pattern:pattern@1=BY? offset_count=LIMIT?{offset:integer \
         count:integer} pattern:pattern@1=GET?** order?(asc=ASC! | desc=DESC!) \
         sorting=ALPHA!? destination:key@2=STORE?",
    )
    .cost(Cost::Before(cost::sort));

/// `SORT_RO`
pub const SORT_RO: Command = Command::new("sort_ro", -2, sort_ro)
    .group(Group::Generic)
    .since("7.0.0")
    .docs(
        "Sorts the elements of a list, a set or a sorted set.",
        "O(N+M*log(M))",
    )
    .flags(READONLY)
    .categories(category::SET | category::SORTEDSET | category::LIST | category::DANGEROUS)
    .keys(&[KeySpec::at(1, "RO access"), KeySpec::unknown("RO access")])
    .key_finder(find_key)
    .any_key_if(has_pattern)
    .args(
        "key:key@0 pattern:pattern@1=BY? offset_count=LIMIT?{offset:integer \
         count:integer} pattern:pattern@1=GET?** order?(asc=ASC! | desc=DESC!) \
         sorting=ALPHA!?",
    )
    .cost(Cost::Before(cost::sort));

/// Whether BY or GET may lead to keys that the arguments do not name: without a `*` neither does.
/// The option itself is not looked for, so that a name with a star is taken for a pattern.
fn has_pattern(args: Args<'_>) -> bool {
    args.from(2).iter().any(|arg| arg.contains(&b'*'))
}

/// The sorted key, and the target of the last STORE.
fn find_keys(args: Args<'_>, found: &mut dyn FnMut(usize, &'static str)) {
    found(1, "RO access");
    let mut target = None;
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"LIMIT") {
            at += 2;
        } else if is(b"GET") || is(b"BY") {
            at += 1;
        } else if is(b"STORE") && at + 1 < args.len() {
            target = Some(at + 1);
            at += 1;
        }
        at += 1;
    }
    if let Some(target) = target {
        found(target, "OW update");
    }
}

/// The sorted key.
fn find_key(_: Args<'_>, found: &mut dyn FnMut(usize, &'static str)) {
    found(1, "RO access");
}

/// The options of a command.
#[derive(Debug, Default)]
struct Options<'a> {
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    offset: i64,
    /// Negative for all.
    limit: i64,
    descending: bool,
    alpha: bool,
    /// BY a pattern without `*`: the order is left as it is.
    unsorted: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>, may_store: bool) -> Result<Self, ReplyError> {
        let mut options = Self {
            limit: -1,
            ..Self::default()
        };
        let mut at = 2;
        while let Some(word) = args.get(at) {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            let integer = |text| common::number::parse_i64(text).ok_or(errors::NOT_INTEGER);
            at += 1;
            match args.get(at) {
                _ if is(b"ASC") => options.descending = false,
                _ if is(b"DESC") => options.descending = true,
                _ if is(b"ALPHA") => options.alpha = true,
                Some(offset) if is(b"LIMIT") && at + 1 < args.len() => {
                    options.offset = integer(offset)?;
                    options.limit = integer(args.at(at + 1))?;
                    at += 2;
                }
                Some(key) if may_store && is(b"STORE") => {
                    options.store = Some(key);
                    at += 1;
                }
                Some(pattern) if is(b"BY") => {
                    options.by = Some(pattern);
                    options.unsorted = !pattern.contains(&b'*');
                    at += 1;
                }
                Some(pattern) if is(b"GET") => {
                    options.get.push(pattern);
                    at += 1;
                }
                _ => return Err(errors::SYNTAX),
            }
        }
        Ok(options)
    }

    /// The part of `len` elements that LIMIT leaves.
    fn range(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let count = usize::try_from(self.limit).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

/// The elements of a key, in its own order.
fn elements(value: Option<ValueRef<'_>>) -> Result<Vec<Vec<u8>>, ReplyError> {
    let mut all = Vec::new();
    match value {
        None => {}
        Some(ValueRef::List(list)) => list.for_each(|item| all.push(item.to_vec())),
        Some(ValueRef::Set(set)) => set.for_each(|item| all.push(item.to_vec())),
        Some(ValueRef::Zset(zset)) => {
            all.extend(
                zset.iter(0..zset.len(), false)
                    .map(|(item, _)| item.to_vec()),
            );
        }
        Some(_) => return Err(errors::WRONGTYPE),
    }
    Ok(all)
}

/// What a pattern of BY or GET stands for: the element itself (`#`), a string, or with `->` a
/// field of a hash; its first `*` is the element.
fn look_up<'e>(ctx: &Ctx<'_>, pattern: &[u8], element: &'e [u8]) -> Option<Cow<'e, [u8]>> {
    if pattern == b"#" {
        return Some(Cow::Borrowed(element));
    }
    let star = memchr::memchr(b'*', pattern)?;
    let (head, tail) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = tail.windows(2).position(|two| two == b"->");
    let arrow = arrow.filter(|at| at + 2 < tail.len());
    let key = [head, element, &tail[..arrow.unwrap_or(tail.len())]].concat();
    let value = ctx.read(&key)?.value();
    match (value, arrow) {
        (ValueRef::Hash(hash), Some(at)) => {
            hash.get(&tail[at + 2..]).map(|item| item.to_vec().into())
        }
        (ValueRef::Str(text), None) => Some(text.to_vec().into()),
        _ => None,
    }
}

/// A number as C reads it: blanks before it, and nothing at all, pass.
fn weight(text: &[u8]) -> Result<f64, ReplyError> {
    if text.is_empty() {
        return Ok(0.0);
    }
    common::number::parse_f64(text.trim_ascii_start()).ok_or(errors::sort::SCORES_NOT_DOUBLES)
}

fn ordered(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

/// Sorts by numbers; elements without a weight weigh 0.
fn sort_by_number(
    ctx: &Ctx<'_>,
    all: Vec<Vec<u8>>,
    options: &Options<'_>,
) -> Result<Vec<Vec<u8>>, ReplyError> {
    let mut weighed = Vec::with_capacity(all.len());
    for element in all {
        let number = match options.by {
            None => weight(&element)?,
            Some(by) => match look_up(ctx, by, &element) {
                Some(text) => weight(&text)?,
                None => 0.0,
            },
        };
        weighed.push((number, element));
    }
    weighed.sort_by(|a, b| {
        let order = a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal);
        ordered(order.then_with(|| a.1.cmp(&b.1)), options.descending)
    });
    Ok(weighed.into_iter().map(|(_, element)| element).collect())
}

/// Sorts by texts; elements without one come first.
fn sort_by_text(ctx: &Ctx<'_>, mut all: Vec<Vec<u8>>, options: &Options<'_>) -> Vec<Vec<u8>> {
    let Some(by) = options.by else {
        all.sort_by(|a, b| ordered(a.cmp(b), options.descending));
        return all;
    };
    let text_of = |element: &Vec<u8>| look_up(ctx, by, element).map(Cow::into_owned);
    let mut weighed: Vec<_> = all.into_iter().map(|e| (text_of(&e), e)).collect();
    weighed.sort_by(|a, b| ordered(a.0.cmp(&b.0), options.descending));
    weighed.into_iter().map(|(_, element)| element).collect()
}

/// The elements in the order asked for, LIMIT applied.
fn run(ctx: &Ctx<'_>, key: &[u8], options: &mut Options<'_>) -> Result<Vec<Vec<u8>>, ReplyError> {
    let value = ctx.read(key).map(|entry| entry.value());
    let is_set = matches!(value, Some(ValueRef::Set(_)));
    let mut all = elements(value)?;
    let is_kept = options.store.is_some() || ctx.session.origin == Origin::Script;
    if options.unsorted && is_set && is_kept {
        // A set has no order of its own that would be the same elsewhere.
        (options.unsorted, options.alpha, options.by) = (false, true, None);
    }
    if !options.unsorted {
        all = if options.alpha {
            sort_by_text(ctx, all, options)
        } else {
            sort_by_number(ctx, all, options)?
        };
    } else if options.descending && !is_set {
        all.reverse();
    }
    let range = options.range(all.len());
    all.truncate(range.end);
    all.drain(..range.start);
    Ok(all)
}

fn sort(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut options = Options::parse(args, true)?;
    let found = run(ctx, args.at(1), &mut options)?;
    match options.store {
        Some(target) => return store(ctx, (target, args), found, &options, out),
        None => reply(ctx, &found, &options, out),
    }
    Ok(())
}

fn sort_ro(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let mut options = Options::parse(args, false)?;
    let found = run(ctx, args.at(1), &mut options)?;
    reply(ctx, &found, &options, out);
    Ok(())
}

fn reply(ctx: &Ctx<'_>, found: &[Vec<u8>], options: &Options<'_>, out: &mut ReplyWriter<'_>) {
    out.array(found.len() * options.get.len().max(1));
    for element in found {
        if options.get.is_empty() {
            out.bulk(element);
        }
        for pattern in &options.get {
            match look_up(ctx, pattern, element) {
                Some(text) => out.bulk(&text),
                None => out.null(),
            }
        }
    }
}

/// Stores the result as a list; what GET does not find is stored as an empty text.
fn store(
    ctx: &mut Ctx<'_>,
    (key, args): (&[u8], Args<'_>),
    found: Vec<Vec<u8>>,
    options: &Options<'_>,
    out: &mut ReplyWriter<'_>,
) -> CmdResult {
    let limits = crate::lists::limits(ctx.server);
    let mut list = List::new();
    for element in &found {
        if options.get.is_empty() {
            list.push(End::Tail, element, &limits);
        }
        for pattern in &options.get {
            let text = look_up(ctx, pattern, element).unwrap_or_default();
            list.push(End::Tail, &text, &limits);
        }
    }
    let count = list.len();
    // Not with locks held.
    drop(found);
    ctx.settle(args)?;
    let mut key = ctx.write(key);
    if count > 0 {
        key.set(Value::List(list));
        key.commit_n(Event::new(EventClass::LIST, "sortstore"), count as u64);
    } else if key.remove() {
        key.commit(Event::generic("del"));
    } else {
        key.unchanged();
    }
    out.integer(count as i64);
    Ok(())
}

#[cfg(test)]
mod tests;
