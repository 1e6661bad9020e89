//! What a configuration directive is: one declarative record per directive.
//!
//! The records themselves stand in `table/`, grouped as `redis.conf.example` groups them; the
//! parser, `CONFIG GET`, `CONFIG SET`, `CONFIG REWRITE` and the example file are all read off them.
//! A directive is either acted upon or *accepted*: then the record says what becomes of it.

/// Set once at start: `CONFIG SET` refuses it.
pub const IMMUTABLE: u8 = 1;
/// Not shown by `CONFIG GET` patterns, only under its exact name.
pub const HIDDEN: u8 = 1 << 1;
/// The value is a secret: kept out of logs, SLOWLOG and MONITOR.
pub const SENSITIVE: u8 = 1 << 2;
/// Part of the configuration section of a crash report.
pub const DEBUG: u8 = 1 << 3;
/// `CONFIG SET` obeys `enable-protected-configs`.
pub const PROTECTED: u8 = 1 << 4;
/// Refused while the dataset is loading.
pub const DENY_LOADING: u8 = 1 << 5;
/// Setting the same value again still counts as a change (the file behind it may have changed).
pub const VOLATILE: u8 = 1 << 6;
/// The aliases too are hidden from patterns (they came after Redis 7.0 and are immutable).
pub const HIDDEN_ALIAS: u8 = 1 << 7;

/// Whether a directive changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// The server acts on it.
    Implemented,
    /// Taken, kept and reported, with the documented meaning.
    Accepted(&'static str),
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A decimal integer.
    Plain,
    /// Bytes, with an optional unit (`64mb`).
    Memory,
    /// Bytes or a percentage; percentages are held as negative numbers, as Redis holds them.
    MemoryOrPercent,
    /// Octal, as file modes are.
    Octal,
}

/// A check of a text value; the error is Redis's reason.
pub type TextCheck = fn(&[u8]) -> Result<(), &'static str>;

/// A check of the combined value of a choice.
pub type ChoiceCheck = fn(i64) -> Result<(), &'static str>;

/// Directives with a syntax of their own; see `special.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// `save <seconds> <changes> …`
    Save,
    /// `client-output-buffer-limit <class> <hard> <soft> <seconds> …`
    OutputBufferLimit,
    /// `oom-score-adj-values <primary> <replica> <child>`
    OomValues,
    /// `notify-keyspace-events <classes>`
    KeyspaceEvents,
    /// `bind <address> …`
    Bind,
    /// `replicaof <host> <port>`
    ReplicaOf,
    /// `latency-tracking-info-percentiles <p> …`
    Percentiles,
    /// `dir <path>`: the working directory of the process.
    Dir,
}

/// The type of a directive, with its default and its bounds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Bool(bool),
    /// A number within bounds, both inclusive. Wide enough for Redis's signed and unsigned types.
    Int {
        /// The default.
        default: i128,
        /// The least value.
        min: i128,
        /// The greatest value.
        max: i128,
        /// How it is written.
        unit: Unit,
    },
    /// A number whose default is the number of processors, up to `max`.
    PerCore {
        /// The greatest value.
        max: i128,
    },
    /// One of several names; with `many`, a set of them (bits or-ed together).
    Choice {
        /// The default's value.
        default: i64,
        /// Names with their values. The first name of a value is the one printed.
        names: &'static [(&'static str, i64)],
        /// Whether several may be given.
        many: bool,
        /// A check of the combined value.
        check: Option<ChoiceCheck>,
    },
    /// A text. `None` means unset, which an empty value restores.
    Text {
        /// The default; `None` if unset by default.
        default: Option<&'static str>,
        /// A check of new values.
        check: Option<TextCheck>,
    },
    /// A syntax of its own.
    Special(Special),
}

/// One directive.
#[derive(Debug, Clone, Copy)]
pub struct Directive {
    /// The primary name, in lower case.
    pub name: &'static str,
    /// Other names for the same value.
    pub aliases: &'static [&'static str],
    /// Type, default and bounds.
    pub kind: Kind,
    /// `IMMUTABLE`, `HIDDEN`, …
    pub flags: u8,
    /// Whether it does anything.
    pub support: Support,
    /// One or two sentences of our own.
    pub doc: &'static str,
}

/// A group of directives with its introduction, in the order of `redis.conf.example`.
#[derive(Debug)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// A paragraph below it.
    pub intro: &'static str,
    /// Its directives.
    pub directives: &'static [Directive],
}

impl Directive {
    /// Whether all of `flags` are set.
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// Whether the directive takes several words on its line.
    pub const fn takes_many(&self) -> bool {
        match self.kind {
            Kind::Choice { many, .. } => many,
            Kind::Special(s) => !matches!(s, Special::KeyspaceEvents | Special::Dir),
            _ => false,
        }
    }
}

// The words of the tables. Each starts a record; the methods below complete it.

pub(super) const fn record(name: &'static str, kind: Kind) -> Directive {
    Directive {
        name,
        aliases: &[],
        kind,
        flags: 0,
        support: Support::Implemented,
        doc: "",
    }
}

pub(super) const fn flag(name: &'static str, default: bool) -> Directive {
    record(name, Kind::Bool(default))
}

pub(super) const fn int(name: &'static str, default: i64, min: i64, max: i64) -> Directive {
    let (default, min, max) = (default as i128, min as i128, max as i128);
    record(
        name,
        Kind::Int {
            default,
            min,
            max,
            unit: Unit::Plain,
        },
    )
}

pub(super) const fn memory(name: &'static str, default: i64, min: i64, max: i128) -> Directive {
    let (default, min) = (default as i128, min as i128);
    record(
        name,
        Kind::Int {
            default,
            min,
            max,
            unit: Unit::Memory,
        },
    )
}

pub(super) const fn memory_or_percent(
    name: &'static str,
    default: i64,
    min: i64,
    max: i64,
) -> Directive {
    let (default, min, max) = (default as i128, min as i128, max as i128);
    record(
        name,
        Kind::Int {
            default,
            min,
            max,
            unit: Unit::MemoryOrPercent,
        },
    )
}

pub(super) const fn octal(name: &'static str, default: i64, min: i64, max: i64) -> Directive {
    let (default, min, max) = (default as i128, min as i128, max as i128);
    record(
        name,
        Kind::Int {
            default,
            min,
            max,
            unit: Unit::Octal,
        },
    )
}

pub(super) const fn choice(
    name: &'static str,
    default: i64,
    names: &'static [(&'static str, i64)],
) -> Directive {
    record(
        name,
        Kind::Choice {
            default,
            names,
            many: false,
            check: None,
        },
    )
}

pub(super) const fn text(name: &'static str, default: Option<&'static str>) -> Directive {
    record(
        name,
        Kind::Text {
            default,
            check: None,
        },
    )
}

pub(super) const fn checked(
    name: &'static str,
    default: Option<&'static str>,
    check: TextCheck,
) -> Directive {
    record(
        name,
        Kind::Text {
            default,
            check: Some(check),
        },
    )
}

pub(super) const fn special(name: &'static str, kind: Special) -> Directive {
    record(name, Kind::Special(kind))
}

impl Directive {
    pub(super) const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn with(mut self, flags: u8) -> Self {
        self.flags |= flags;
        self
    }

    pub(super) const fn accepted(mut self, meaning: &'static str) -> Self {
        self.support = Support::Accepted(meaning);
        self
    }

    pub(super) const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }
}
