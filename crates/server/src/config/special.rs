//! The directives with a syntax of their own: `save`, `client-output-buffer-limit`,
//! `oom-score-adj-values`, `notify-keyspace-events`, `bind`, `replicaof`,
//! `latency-tracking-info-percentiles` and `dir`.

use super::directive::Special;
use super::numbers::{self, double, double_text, lenient, memory_text};
use super::value::{Reason, Value};
use common::words;

/// The classes of clients with an output buffer limit, as `CONFIG GET` names them.
const CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];
/// The most addresses `bind` takes.
const BIND_ADDRESSES_MAX: usize = 16;
const BIND_DEFAULT: [&str; 2] = ["*", "-::*"];

/// Classes of keyspace events, with the bits Redis gives them.
pub mod events {
    /// Publish to `__keyspace@<db>__:` channels.
    pub const KEYSPACE: u32 = 1;
    /// Publish to `__keyevent@<db>__:` channels.
    pub const KEYEVENT: u32 = 1 << 1;
    /// Key misses, which `A` does not include.
    pub const KEY_MISS: u32 = 1 << 11;
    /// Creation of keys, which `A` does not include.
    pub const NEW: u32 = 1 << 14;
    /// Overwriting of keys (Redis 8.2), which `A` does not include.
    pub const OVERWRITTEN: u32 = 1 << 15;
    /// Change of a key's type (Redis 8.2), which `A` does not include.
    pub const TYPE_CHANGED: u32 = 1 << 16;
    /// What `A` stands for.
    pub const ALL: u32 = 0x7fc | 1 << 13;

    /// Classes within `A`, in the order in which they are printed.
    pub(super) const IN_ALL: [(char, u32); 10] = [
        ('g', 1 << 2),
        ('$', 1 << 3),
        ('l', 1 << 4),
        ('s', 1 << 5),
        ('h', 1 << 6),
        ('z', 1 << 7),
        ('x', 1 << 8),
        ('e', 1 << 9),
        ('t', 1 << 10),
        ('d', 1 << 13),
    ];
    /// Classes beside `A`.
    pub(super) const BESIDE: [(char, u32); 6] = [
        ('n', NEW),
        ('o', OVERWRITTEN),
        ('c', TYPE_CHANGED),
        ('K', KEYSPACE),
        ('E', KEYEVENT),
        ('m', KEY_MISS),
    ];

    /// The bits of a text such as `KEA`; `None` if a letter is unknown.
    pub fn parse(text: &[u8]) -> Option<u32> {
        let bit = |&letter: &u8| match letter {
            b'A' => Some(ALL),
            _ => {
                let mut known = IN_ALL.iter().chain(&BESIDE);
                known
                    .find(|(c, _)| *c == letter as char)
                    .map(|(_, bit)| *bit)
            }
        };
        text.iter()
            .try_fold(0, |all, letter| Some(all | bit(letter)?))
    }

    /// The text of a set of bits.
    pub fn print(bits: u32) -> String {
        let mut out = String::new();
        let listed = |(_, bit): &&(char, u32)| bits & bit != 0;
        match bits & ALL == ALL {
            true => out.push('A'),
            false => out.extend(IN_ALL.iter().filter(listed).map(|(c, _)| c)),
        }
        out.extend(BESIDE.iter().filter(listed).map(|(c, _)| c));
        out
    }
}

/// The limit of one class of clients; zero means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputLimit {
    /// Closed at once beyond this many bytes.
    pub hard_bytes: u64,
    /// Closed after `soft_seconds` beyond this many bytes.
    pub soft_bytes: u64,
    /// See `soft_bytes`.
    pub soft_seconds: u64,
}

/// A value with a syntax of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum SpecialValue {
    /// Save points: (seconds, changes).
    Save(Vec<(u64, u64)>),
    /// Limits of normal clients, replicas and subscribers.
    OutputBufferLimit([OutputLimit; 3]),
    /// Adjustments of a primary, a replica and a background child.
    OomValues([i64; 3]),
    /// Bits of `events`.
    KeyspaceEvents(u32),
    /// Addresses, each with its `-` where it may be missing.
    Bind(Vec<String>),
    /// The primary to follow.
    ReplicaOf(Option<(String, u16)>),
    /// Percentiles of `INFO latencystats`.
    Percentiles(Vec<f64>),
    /// The working directory, as given.
    Dir(Vec<u8>),
}

pub(super) fn default_of(kind: Special) -> SpecialValue {
    const MB: u64 = 1 << 20;
    let limit = |hard_bytes, soft_bytes, soft_seconds| OutputLimit {
        hard_bytes,
        soft_bytes,
        soft_seconds,
    };
    match kind {
        Special::Save => SpecialValue::Save(vec![(3600, 1), (300, 100), (60, 10000)]),
        Special::OutputBufferLimit => SpecialValue::OutputBufferLimit([
            limit(0, 0, 0),
            limit(256 * MB, 64 * MB, 60),
            limit(32 * MB, 8 * MB, 60),
        ]),
        Special::OomValues => SpecialValue::OomValues([0, 200, 800]),
        Special::KeyspaceEvents => SpecialValue::KeyspaceEvents(0),
        Special::Bind => SpecialValue::Bind(BIND_DEFAULT.map(str::to_owned).to_vec()),
        Special::ReplicaOf => SpecialValue::ReplicaOf(None),
        Special::Percentiles => SpecialValue::Percentiles(vec![50.0, 99.0, 99.9]),
        Special::Dir => SpecialValue::Dir(b".".to_vec()),
    }
}

pub(super) fn parse(
    kind: Special,
    args: &[&[u8]],
    old: &Value,
    append: bool,
) -> Result<SpecialValue, Reason> {
    match kind {
        Special::Save => parse_save(args, old, append),
        Special::OutputBufferLimit => parse_limits(args, old),
        Special::OomValues => parse_oom(args),
        Special::KeyspaceEvents => match args {
            [text] => events::parse(text)
                .map(SpecialValue::KeyspaceEvents)
                .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdnoc'.".into()),
            _ => Err("wrong number of arguments".into()),
        },
        Special::Bind => parse_bind(args),
        Special::ReplicaOf => parse_replicaof(args),
        Special::Percentiles => parse_percentiles(args),
        Special::Dir => match args {
            [path] => Ok(SpecialValue::Dir(path.to_vec())),
            _ => Err("wrong number of arguments".into()),
        },
    }
}

/// No arguments at all, where a single empty one means that too.
fn or_none<'a, 'b>(args: &'a [&'b [u8]]) -> &'a [&'b [u8]] {
    match args {
        [b""] => &[],
        _ => args,
    }
}

fn parse_save(args: &[&[u8]], old: &Value, append: bool) -> Result<SpecialValue, Reason> {
    let invalid = || Reason::from("Invalid save parameters");
    let cleared = args == [b""];
    let args = or_none(args);
    let mut points = match old {
        Value::Special(SpecialValue::Save(old)) if append && !cleared => old.clone(),
        _ => Vec::new(),
    };
    let (pairs, rest) = args.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(invalid());
    }
    for [seconds, changes] in pairs {
        let (seconds, _) = lenient(seconds, 10).ok_or_else(invalid)?;
        let (changes, _) = lenient(changes, 10).ok_or_else(invalid)?;
        if seconds < 1 || changes < 0 {
            return Err(invalid());
        }
        points.push((seconds as u64, changes as u64));
    }
    Ok(SpecialValue::Save(points))
}

fn parse_limits(args: &[&[u8]], old: &Value) -> Result<SpecialValue, Reason> {
    let mut limits = match old {
        Value::Special(SpecialValue::OutputBufferLimit(old)) => *old,
        _ => [OutputLimit::default(); 3],
    };
    let (groups, rest) = args.as_chunks::<4>();
    if !rest.is_empty() {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    for [class, hard, soft, seconds] in groups {
        let class = match class.to_ascii_lowercase().as_slice() {
            b"normal" => 0,
            b"slave" | b"replica" => 1,
            b"pubsub" => 2,
            _ => {
                return Err("Invalid client class specified in buffer limit configuration.".into());
            }
        };
        let seconds = lenient(seconds, 10)
            .map(|(seconds, _)| seconds)
            .filter(|s| *s >= 0);
        let (Some(hard_bytes), Some(soft_bytes), Some(seconds)) =
            (numbers::memory(hard), numbers::memory(soft), seconds)
        else {
            return Err(
                "Error in hard, soft or soft_seconds setting in buffer limit \
                        configuration."
                    .into(),
            );
        };
        limits[class] = OutputLimit {
            hard_bytes,
            soft_bytes,
            soft_seconds: seconds as u64,
        };
    }
    Ok(SpecialValue::OutputBufferLimit(limits))
}

fn parse_oom(args: &[&[u8]]) -> Result<SpecialValue, Reason> {
    let [primary, replica, child] = args else {
        return Err("wrong number of arguments".into());
    };
    let parse = |text: &[u8]| match lenient(text, 10) {
        Some((value @ -2000..=2000, _)) => Ok(value),
        _ => Err(Reason::from(
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        )),
    };
    let values = [parse(primary)?, parse(replica)?, parse(child)?];
    if !values.is_sorted() {
        tracing::error!(
            "The oom-score-adj-values configuration may not work for non-privileged processes! \
             Please consult the documentation."
        );
    }
    Ok(SpecialValue::OomValues(values))
}

fn parse_bind(args: &[&[u8]]) -> Result<SpecialValue, Reason> {
    if args.len() > BIND_ADDRESSES_MAX {
        return Err("Too many bind addresses specified.".into());
    }
    let addresses = or_none(args)
        .iter()
        .map(|a| String::from_utf8_lossy(a).into_owned());
    Ok(SpecialValue::Bind(addresses.collect()))
}

fn parse_replicaof(args: &[&[u8]]) -> Result<SpecialValue, Reason> {
    let [host, port] = args else {
        return Err("wrong number of arguments".into());
    };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(SpecialValue::ReplicaOf(None));
    }
    let port = lenient(port, 10).and_then(|(port, _)| u16::try_from(port).ok());
    let port = port.ok_or("Invalid master port")?;
    Ok(SpecialValue::ReplicaOf(Some((
        String::from_utf8_lossy(host).into_owned(),
        port,
    ))))
}

fn parse_percentiles(args: &[&[u8]]) -> Result<SpecialValue, Reason> {
    let parse = |text: &&[u8]| match double(text) {
        None => Err("Invalid latency-tracking-info-percentiles parameters"),
        Some(p) if !(0.0..=100.0).contains(&p) => {
            Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
        }
        Some(p) => Ok(p),
    };
    let values: Result<Vec<f64>, _> = or_none(args).iter().map(parse).collect();
    Ok(SpecialValue::Percentiles(values?))
}

impl SpecialValue {
    /// The text that `CONFIG GET` shows.
    pub(super) fn print(&self) -> Vec<u8> {
        match self {
            Self::Dir(path) => path.clone(),
            Self::Save(points) => join(points.iter().map(|(s, c)| format!("{s} {c}"))),
            Self::OutputBufferLimit(limits) => {
                join(CLASSES.iter().zip(limits).map(|(class, limit)| {
                    let OutputLimit {
                        hard_bytes,
                        soft_bytes,
                        soft_seconds,
                    } = limit;
                    format!("{class} {hard_bytes} {soft_bytes} {soft_seconds}")
                }))
            }
            Self::OomValues(values) => join(values.iter().map(i64::to_string)),
            Self::KeyspaceEvents(bits) => events::print(*bits).into_bytes(),
            Self::Bind(addresses) => addresses.join(" ").into_bytes(),
            Self::ReplicaOf(None) => Vec::new(),
            Self::ReplicaOf(Some((host, port))) => format!("{host} {port}").into_bytes(),
            Self::Percentiles(values) => join(values.iter().map(|p| double_text(*p))),
        }
    }

    /// The lines that `CONFIG REWRITE` writes, each with whether it must be there.
    pub(super) fn rewrite(&self, name: &str) -> Vec<(String, bool)> {
        let text = String::from_utf8_lossy(&self.print()).into_owned();
        match self {
            Self::Save(points) if points.is_empty() => vec![(format!("{name} \"\""), true)],
            Self::Save(points) => points
                .iter()
                .map(|(s, c)| (format!("{name} {s} {c}"), true))
                .collect(),
            Self::OutputBufferLimit(limits) => rewrite_limits(name, limits),
            Self::OomValues(_) => {
                vec![(
                    format!("{name} {text}"),
                    *self != default_of(Special::OomValues),
                )]
            }
            Self::KeyspaceEvents(bits) => {
                vec![(
                    format!("{name} {}", words::quote(text.as_bytes())),
                    *bits != 0,
                )]
            }
            Self::Bind(addresses) if *addresses == BIND_DEFAULT => Vec::new(),
            Self::Bind(addresses) if addresses.is_empty() => vec![(format!("{name} \"\""), true)],
            Self::ReplicaOf(None) => Vec::new(),
            Self::Percentiles(values) if values.is_empty() => {
                vec![(format!("{name} \"\""), true)]
            }
            Self::Bind(addresses) => {
                let words: Vec<String> = addresses
                    .iter()
                    .map(|a| words::quote_if_needed(a))
                    .collect();
                let line = match words.as_slice() {
                    // A lone word is split again when it is read.
                    [one] if *one != addresses[0] => words::quote(one.as_bytes()),
                    words => words.join(" "),
                };
                vec![(format!("{name} {line}"), true)]
            }
            Self::ReplicaOf(Some((host, port))) => {
                vec![(
                    format!("{name} {} {port}", words::quote_if_needed(host)),
                    true,
                )]
            }
            Self::Percentiles(_) => vec![(format!("{name} {text}"), true)],
            Self::Dir(path) => vec![(format!("{name} {}", words::quote(path)), true)],
        }
    }
}

fn rewrite_limits(name: &str, limits: &[OutputLimit; 3]) -> Vec<(String, bool)> {
    let SpecialValue::OutputBufferLimit(defaults) = default_of(Special::OutputBufferLimit) else {
        return Vec::new();
    };
    let line = |((class, limit), default): ((&str, &OutputLimit), &OutputLimit)| {
        let (hard, soft) = (
            memory_text(limit.hard_bytes.into()),
            memory_text(limit.soft_bytes.into()),
        );
        let seconds = limit.soft_seconds;
        (
            format!("{name} {class} {hard} {soft} {seconds}"),
            limit != default,
        )
    };
    ["normal", "replica", "pubsub"]
        .into_iter()
        .zip(limits)
        .zip(&defaults)
        .map(line)
        .collect()
}

fn join(parts: impl Iterator<Item = String>) -> Vec<u8> {
    parts.collect::<Vec<_>>().join(" ").into_bytes()
}
