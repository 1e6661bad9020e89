//! A file as a sequence of records: fields about the file, hints, keys with what belongs to them.
//!
//! [`Records::read`] stops behind a key, in front of its value; the caller reads that from
//! [`Records::source`] before it asks for the next record.

use super::primitive::{read_len, read_ms, read_string};
use super::types::{self, is_known_version};
use super::value::{module_name, skip_module};
use super::{Error, Source, opcode};

/// What stands before a key and its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The database.
    pub db: u64,
    /// When the key expires, Unix ms.
    pub expire_at: Option<i64>,
    /// Seconds since its last access.
    pub idle_s: Option<u64>,
    /// Its access counter.
    pub frequency: Option<u8>,
    /// The type byte of the value.
    pub type_byte: u8,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A field about the file.
    Aux(Vec<u8>, Vec<u8>),
    /// The database of what follows.
    SelectDb(u64),
    /// Keys and volatile keys of the database: a hint.
    Resize(u64, u64),
    /// A library of functions.
    Function(Vec<u8>),
    /// Data of a module, by the module's name. It has been skipped.
    ModuleAux([u8; 9]),
    /// A key ([`Records::key`]); its value comes next in the source.
    Key(Head),
    /// The end; a checksum follows since version 5 (see [`Records::stored_checksum`]).
    Eof,
}

/// What a file begins with is not the beginning of an RDB file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// Another format.
    #[error("Wrong signature trying to load DB from file")]
    Signature,
    /// A version that nobody wrote yet.
    #[error("Can't handle RDB format version {0}")]
    Version(u16),
}

/// See the module's text.
#[derive(Debug)]
pub struct Records<S> {
    source: S,
    version: u16,
    db: u64,
    key: Vec<u8>,
}

impl<S: Source> Records<S> {
    /// Reads the header.
    ///
    /// # Errors
    /// The source's, or, inside, what is wrong with the header.
    pub fn open(mut source: S) -> Result<Result<Self, BadHeader>, Error> {
        let header: [u8; 9] = source.array()?;
        let digits = match &header {
            [b'R', b'E', b'D', b'I', b'S', digits @ ..] => &digits[..],
            [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => &digits[..],
            _ => return Ok(Err(BadHeader::Signature)),
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Ok(Err(BadHeader::Signature));
        }
        let version = digits
            .iter()
            .fold(0, |n, byte| n * 10 + u16::from(byte - b'0'));
        if !is_known_version(version) {
            return Ok(Err(BadHeader::Version(version)));
        }
        Ok(Ok(Self {
            source,
            version,
            db: 0,
            key: Vec::new(),
        }))
    }

    /// The version that the file states.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The key of the last [`Record::Key`].
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The source, where the last record ends.
    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// The key and the source at once.
    pub fn key_and_source(&mut self) -> (&[u8], &mut S) {
        (&self.key, &mut self.source)
    }

    /// The source.
    pub fn into_source(self) -> S {
        self.source
    }

    fn text(&mut self) -> Result<Vec<u8>, Error> {
        let mut scratch = Vec::new();
        let text = read_string(&mut self.source, &mut scratch)?;
        Ok(text.to_vec())
    }

    /// The next record.
    ///
    /// # Errors
    /// Where there is none, or a broken one.
    pub fn read(&mut self) -> Result<Record, Error> {
        let mut head = Head {
            db: self.db,
            ..Head::default()
        };
        loop {
            match self.source.byte()? {
                opcode::EXPIRE_S => {
                    let seconds = i32::from_le_bytes(self.source.array()?);
                    head.expire_at = Some(i64::from(seconds) * 1000);
                }
                opcode::EXPIRE_MS => head.expire_at = Some(read_ms(&mut self.source)?),
                opcode::FREQUENCY => head.frequency = Some(self.source.byte()?),
                opcode::IDLE => head.idle_s = Some(read_len(&mut self.source)?),
                opcode::EOF => return Ok(Record::Eof),
                opcode::SELECT_DB => {
                    self.db = read_len(&mut self.source)?;
                    return Ok(Record::SelectDb(self.db));
                }
                opcode::RESIZE_DB => {
                    let keys = read_len(&mut self.source)?;
                    return Ok(Record::Resize(keys, read_len(&mut self.source)?));
                }
                opcode::SLOT_INFO => {
                    for _ in 0..3 {
                        read_len(&mut self.source)?;
                    }
                }
                opcode::AUX => {
                    let name = self.text()?;
                    return Ok(Record::Aux(name, self.text()?));
                }
                opcode::FUNCTION_2 => return self.text().map(Record::Function),
                opcode::FUNCTION_PRE_GA => {
                    return Err(Error::Unsupported("a pre-release function format"));
                }
                opcode::KEY_META => {
                    return Err(Error::Unsupported(match self.version {
                        ..types::VALKEY_VERSION_MIN => "what a module has kept beside a key",
                        _ => "the import of a slot that was going on",
                    }));
                }
                opcode::MODULE_AUX => return self.module_aux(),
                type_byte if types::is_value(type_byte) => {
                    head.type_byte = type_byte;
                    let mut key = std::mem::take(&mut self.key);
                    let mut scratch = Vec::new();
                    let text = read_string(&mut self.source, &mut scratch)?;
                    key.clear();
                    key.extend_from_slice(text);
                    self.key = key;
                    return Ok(Record::Key(head));
                }
                other => return Err(Error::Type(other)),
            }
        }
    }

    fn module_aux(&mut self) -> Result<Record, Error> {
        let id = read_len(&mut self.source)?;
        // When it is to be loaded: an opcode of modules and a number.
        read_len(&mut self.source)?;
        read_len(&mut self.source)?;
        skip_module(&mut self.source)?;
        Ok(Record::ModuleAux(module_name(id)))
    }

    /// The checksum behind [`Record::Eof`]; `None` in files that have none.
    ///
    /// # Errors
    /// Where the bytes end.
    pub fn stored_checksum(&mut self) -> Result<Option<u64>, Error> {
        if self.version < 5 {
            return Ok(None);
        }
        self.source
            .array()
            .map(|bytes| Some(u64::from_le_bytes(bytes)))
    }
}
