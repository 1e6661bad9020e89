//! Values as commands see them: what kind, which encoding, borrowed or owned.
//!
//! The six kinds are Redis's types. A string is an integer, a short string (`embstr`) or a
//! longer one (`raw`), as `OBJECT ENCODING` reports it; a string that was changed in place is
//! `raw` whatever its length.

use bytes::Bytes;
use common::number::I64Text;
use datatypes::{Hash, List, Set, Stream, Zset};

/// Longest string that `OBJECT ENCODING` calls `embstr`.
pub const EMBSTR_MAX: usize = 44;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A string.
    String = 0,
    /// A list.
    List = 1,
    /// A set.
    Set = 2,
    /// A sorted set.
    Zset = 3,
    /// A hash.
    Hash = 4,
    /// A stream.
    Stream = 5,
}

impl Kind {
    /// What TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }
}

/// A string value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrRef<'a> {
    /// A 64-bit integer.
    Int(i64),
    /// At most 44 bytes, not changed since it was set.
    Embstr(&'a [u8]),
    /// Any other.
    Raw(&'a [u8]),
}

impl<'a> StrRef<'a> {
    /// The bytes; an integer is written into `scratch`.
    pub fn as_bytes<'s>(self, scratch: &'s mut Option<I64Text>) -> &'s [u8]
    where
        'a: 's,
    {
        match self {
            Self::Int(n) => scratch.insert(I64Text::new(n)).as_bytes(),
            Self::Embstr(bytes) | Self::Raw(bytes) => bytes,
        }
    }

    /// Length in bytes, as STRLEN counts.
    pub fn len(self) -> usize {
        match self {
            Self::Int(n) => I64Text::new(n).as_bytes().len(),
            Self::Embstr(bytes) | Self::Raw(bytes) => bytes.len(),
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The integer that this string reads as.
    pub fn to_i64(self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(n),
            Self::Embstr(bytes) | Self::Raw(bytes) => common::number::parse_i64(bytes),
        }
    }

    /// The bytes, copied.
    pub fn to_vec(self) -> Vec<u8> {
        self.as_bytes(&mut None).to_vec()
    }
}

/// A value, borrowed.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    Str(StrRef<'a>),
    /// A list.
    List(&'a List),
    /// A set.
    Set(&'a Set),
    /// A sorted set.
    Zset(&'a Zset),
    /// A hash.
    Hash(&'a Hash),
    /// A stream.
    Stream(&'a Stream),
}

impl<'a> ValueRef<'a> {
    /// A copy of the value.
    pub fn to_owned(self) -> Value<'static> {
        match self {
            Self::Str(StrRef::Int(n)) => Value::Str(StrValue::Int(n)),
            Self::Str(StrRef::Embstr(b)) => Value::Str(StrValue::Buffer(b.to_vec(), false)),
            Self::Str(StrRef::Raw(b)) => Value::Str(StrValue::Buffer(b.to_vec(), true)),
            Self::List(v) => Value::List(v.clone()),
            Self::Set(v) => Value::Set(v.clone()),
            Self::Zset(v) => Value::Zset(v.clone()),
            Self::Hash(v) => Value::Hash(v.clone()),
            Self::Stream(v) => Value::Stream(v.clone()),
        }
    }

    /// The string, if it is one.
    pub fn as_str(self) -> Option<StrRef<'a>> {
        if let Self::Str(s) = self {
            Some(s)
        } else {
            None
        }
    }
}

/// A value of a collection kind, to be changed in place; strings are changed through
/// [`crate::Write`]'s own methods, because their allocation may have to move.
#[derive(Debug)]
pub enum ValueMut<'a> {
    /// A string; see [`crate::Write::append`], [`crate::Write::raw_mut`], [`crate::Write::set`].
    Str(StrRef<'a>),
    /// A list.
    List(&'a mut List),
    /// A set.
    Set(&'a mut Set),
    /// A sorted set.
    Zset(&'a mut Zset),
    /// A hash.
    Hash(&'a mut Hash),
    /// A stream.
    Stream(&'a mut Stream),
}

/// A string value to be stored.
#[derive(Clone, Debug)]
pub enum StrValue<'a> {
    /// Stored as an integer.
    Int(i64),
    /// Bytes to be copied: `embstr` up to 44 bytes, else `raw`. Not looked at for integers.
    Plain(&'a [u8]),
    /// Bytes to be copied; `raw` whatever the length.
    Raw(&'a [u8]),
    /// A buffer to be taken over where that pays; the flag asks for `raw` whatever the length.
    Buffer(Vec<u8>, bool),
    /// A large argument's own allocation, taken over.
    Shared(Bytes),
}

impl<'a> StrValue<'a> {
    /// Bytes as SET stores them: an integer if they read as one, else as they are.
    #[inline]
    pub fn detect(bytes: &'a [u8]) -> Self {
        if bytes.len() <= 20
            && let Some(n) = common::number::parse_i64(bytes)
        {
            return Self::Int(n);
        }
        Self::Plain(bytes)
    }
}

/// A value to be stored.
#[derive(Debug)]
pub enum Value<'a> {
    /// A string.
    Str(StrValue<'a>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    Zset(Zset),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Stream),
}

impl<'a> Value<'a> {
    /// [`StrValue::detect`] as a value.
    #[inline]
    pub fn detect(bytes: &'a [u8]) -> Self {
        Self::Str(StrValue::detect(bytes))
    }

    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Str(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Zset(_) => Kind::Zset,
            Self::Hash(_) => Kind::Hash,
            Self::Stream(_) => Kind::Stream,
        }
    }

    /// Bytes that are not looked at for integers.
    #[inline]
    pub fn plain(bytes: &'a [u8]) -> Self {
        Self::Str(StrValue::Plain(bytes))
    }

    /// An integer.
    #[inline]
    pub fn int(n: i64) -> Self {
        Self::Str(StrValue::Int(n))
    }
}
