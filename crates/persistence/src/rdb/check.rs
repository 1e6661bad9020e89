//! Looking through a file without keeping anything: what `redis-check-rdb` does.
//!
//! The lines are those of Redis's tool, because scripts read them. Every value is decoded, so that
//! a file that passes here can be loaded.

use super::load::Summed;
use super::primitive::read_len;
use super::records::{BadHeader, Head, Record, Records};
use super::types::MODULE_2;
use super::value::{self, Check, Limits, Options, Scratch, skip_module};
use super::{Error, Source};

/// What a file was found to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys.
    pub keys: u64,
    /// Keys with an expiry.
    pub volatile: u64,
    /// Keys whose time is over.
    pub expired: u64,
}

/// Names of the types of values, by their bytes.
const TYPES: [&str; 28] = [
    "string",
    "list-linked",
    "set-hashtable",
    "zset-v1",
    "hash-hashtable",
    "zset-v2",
    "module-pre-release",
    "module-value",
    "",
    "hash-zipmap",
    "list-ziplist",
    "set-intset",
    "zset-ziplist",
    "hash-ziplist",
    "quicklist",
    "stream",
    "hash-listpack",
    "zset-listpack",
    "quicklist-v2",
    "stream-v2",
    "set-listpack",
    "stream-v3",
    "hash-hashtable-md-pre-release",
    "hash-listpack-md-pre-release",
    "hash-hashtable-md",
    "hash-listpack-md",
    "stream-v4",
    "stream-v5",
];

/// How to look through a file.
pub struct Checker<'a> {
    now_ms: i64,
    say: &'a mut dyn FnMut(&str),
    /// Told how far the file has been read.
    progress: &'a mut dyn FnMut(u64),
    counts: Counts,
    doing: &'static str,
    reading: Option<(Vec<u8>, u8)>,
}

impl<'a> Checker<'a> {
    /// A checker that prints with `say`.
    pub fn new(
        now_ms: i64,
        say: &'a mut dyn FnMut(&str),
        progress: &'a mut dyn FnMut(u64),
    ) -> Self {
        Self {
            now_ms,
            say,
            progress,
            counts: Counts::default(),
            doing: "start",
            reading: None,
        }
    }

    fn info(&mut self, at: u64, text: &str) {
        (self.say)(&format!("[offset {at}] {text}"));
    }

    fn fail(&mut self, at: u64, text: &str) {
        (self.say)("--- RDB ERROR DETECTED ---");
        self.info(at, text);
        (self.say)(&format!("[additional info] While doing: {}", self.doing));
        if let Some((key, type_byte)) = self.reading.take() {
            let name = TYPES.get(usize::from(type_byte)).unwrap_or(&"unknown");
            let key = String::from_utf8_lossy(&key);
            (self.say)(&format!("[additional info] Reading key '{key}'"));
            (self.say)(&format!(
                "[additional info] Reading type {type_byte} ({name})"
            ));
        }
        self.summary();
    }

    fn summary(&mut self) {
        let counts = self.counts;
        (self.say)(&format!("[info] {} keys read", counts.keys));
        (self.say)(&format!("[info] {} expires", counts.volatile));
        (self.say)(&format!("[info] {} already expired", counts.expired));
    }

    /// Looks through a file called `name`; gives the source back, right behind it, if the file is
    /// sound.
    pub fn run<S: Summed>(mut self, source: S, name: &str) -> Option<S> {
        self.info(0, &format!("Checking RDB file {name}"));
        let mut records = match Records::open(source) {
            Ok(Ok(records)) => records,
            Ok(Err(error @ (BadHeader::Signature | BadHeader::Version(_)))) => {
                self.fail(0, &error.to_string());
                return None;
            }
            Err(error) => {
                self.fail(0, &text_of(&error));
                return None;
            }
        };
        let result = self
            .records(&mut records)
            .and_then(|()| self.checksum(&mut records));
        let at = records.source().position();
        match result {
            Ok(()) => {
                self.info(at, "\\o/ RDB looks OK! \\o/");
                self.summary();
                Some(records.into_source())
            }
            Err(text) => {
                self.fail(at, &text);
                None
            }
        }
    }

    fn records<S: Source>(&mut self, records: &mut Records<S>) -> Result<(), String> {
        let options = Options::new(Limits::default(), Check::Shape, records.version());
        let mut scratch = Scratch::default();
        loop {
            self.doing = "read-type";
            let record = records.read().map_err(|error| text_of(&error))?;
            let at = records.source().position();
            (self.progress)(at);
            match record {
                Record::Eof => return Ok(()),
                Record::SelectDb(db) => self.info(at, &format!("Selecting DB ID {db}")),
                Record::Aux(name, value) => {
                    let text = String::from_utf8_lossy;
                    let line = format!("AUX FIELD {} = '{}'", text(&name), text(&value));
                    self.info(at, &line);
                }
                Record::ModuleAux(name) => {
                    self.info(at, &format!("MODULE AUX for: {}", name.escape_ascii()));
                }
                Record::Resize(..) | Record::Function(_) => {}
                Record::Key(head) => self.key(&head, records, (&mut scratch, &options))?,
            }
        }
    }

    fn key<S: Source>(
        &mut self,
        head: &Head,
        records: &mut Records<S>,
        (scratch, options): (&mut Scratch, &Options),
    ) -> Result<(), String> {
        self.counts.keys += 1;
        self.reading = Some((records.key().to_vec(), head.type_byte));
        self.doing = "read-object-value";
        let source = records.source();
        let read = if head.type_byte == MODULE_2 {
            read_len(source).and_then(|_| skip_module(source))
        } else {
            value::read(head.type_byte, source, scratch, options).map(drop)
        };
        match read {
            // It is left out when the file is loaded.
            Ok(()) | Err(Error::Empty) => {}
            Err(error) => return Err(text_of(&error)),
        }
        self.reading = None;
        if let Some(at) = head.expire_at {
            self.counts.volatile += 1;
            self.counts.expired += u64::from(at < self.now_ms);
        }
        Ok(())
    }

    fn checksum<S: Summed>(&mut self, records: &mut Records<S>) -> Result<(), String> {
        self.doing = "check-sum";
        let computed = records.source().checksum();
        let stored = records.stored_checksum().map_err(|error| text_of(&error))?;
        let at = records.source().position();
        match stored {
            None => {}
            Some(0) => self.info(
                at,
                "RDB file was saved with checksum disabled: no check performed.",
            ),
            Some(stored) if stored == computed => self.info(at, "Checksum OK"),
            Some(_) => return Err("RDB CRC error".to_owned()),
        }
        Ok(())
    }
}

fn text_of(error: &Error) -> String {
    match error {
        Error::Truncated => "Unexpected EOF reading RDB file".to_owned(),
        Error::Type(other) => format!("Invalid object type: {other}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::ReadSource;

    fn lines(bytes: &[u8]) -> (bool, String) {
        let mut lines = String::new();
        let mut say = |line: &str| lines = format!("{lines}{line}\n");
        let is_sound = Checker::new(0, &mut say, &mut |_| {})
            .run(ReadSource::new(bytes, true), "dump.rdb")
            .is_some();
        (is_sound, lines)
    }

    fn file(body: &[u8], crc: bool) -> Vec<u8> {
        let mut bytes = [b"REDIS0010", body, &[255]].concat();
        let crc = if crc {
            common::crc64::crc64(0, &bytes)
        } else {
            0
        };
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    const KEY: &[u8] = b"\xFE\x03\xFC\x01\0\0\0\0\0\0\0\x00\x01k\x01v";

    #[test]
    fn a_sound_file_is_said_to_be_so() {
        let (is_sound, lines) = lines(&file(KEY, true));
        assert!(is_sound);
        expect_test::expect![[r"
            [offset 0] Checking RDB file dump.rdb
            [offset 11] Selecting DB ID 3
            [offset 34] Checksum OK
            [offset 34] \o/ RDB looks OK! \o/
            [info] 1 keys read
            [info] 1 expires
            [info] 0 already expired
        "]]
        .assert_eq(&lines);
    }

    #[test]
    fn a_broken_file_is_said_to_be_so_with_the_key() {
        let mut bytes = file(KEY, false);
        bytes.truncate(24);
        let (is_sound, lines) = lines(&bytes);
        assert!(!is_sound);
        expect_test::expect![[r"
            [offset 0] Checking RDB file dump.rdb
            [offset 11] Selecting DB ID 3
            --- RDB ERROR DETECTED ---
            [offset 24] Unexpected EOF reading RDB file
            [additional info] While doing: read-object-value
            [additional info] Reading key 'k'
            [additional info] Reading type 0 (string)
            [info] 1 keys read
            [info] 0 expires
            [info] 0 already expired
        "]]
        .assert_eq(&lines);
    }

    #[test]
    fn a_changed_byte_shows_in_the_checksum() {
        let mut bytes = file(KEY, true);
        bytes[24] ^= 1;
        let (is_sound, lines) = lines(&bytes);
        assert!(!is_sound && lines.contains("RDB CRC error"), "{lines}");
    }
}
