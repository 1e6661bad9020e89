//! What a command is: one `const` beside its handler, from which everything else derives.
//!
//! Lookup, arity checks, `COMMAND`, `COMMAND DOCS`, `COMMAND GETKEYS`, ACL categories, cluster
//! routing, locking and the fuzzers' dictionary all read this value. Nothing about a command is
//! written down anywhere else. The names and numbers follow Redis's `COMMAND INFO`
//! (<https://redis.io/docs/latest/commands/command-info/>).
//!
//! The arguments are kept in a small notation of their own (see [`crate::docs`]) that is only
//! parsed when somebody asks for the documentation.

use resp::{Args, ReplyWriter};

use crate::cost::Cost;
use crate::ctx::{CmdResult, Ctx};

/// Runs one command. `args.at(0)` is the command's name; arity is already checked.
pub type Handler = fn(&mut Ctx<'_>, Args<'_>, &mut ReplyWriter<'_>) -> CmdResult;

/// Reports each key argument's index and its key-spec flags.
pub type KeyFinder = fn(Args<'_>, &mut dyn FnMut(usize, &'static str));

/// Tells what a command does to its keys where that depends on the arguments.
pub type FlagFinder = fn(Args<'_>) -> &'static str;

/// Command flags, as bits. Names are Redis's.
pub mod flag {
    /// May change the keyspace.
    pub const WRITE: u64 = 1;
    /// Reads the keyspace and never changes it.
    pub const READONLY: u64 = 1 << 1;
    /// May need memory: refused when over `maxmemory`.
    pub const DENYOOM: u64 = 1 << 2;
    /// For administrators.
    pub const ADMIN: u64 = 1 << 3;
    /// Publish/subscribe.
    pub const PUBSUB: u64 = 1 << 4;
    /// Not allowed in scripts.
    pub const NOSCRIPT: u64 = 1 << 5;
    /// May block the client.
    pub const BLOCKING: u64 = 1 << 6;
    /// Allowed while the data set is loading.
    pub const LOADING: u64 = 1 << 7;
    /// Allowed on a replica with stale data.
    pub const STALE: u64 = 1 << 8;
    /// Not shown by MONITOR.
    pub const SKIP_MONITOR: u64 = 1 << 9;
    /// Not recorded by SLOWLOG.
    pub const SKIP_SLOWLOG: u64 = 1 << 10;
    /// Implies ASKING in cluster mode.
    pub const ASKING: u64 = 1 << 11;
    /// Constant or logarithmic time: its latency is watched as `fast-command`.
    pub const FAST: u64 = 1 << 12;
    /// Allowed before authentication.
    pub const NO_AUTH: u64 = 1 << 13;
    /// Not a write, yet may produce replication traffic.
    pub const MAY_REPLICATE: u64 = 1 << 14;
    /// Key arguments are optional.
    pub const NO_MANDATORY_KEYS: u64 = 1 << 15;
    /// Refused during asynchronous loading.
    pub const NO_ASYNC_LOADING: u64 = 1 << 16;
    /// Not allowed between MULTI and EXEC.
    pub const NO_MULTI: u64 = 1 << 17;
    /// Allowed while a script runs for too long.
    pub const ALLOW_BUSY: u64 = 1 << 18;
    /// Key positions cannot all be told from the key specs.
    pub const MOVABLE_KEYS: u64 = 1 << 19;
    /// Runs with every shard locked (not one of Redis's flags: never shown).
    pub const ALL_SHARDS: u64 = 1 << 32;
    /// Runs at once between MULTI and EXEC instead of being queued (never shown).
    pub const NOT_QUEUED: u64 = 1 << 33;
    /// Its arguments hold secrets: redacted in SLOWLOG and MONITOR (never shown).
    pub const SENSITIVE: u64 = 1 << 34;
    /// Runs even while clients are paused (never shown).
    pub const NOT_PAUSED: u64 = 1 << 35;

    /// Runs with the shards of all queued commands locked: EXEC (never shown).
    pub const LOCKS_QUEUE: u64 = 1 << 36;
    /// Runs the queue of the transaction: EXEC (never shown).
    pub const RUNS_QUEUE: u64 = 1 << 41;
    /// Allowed in the pub/sub context of RESP2 (never shown).
    pub const IN_PUBSUB: u64 = 1 << 42;
    /// Visits every shard, one after the other; inside EXEC all are locked (never shown).
    pub const WALKS_SHARDS: u64 = 1 << 37;

    /// Used by tests and tools, not by applications: `syscmd` in `COMMAND DOCS`.
    pub const SYSCMD: u64 = 1 << 38;
    /// Subject to `enable-debug-command` (never shown).
    pub const PROTECTED_DEBUG: u64 = 1 << 39;
    /// Subject to `enable-module-command` (never shown).
    pub const PROTECTED_MODULE: u64 = 1 << 40;

    /// Takes about as little time as a FAST command, though Redis does not call it so (never
    /// shown).
    pub const BRIEF: u64 = 1 << 43;

    /// Reads the keys whose specs begin with `RO` first of all, and calls `Ctx::settle` before its
    /// first change: while it runs elsewhere it needs no locks before that (never shown).
    pub const SETTLES: u64 = 1 << 44;

    /// Shown names, in the order in which `COMMAND INFO` shows them. MAY_REPLICATE is not shown.
    pub const NAMES: [(u64, &str); 19] = [
        (WRITE, "write"),
        (READONLY, "readonly"),
        (DENYOOM, "denyoom"),
        (ADMIN, "admin"),
        (PUBSUB, "pubsub"),
        (NOSCRIPT, "noscript"),
        (BLOCKING, "blocking"),
        (LOADING, "loading"),
        (STALE, "stale"),
        (SKIP_MONITOR, "skip_monitor"),
        (SKIP_SLOWLOG, "skip_slowlog"),
        (ASKING, "asking"),
        (FAST, "fast"),
        (NO_AUTH, "no_auth"),
        (NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (NO_ASYNC_LOADING, "no_async_loading"),
        (NO_MULTI, "no_multi"),
        (MOVABLE_KEYS, "movablekeys"),
        (ALLOW_BUSY, "allow_busy"),
    ];
}

/// ACL categories, as bits in Redis's order.
pub mod category {
    /// `@keyspace`
    pub const KEYSPACE: u64 = 1;
    /// `@read`
    pub const READ: u64 = 1 << 1;
    /// `@write`
    pub const WRITE: u64 = 1 << 2;
    /// `@set`
    pub const SET: u64 = 1 << 3;
    /// `@sortedset`
    pub const SORTEDSET: u64 = 1 << 4;
    /// `@list`
    pub const LIST: u64 = 1 << 5;
    /// `@hash`
    pub const HASH: u64 = 1 << 6;
    /// `@string`
    pub const STRING: u64 = 1 << 7;
    /// `@bitmap`
    pub const BITMAP: u64 = 1 << 8;
    /// `@hyperloglog`
    pub const HYPERLOGLOG: u64 = 1 << 9;
    /// `@geo`
    pub const GEO: u64 = 1 << 10;
    /// `@stream`
    pub const STREAM: u64 = 1 << 11;
    /// `@pubsub`
    pub const PUBSUB: u64 = 1 << 12;
    /// `@admin`
    pub const ADMIN: u64 = 1 << 13;
    /// `@fast`
    pub const FAST: u64 = 1 << 14;
    /// `@slow`
    pub const SLOW: u64 = 1 << 15;
    /// `@blocking`
    pub const BLOCKING: u64 = 1 << 16;
    /// `@dangerous`
    pub const DANGEROUS: u64 = 1 << 17;
    /// `@connection`
    pub const CONNECTION: u64 = 1 << 18;
    /// `@transaction`
    pub const TRANSACTION: u64 = 1 << 19;
    /// `@scripting`
    pub const SCRIPTING: u64 = 1 << 20;

    /// Names, in the order of their bits.
    pub const NAMES: [&str; 21] = [
        "keyspace",
        "read",
        "write",
        "set",
        "sortedset",
        "list",
        "hash",
        "string",
        "bitmap",
        "hyperloglog",
        "geo",
        "stream",
        "pubsub",
        "admin",
        "fast",
        "slow",
        "blocking",
        "dangerous",
        "connection",
        "transaction",
        "scripting",
    ];
}

/// The family that a command is documented under (`COMMAND DOCS` field `group`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Publish/subscribe.
    PubSub,
    /// MULTI and friends.
    Transactions,
    /// The connection itself.
    Connection,
    /// The server.
    Server,
    /// Scripts and functions.
    Scripting,
    /// HyperLogLog.
    HyperLogLog,
    /// Cluster.
    Cluster,
    /// Sentinel.
    Sentinel,
    /// Geospatial indexes.
    Geo,
    /// Streams.
    Stream,
    /// Bitmaps.
    Bitmap,
}

impl Group {
    /// The name in `COMMAND DOCS`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Hash => "hash",
            Self::PubSub => "pubsub",
            Self::Transactions => "transactions",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Scripting => "scripting",
            Self::HyperLogLog => "hyperloglog",
            Self::Cluster => "cluster",
            Self::Sentinel => "sentinel",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::Bitmap => "bitmap",
        }
    }
}

/// Where a key spec starts to look for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(i32),
    /// Behind this word, looked for from the given argument (from the end where negative).
    Keyword(&'static str, i32),
    /// Not expressible.
    Unknown,
}

/// Which arguments from there on are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// `last` is relative to the first key (negative: from the end), `step` between keys, `limit`
    /// the divisor of the remaining arguments where `last` is -1.
    Range {
        /// The last key, relative to the first; negative counts from the end of the arguments.
        last: i32,
        /// Distance between two keys.
        step: i32,
        /// With `last` -1: 0 and 1 mean all arguments, 2 the first half, and so on.
        limit: i32,
    },
    /// The number of keys is itself an argument.
    KeyNum {
        /// Where the number is, relative to the beginning.
        keynum: i32,
        /// Where the first key is, relative to the beginning.
        first: i32,
        /// Distance between two keys.
        step: i32,
    },
    /// Not expressible.
    Unknown,
}

/// One rule that finds key arguments (<https://redis.io/docs/latest/develop/reference/key-specs/>).
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Where to begin.
    pub begin: Begin,
    /// What to take.
    pub find: Find,
    /// Space-separated flags as `COMMAND INFO` shows them, for example `RW access update`.
    pub flags: &'static str,
    /// Remark shown by `COMMAND INFO`; empty for none.
    pub notes: &'static str,
}

impl KeySpec {
    /// Keys found from the argument at `index`; a single key unless a finder is given.
    pub const fn at(index: i32, flags: &'static str) -> Self {
        let find = Find::Range {
            last: 0,
            step: 1,
            limit: 0,
        };
        Self {
            begin: Begin::Index(index),
            find,
            flags,
            notes: "",
        }
    }
    /// Keys found behind the word `keyword`, looked for from argument `from`.
    pub const fn keyword(keyword: &'static str, from: i32, flags: &'static str) -> Self {
        let find = Find::Range {
            last: 0,
            step: 1,
            limit: 0,
        };
        Self {
            begin: Begin::Keyword(keyword, from),
            find,
            flags,
            notes: "",
        }
    }
    /// Whether it names keys, and not something else that is routed like a key.
    pub const fn is_key(&self) -> bool {
        !matches!(self.flags.as_bytes(), b"not_key")
    }
    /// A place that no rule can express; the command is then `movablekeys`.
    pub const fn unknown(flags: &'static str) -> Self {
        Self {
            begin: Begin::Unknown,
            find: Find::Unknown,
            flags,
            notes: "",
        }
    }
    /// Takes a range of arguments.
    pub const fn range(mut self, last: i32, step: i32, limit: i32) -> Self {
        self.find = Find::Range { last, step, limit };
        self
    }
    /// Takes as many arguments as another argument says.
    pub const fn keynum(mut self, keynum: i32, first: i32, step: i32) -> Self {
        self.find = Find::KeyNum {
            keynum,
            first,
            step,
        };
        self
    }
    /// Adds a remark.
    pub const fn notes(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }
}

/// A command, or a subcommand of a container command such as `CONFIG`.
pub struct Command {
    /// Lower-case name; of a subcommand its own part only (`get` of `config|get`).
    pub name: &'static str,
    /// Exact number of arguments with the name, or the negated minimum.
    pub arity: i32,
    /// See [`flag`].
    pub flags: u64,
    /// Explicit ACL categories, see [`category`]; implied ones are added by [`Command::acl`].
    pub categories: u64,
    /// Family.
    pub group: Group,
    /// First version that had it.
    pub since: &'static str,
    /// Shown by `COMMAND DOCS`.
    pub summary: &'static str,
    /// Shown by `COMMAND DOCS`.
    pub complexity: &'static str,
    /// Since when it is deprecated, and what replaces it; empty for neither.
    pub deprecated: (&'static str, &'static str),
    /// Pairs of version and what changed.
    pub history: &'static [(&'static str, &'static str)],
    /// Command tips, for example `nondeterministic_output`.
    pub tips: &'static [&'static str],
    /// Where the keys are.
    pub keys: &'static [KeySpec],
    /// Finds the keys where the key specs cannot; it replaces them for locking and `GETKEYS`.
    pub key_finder: Option<KeyFinder>,
    /// Whether these arguments may lead to any key, so that all shards are locked.
    pub any_key: Option<fn(Args<'_>) -> bool>,
    /// What the command does to its keys with these arguments, where the key specs are flagged
    /// `variable_flags`.
    pub flag_finder: Option<FlagFinder>,
    /// How long it may take.
    pub cost: Cost,
    /// Arguments in the notation of [`crate::docs`].
    pub args: &'static str,
    /// Subcommands; a command that has them needs no handler of its own.
    pub subcommands: &'static [&'static Command],
    /// Runs it.
    pub handler: Handler,
}

impl Command {
    /// A command with the given lower-case name, arity and handler.
    pub const fn new(name: &'static str, arity: i32, handler: Handler) -> Self {
        Self {
            name,
            arity,
            flags: 0,
            categories: 0,
            group: Group::Generic,
            since: "1.0.0",
            summary: "",
            complexity: "",
            deprecated: ("", ""),
            history: &[],
            tips: &[],
            keys: &[],
            key_finder: None,
            any_key: None,
            flag_finder: None,
            cost: Cost::Small,
            args: "",
            subcommands: &[],
            handler,
        }
    }
    /// A container: only its subcommands run.
    pub const fn container(
        name: &'static str,
        arity: i32,
        subcommands: &'static [&'static Command],
    ) -> Self {
        let mut this = Self::new(name, arity, crate::dispatch::container);
        this.subcommands = subcommands;
        this
    }
    /// Sets [`flag`] bits.
    pub const fn flags(mut self, flags: u64) -> Self {
        self.flags = flags;
        self
    }
    /// Sets explicit [`category`] bits.
    pub const fn categories(mut self, categories: u64) -> Self {
        self.categories = categories;
        self
    }
    /// Sets the family.
    pub const fn group(mut self, group: Group) -> Self {
        self.group = group;
        self
    }
    /// Sets the first version.
    pub const fn since(mut self, since: &'static str) -> Self {
        self.since = since;
        self
    }
    /// Sets summary and complexity.
    pub const fn docs(mut self, summary: &'static str, complexity: &'static str) -> Self {
        self.summary = summary;
        self.complexity = complexity;
        self
    }
    /// Marks it deprecated since a version, with what replaces it.
    pub const fn deprecated(mut self, since: &'static str, by: &'static str) -> Self {
        self.deprecated = (since, by);
        self
    }
    /// Sets what changed in which version.
    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Self {
        self.history = history;
        self
    }
    /// Sets the tips.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }
    /// Sets where the keys are.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        self
    }
    /// Sets a finder for keys that the key specs cannot express.
    pub const fn key_finder(mut self, finder: KeyFinder) -> Self {
        self.key_finder = Some(finder);
        self
    }
    /// Sets what tells whether the arguments may lead to any key.
    pub const fn any_key_if(mut self, may: fn(Args<'_>) -> bool) -> Self {
        self.any_key = Some(may);
        self
    }
    /// Sets what tells the keys' flags where they depend on the arguments.
    pub const fn flag_finder(mut self, finder: FlagFinder) -> Self {
        self.flag_finder = Some(finder);
        self
    }
    /// Sets what tells how long it will take.
    pub const fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }
    /// Sets the arguments, in the notation of [`crate::docs`].
    pub const fn args(mut self, args: &'static str) -> Self {
        self.args = args;
        self
    }

    /// Whether all the given [`flag`] bits are set.
    #[inline]
    pub const fn has(&self, flags: u64) -> bool {
        self.flags & flags == flags
    }

    /// Whether `count` arguments, the name included, are acceptable.
    #[inline]
    pub const fn arity_ok(&self, count: usize) -> bool {
        if self.arity >= 0 {
            count == self.arity as usize
        } else {
            count >= self.arity.unsigned_abs() as usize
        }
    }

    /// All ACL categories, those that the flags imply included.
    pub const fn acl(&self) -> u64 {
        let mut bits = self.categories;
        if self.has(flag::WRITE) {
            bits |= category::WRITE;
        }
        // Scripts may be read-only and yet do more than read.
        if self.has(flag::READONLY) && bits & category::SCRIPTING == 0 {
            bits |= category::READ;
        }
        if self.has(flag::ADMIN) {
            bits |= category::ADMIN | category::DANGEROUS;
        }
        if self.has(flag::PUBSUB) {
            bits |= category::PUBSUB;
        }
        if self.has(flag::BLOCKING) {
            bits |= category::BLOCKING;
        }
        bits | if self.has(flag::FAST) {
            category::FAST
        } else {
            category::SLOW
        }
    }

    /// First key, last key and step of the old `COMMAND` reply, from the key specs that are ranges
    /// from an index on; all zero where there is none. `last` is negative where it counts from the
    /// end.
    pub fn legacy_range(&self) -> (i32, i32, i32) {
        if let [
            KeySpec {
                begin: Begin::Index(first),
                find,
                ..
            },
        ] = self.keys
            && let Find::Range { last, step, .. } = *find
        {
            return (*first, if last >= 0 { first + last } else { last }, step);
        }
        let ranges = || self.plain_ranges().flatten();
        let Some(first) = ranges().map(|(first, _)| first).min() else {
            return (0, 0, 0);
        };
        // Negative ends are beyond all others.
        let last = ranges().map(|(_, last)| last as u32).max().unwrap_or(0);
        (first, last as i32, 1)
    }

    /// Whether the range of [`legacy_range`](Self::legacy_range) misses keys: the `movablekeys`
    /// flag.
    pub fn has_movable_keys(&self) -> bool {
        let incomplete = self
            .keys
            .iter()
            .any(|spec| spec.flags.contains("incomplete"));
        let single_range = matches!(
            self.keys,
            [KeySpec {
                begin: Begin::Index(_),
                find: Find::Range { .. },
                ..
            }]
        );
        self.has(flag::MOVABLE_KEYS)
            || incomplete
            || !single_range && self.plain_ranges().any(|range| range.is_none())
    }

    /// For each key spec its first and last key, if it is a range without gaps that goes on where
    /// the one before it ended.
    fn plain_ranges(&self) -> impl Iterator<Item = Option<(i32, i32)>> {
        let mut end = 0;
        self.keys.iter().map(move |spec| {
            let (Begin::Index(first), Find::Range { last, step: 1, .. }) = (spec.begin, spec.find)
            else {
                return None;
            };
            if end != 0 && end != first - 1 {
                return None;
            }
            let last = if last >= 0 { first + last } else { last };
            end = (end as u32).max(last as u32) as i32;
            Some((first, last))
        })
    }
}
