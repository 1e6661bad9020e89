//! The manifest: which files make up the append-only file, in which order.
//!
//! One line per file, `file NAME seq NUMBER type b|h|i`: at most one base, then history files
//! (superfluous, to be deleted), then increments with rising numbers. Unknown keys are skipped and
//! lines that begin with `#` are comments. A change is made on a copy, which takes the place of the
//! original once it is on disk.

use common::words;

/// The longest line, its end included, that Redis reads.
const LINE_BYTES_MAX: usize = 1024;

/// What a file is to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// The state that the increments continue.
    Base,
    /// Superfluous.
    History,
    /// Commands.
    Incr,
}

impl FileType {
    fn letter(self) -> char {
        match self {
            Self::Base => 'b',
            Self::History => 'h',
            Self::Incr => 'i',
        }
    }
}

/// A file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Its name in the directory.
    pub name: String,
    /// Its number.
    pub seq: i64,
}

impl FileInfo {
    fn line(&self, kind: FileType, out: &mut String) {
        let name = words::quote_if_needed(&self.name);
        let (seq, kind) = (self.seq, kind.letter());
        out.push_str(&format!("file {name} seq {seq} type {kind}\n"));
    }
}

/// Why a manifest cannot be read, in Redis's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The line's number, from 1, and its text; `None` where the error is of no line.
    pub line: Option<(usize, String)>,
    /// What is wrong.
    pub reason: &'static str,
}

/// See the module's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The base.
    pub base: Option<FileInfo>,
    /// The increments, oldest first.
    pub incr: Vec<FileInfo>,
    /// What may be deleted, newest first.
    pub history: Vec<FileInfo>,
    /// Number of the last base.
    pub base_seq: i64,
    /// Number of the last increment.
    pub incr_seq: i64,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let mut this = Self::default();
        if text.is_empty() {
            return Err(ManifestError {
                line: None,
                reason: "Found an empty AOF manifest",
            });
        }
        for (at, line) in text.split_inclusive(|&b| b == b'\n').enumerate() {
            if line.starts_with(b"#") {
                continue;
            }
            if line.len() > LINE_BYTES_MAX || !line.ends_with(b"\n") {
                return Err(ManifestError {
                    line: None,
                    reason: "The AOF manifest file contains too long line",
                });
            }
            let line = line.trim_ascii();
            this.add(line).map_err(|reason| ManifestError {
                line: Some((at + 1, String::from_utf8_lossy(line).into_owned())),
                reason,
            })?;
        }
        Ok(this)
    }

    fn add(&mut self, line: &[u8]) -> Result<(), &'static str> {
        const INVALID: &str = "Invalid AOF manifest file format";
        let words = words::split(line).ok_or(INVALID)?;
        if words.len() < 6 || words.len() % 2 != 0 {
            return Err(INVALID);
        }
        let (mut name, mut seq, mut kind) = (None, 0, 0);
        for pair in words.chunks_exact(2) {
            match pair[0].to_ascii_lowercase().as_slice() {
                b"file" if pair[1].contains(&b'/') || pair[1].contains(&b'\\') => {
                    return Err("File can't be a path, just a filename");
                }
                b"file" => name = String::from_utf8(pair[1].clone()).ok(),
                b"seq" => seq = common::number::parse_i64(&pair[1]).unwrap_or(0),
                b"type" => kind = pair[1].first().copied().unwrap_or(0),
                _ => {}
            }
        }
        let name = name.filter(|_| seq != 0 && kind != 0).ok_or(INVALID)?;
        let info = FileInfo { name, seq };
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.base = Some(info);
                self.base_seq = seq;
            }
            b'h' => self.history.push(info),
            b'i' if seq <= self.incr.last().map_or(0, |last| last.seq) => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => {
                self.incr.push(info);
                self.incr_seq = seq;
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The manifest's text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if let Some(info) = &self.base {
            info.line(FileType::Base, &mut out);
        }
        for info in &self.history {
            info.line(FileType::History, &mut out);
        }
        for info in &self.incr {
            info.line(FileType::Incr, &mut out);
        }
        out
    }

    /// Whether it names no data.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incr.is_empty()
    }

    /// The files that make up the data, in the order of loading.
    pub fn files(&self) -> impl Iterator<Item = &FileInfo> {
        self.base.iter().chain(&self.incr)
    }

    /// Adds a new base; the one before becomes history. Returns its name.
    pub fn new_base(&mut self, file_name: &str, is_rdb: bool) -> String {
        if let Some(base) = self.base.take() {
            self.history.insert(0, base);
        }
        self.base_seq += 1;
        let (seq, suffix) = (self.base_seq, if is_rdb { "rdb" } else { "aof" });
        let name = format!("{file_name}.{seq}.base.{suffix}");
        self.base = Some(FileInfo {
            name: name.clone(),
            seq,
        });
        name
    }

    /// Adds a new increment and returns its name.
    pub fn new_incr(&mut self, file_name: &str) -> String {
        self.incr_seq += 1;
        let name = format!("{file_name}.{}.incr.aof", self.incr_seq);
        self.incr.push(FileInfo {
            name: name.clone(),
            seq: self.incr_seq,
        });
        name
    }

    /// All increments but the last `keep` become history: a new base holds what they held.
    pub fn retire_incrs(&mut self, keep: usize) {
        let count = self.incr.len().saturating_sub(keep);
        for info in self.incr.drain(..count).rev() {
            // As Redis lists them: those of a later rewrite first, of one rewrite in rising order.
            self.history.insert(0, info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(text: &str) -> &'static str {
        Manifest::parse(text.as_bytes()).unwrap_err().reason
    }

    const BASE: &str = "file a.aof.1.base.aof seq 1 type b\n";

    #[test]
    fn every_error_is_found_and_named() {
        const INVALID: &str = "Invalid AOF manifest file format";
        assert_eq!(reason(""), "Found an empty AOF manifest");
        assert_eq!(reason("\n"), INVALID);
        assert_eq!(reason(&format!("{BASE}\n")), INVALID);
        assert_eq!(reason("filx a seq 1 type b\n"), INVALID);
        assert_eq!(reason("file a type b\n"), INVALID);
        assert_eq!(reason("file a seq 1 type b odd\n"), INVALID);
        assert_eq!(reason("file a seq x type b\n"), INVALID);
        assert_eq!(reason("file \"a seq 1 type b\n"), INVALID);
        let double = format!("{BASE}{BASE}");
        assert_eq!(reason(&double), "Found duplicate base file information");
        assert_eq!(reason("file a seq 1 type x\n"), "Unknown AOF file type");
        let falling = "file a seq 2 type i\nfile b seq 1 type i\n";
        assert_eq!(reason(falling), "Found a non-monotonic sequence number");
        let path = "file ../a seq 1 type b\n";
        assert_eq!(reason(path), "File can't be a path, just a filename");
        let long = format!("file a seq 1 type b k {}\n", "v".repeat(1024));
        let too_long = "The AOF manifest file contains too long line";
        assert_eq!(reason(&long), too_long);
        assert_eq!(reason(BASE.trim_end()), too_long);
    }

    #[test]
    fn an_error_names_its_line() {
        let error = Manifest::parse(format!("{BASE}  x y \n").as_bytes()).unwrap_err();
        assert_eq!(error.line, Some((2, "x y".to_owned())));
    }

    #[test]
    fn comments_and_unknown_keys_are_skipped() {
        let text = format!("# comment\n{}", BASE.replace(" b\n", " b more 1\n"));
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.text(), BASE);
    }

    #[test]
    fn a_rewrite_makes_history_of_what_it_replaces() {
        let mut m = Manifest::default();
        assert_eq!(m.new_base("a", true), "a.1.base.rdb");
        assert_eq!(m.new_incr("a"), "a.1.incr.aof");
        assert_eq!(m.new_incr("a"), "a.2.incr.aof");
        assert_eq!(m.new_base("a", false), "a.2.base.aof");
        m.retire_incrs(1);
        let expected = "file a.2.base.aof seq 2 type b\nfile a.1.incr.aof seq 1 type h\n\
                        file a.1.base.rdb seq 1 type h\nfile a.2.incr.aof seq 2 type i\n";
        assert_eq!(m.text(), expected);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            name in "[^/\\\\\\x00]{1,20}",
            (bases, incrs, keep) in (0..3usize, 0..5usize, 0..3usize),
        ) {
            let mut m = Manifest::default();
            (0..bases).for_each(|_| drop(m.new_base(&name, true)));
            (0..incrs).for_each(|_| drop(m.new_incr(&name)));
            m.retire_incrs(keep);
            prop_assume!(!m.text().is_empty());
            let read = Manifest::parse(m.text().as_bytes()).unwrap();
            prop_assert_eq!(read.text(), m.text());
        }

        #[test]
        fn no_input_is_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse(&text);
        }
    }
}
