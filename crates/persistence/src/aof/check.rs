//! `redis-check-aof`: looks whether the files of a log are well-formed, and cuts what is not.
//!
//! The output is Redis's to the letter, where its tests and people's scripts read it. Of several
//! files only the last may be cut. A snapshot in front is checked by whom the caller names.

use common::os::os_text;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;

/// How far it is is told after so many commands.
const PROGRESS_COMMANDS: u64 = 1000;
/// Bytes of a command's name that are looked at.
const KEPT_BYTES: usize = 16;

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// A manifest, or a file of its own.
    pub path: PathBuf,
    /// Cut what is not well-formed.
    pub fix: bool,
    /// Cut what is after this Unix time in seconds.
    pub to_time_s: Option<i64>,
}

/// How the tool is called; `None`: to be refused with [`usage`].
///
/// # Errors
/// A number that is none: the text to be printed.
pub fn parse(args: &[Vec<u8>]) -> Result<Option<Task>, &'static str> {
    let path = |bytes: &[u8]| PathBuf::from(String::from_utf8_lossy(bytes).into_owned());
    Ok(match args {
        [file] => Some(Task {
            path: path(file),
            ..Task::default()
        }),
        [option, file] if option == b"--fix" => Some(Task {
            path: path(file),
            fix: true,
            to_time_s: None,
        }),
        [option, time, file] if option == b"--truncate-to-timestamp" => {
            let time = common::number::parse_i64(time).ok_or("Invalid timestamp, aborting...")?;
            Some(Task {
                path: path(file),
                fix: false,
                to_time_s: Some(time),
            })
        }
        _ => None,
    })
}

/// The text for wrong arguments.
pub fn usage(program: &str) -> String {
    format!("Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>")
}

/// Checks a snapshot at the beginning of a file and leaves the file behind it; prints its findings.
pub type CheckRdb<'a> = &'a mut dyn FnMut(&str, &mut File, &mut dyn Write) -> io::Result<bool>;

/// The tool's surroundings.
pub struct Tools<'a> {
    /// For what it finds.
    pub out: &'a mut dyn Write,
    /// For the answer to its question.
    pub input: &'a mut dyn BufRead,
    /// For snapshots.
    pub check_rdb: CheckRdb<'a>,
    /// Told now and then how many bytes of a file of how many have been read; before anything is
    /// printed of it, that all have.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// Why the tool ends early; the text was printed.
enum Stop {
    Bad,
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

macro_rules! stop {
    ($tools:expr, $($text:tt)*) => {{
        writeln!($tools.out, $($text)*)?;
        return Err(Stop::Bad);
    }};
}

/// How a file is.
enum Found {
    Valid,
    Empty,
    Cut,
    CutToTime,
}

/// Runs the tool; whether all is well (now).
///
/// # Errors
/// What it finds cannot be printed.
pub fn run(task: &Task, tools: &mut Tools<'_>) -> io::Result<bool> {
    match check(task, tools) {
        Ok(()) => Ok(true),
        Err(Stop::Bad) => Ok(false),
        Err(Stop::Io(error)) => Err(error),
    }
}

fn check(task: &Task, tools: &mut Tools<'_>) -> Result<(), Stop> {
    let text = match read_start(&task.path) {
        Ok(text) => text,
        Err(error) => {
            let path = task.path.display();
            stop!(tools, "Cannot open file {path}: {}", os_text(&error))
        }
    };
    if is_manifest(&text) {
        return check_parts(task, tools);
    }
    writeln!(tools.out, "Start checking Old-Style AOF")?;
    let name = task.path.display().to_string();
    let part = Part {
        name: &name,
        path: &task.path,
        is_last: true,
        has_preamble: is_rdb(&text),
    };
    let found = check_file(task, &part, tools)?;
    say(task, &found, ("AOF", "AOF"), &name, tools.out)
}

fn read_start(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(1 << 20).read_to_end(&mut text)?;
    Ok(text)
}

fn is_manifest(text: &[u8]) -> bool {
    let mut lines = text.split(|&b| b == b'\n');
    lines.any(|line| line.starts_with(b"file"))
}

fn is_rdb(text: &[u8]) -> bool {
    text.len() >= 8 && text.starts_with(b"REDIS")
}

fn say(
    task: &Task,
    found: &Found,
    (kind, cut): (&str, &str),
    name: &str,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let time = task.to_time_s.unwrap_or(0);
    match found {
        Found::Valid => writeln!(out, "{kind} {name} is valid")?,
        Found::Empty => writeln!(out, "{kind} {name} is empty")?,
        Found::Cut => writeln!(out, "Successfully truncated {cut} {name}")?,
        Found::CutToTime => {
            writeln!(
                out,
                "Successfully truncated {cut} {name} to timestamp {time}"
            )?;
        }
    }
    Ok(())
}

/// A manifest and all that it names.
fn check_parts(task: &Task, tools: &mut Tools<'_>) -> Result<(), Stop> {
    writeln!(tools.out, "Start checking Multi Part AOF")?;
    let manifest = match Manifest::parse(&std::fs::read(&task.path)?) {
        Ok(manifest) => manifest,
        Err(error) => {
            writeln!(tools.out, "\n*** FATAL AOF MANIFEST FILE ERROR ***\n")?;
            if let Some((number, line)) = &error.line {
                writeln!(tools.out, "Reading the manifest file, at line {number}\n")?;
                writeln!(tools.out, ">>> '{line}'\n")?;
            }
            stop!(tools, "{}", error.reason)
        }
    };
    let dir = task.path.parent().unwrap_or(Path::new(""));
    let count = manifest.files().count();
    for (at, info) in manifest.files().enumerate() {
        let is_base = at == 0 && manifest.base.is_some();
        let path = dir.join(&info.name);
        if at == usize::from(manifest.base.is_some()) {
            writeln!(tools.out, "Start to check INCR files.")?;
        }
        let has_preamble = is_base && read_start(&path).is_ok_and(|text| is_rdb(&text));
        if is_base {
            let format = if has_preamble { "RDB" } else { "RESP" };
            writeln!(tools.out, "Start to check BASE AOF ({format} format).")?;
        }
        let part = Part {
            name: &info.name,
            path: &path,
            is_last: at + 1 == count,
            has_preamble,
        };
        let found = check_file(task, &part, tools)?;
        let kind = if is_base { "BASE AOF" } else { "INCR AOF" };
        say(task, &found, (kind, "AOF"), &info.name, tools.out)?;
    }
    writeln!(tools.out, "All AOF files and manifest are valid")?;
    Ok(())
}

/// A file to be checked.
struct Part<'a> {
    name: &'a str,
    path: &'a Path,
    is_last: bool,
    has_preamble: bool,
}

fn check_file(task: &Task, part: &Part<'_>, tools: &mut Tools<'_>) -> Result<Found, Stop> {
    let name = part.name;
    let mut file = match OpenOptions::new().read(true).write(true).open(part.path) {
        Ok(file) => file,
        Err(error) => {
            let path = part.path.display();
            stop!(
                tools,
                "Cannot open file {path}: {}, aborting...",
                os_text(&error)
            )
        }
    };
    let size = file.metadata()?.len();
    if size == 0 {
        return Ok(Found::Empty);
    }
    if part.has_preamble {
        if !(tools.check_rdb)(name, &mut file, tools.out)? {
            stop!(tools, "RDB preamble of AOF file is not sane, aborting.")
        }
        writeln!(tools.out, "RDB preamble is OK, proceeding with AOF tail...")?;
    }
    let start = file.stream_position()?;
    let path = part.path.display().to_string();
    let mut scan = Scan::new(io::BufReader::with_capacity(1 << 16, &file), path, start);
    let end = scan.run(task.to_time_s, &mut |at| (tools.progress)(at, size));
    (tools.progress)(size, size);
    let (good, line) = (scan.good, scan.line);
    match end {
        End::Io(error) => return Err(error.into()),
        End::Time(0) => stop!(
            tools,
            "AOF {} has nothing before timestamp {}, aborting...",
            part.path.display(),
            task.to_time_s.unwrap_or(0)
        ),
        End::Time(offset) => return cut_to_time(task, part, &file, offset, tools),
        End::BadTime => stop!(tools, "Invalid timestamp annotation"),
        End::NoCommand => writeln!(tools.out, "AOF {name} format error")?,
        End::Bad(offset, text) => writeln!(tools.out, "0x{offset:>16x}: {text}")?,
        End::Fine => {}
    }
    judge(task, part, (&file, size), (good, line), tools)
}

/// Says how much of a file is well-formed, and cuts the rest if that is wanted.
fn judge(
    task: &Task,
    part: &Part<'_>,
    (file, size): (&File, u64),
    (good, line): (u64, u64),
    tools: &mut Tools<'_>,
) -> Result<Found, Stop> {
    let Part { name, is_last, .. } = *part;
    let diff = size - good;
    if let Some(time) = task.to_time_s.filter(|_| diff == 0) {
        writeln!(
            tools.out,
            "Truncate nothing in AOF {name} to timestamp {time}"
        )?;
        return Ok(Found::Valid);
    }
    writeln!(
        tools.out,
        "AOF analyzed: filename={name}, size={size}, ok_up_to={good}, ok_up_to_line={line}, \
         diff={diff}"
    )?;
    if diff == 0 {
        return Ok(Found::Valid);
    }
    if !task.fix {
        stop!(
            tools,
            "AOF {name} is not valid. Use the --fix option to try fixing it."
        )
    }
    if !is_last {
        stop!(
            tools,
            "Failed to truncate AOF {name} because it is not the last file"
        )
    }
    write!(
        tools.out,
        "This will shrink the AOF {name} from {size} bytes, with {diff} bytes, to {good} bytes\n\
         Continue? [y/N]: "
    )?;
    tools.out.flush()?;
    let mut answer = String::new();
    tools.input.read_line(&mut answer)?;
    if !answer.starts_with(['y', 'Y']) {
        stop!(tools, "Aborting...")
    }
    if file.set_len(good).is_err() {
        stop!(tools, "Failed to truncate AOF {name}")
    }
    Ok(Found::Cut)
}

fn cut_to_time(
    task: &Task,
    part: &Part<'_>,
    file: &File,
    offset: u64,
    tools: &mut Tools<'_>,
) -> Result<Found, Stop> {
    let (path, time) = (part.path.display(), task.to_time_s.unwrap_or(0));
    if !part.is_last {
        writeln!(
            tools.out,
            "Failed to truncate AOF {path} to timestamp {time} to offset {offset} because it is \
             not the last file."
        )?;
        stop!(
            tools,
            "If you insist, please delete all files after this file according to the manifest file \
             and delete the corresponding records in manifest file manually. Then re-run \
             redis-check-aof."
        )
    }
    if file.set_len(offset).is_err() {
        stop!(tools, "Failed to truncate AOF {path} to timestamp {time}")
    }
    Ok(Found::CutToTime)
}

/// Where a scan ended.
enum End {
    Fine,
    /// An annotation later than wanted, at this offset.
    Time(u64),
    BadTime,
    /// Neither command nor annotation.
    NoCommand,
    /// A command that is not well-formed, and where.
    Bad(u64, String),
    Io(io::Error),
}

/// Goes through the commands of a file.
struct Scan<R> {
    source: R,
    /// The file's, for what is said of it.
    path: String,
    offset: u64,
    /// Where the line or string begins that was read last: findings name that.
    piece: u64,
    /// Offset behind the last whole command outside of a transaction.
    good: u64,
    /// Lines, as the tool counts them.
    line: u64,
    in_multi: bool,
}

impl<R: BufRead> Scan<R> {
    fn new(source: R, path: String, offset: u64) -> Self {
        Self {
            source,
            path,
            offset,
            piece: offset,
            good: offset,
            line: 1,
            in_multi: false,
        }
    }

    fn run(&mut self, to_time_s: Option<i64>, progress: &mut dyn FnMut(u64)) -> End {
        for count in 1u64.. {
            if count.is_multiple_of(PROGRESS_COMMANDS) {
                progress(self.offset);
            }
            if !self.in_multi {
                self.good = self.offset;
            }
            let first = match self.source.fill_buf() {
                Ok([]) => return self.end(),
                Ok(bytes) => bytes[0],
                Err(error) => return End::Io(error),
            };
            let result = match first {
                b'#' => self.annotation(to_time_s),
                b'*' => self.command(),
                _ => return End::NoCommand,
            };
            match result {
                Ok(()) => {}
                Err(End::Fine) => return self.end(),
                Err(end) => return end,
            }
        }
        End::Fine
    }

    /// The file ends here, where a command or a part of one could begin.
    fn end(&self) -> End {
        match self.in_multi {
            true => self.bad("Reached EOF before reading EXEC for MULTI".to_owned()),
            false => End::Fine,
        }
    }

    fn bad(&self, text: String) -> End {
        End::Bad(self.piece, text)
    }

    fn read_line(&mut self) -> Result<Vec<u8>, End> {
        self.piece = self.offset;
        let mut line = Vec::new();
        let limited = &mut (&mut self.source).take(1024);
        limited.read_until(b'\n', &mut line).map_err(End::Io)?;
        self.offset += line.len() as u64;
        Ok(line)
    }

    fn annotation(&mut self, to_time_s: Option<i64>) -> Result<(), End> {
        let start = self.offset;
        let line = self.read_line()?;
        let (Some(to_time_s), Some(text)) = (to_time_s, line.strip_prefix(b"#TS:")) else {
            return Ok(());
        };
        let time = text
            .strip_suffix(b"\r\n")
            .and_then(common::number::parse_i64);
        match time {
            None => Err(End::BadTime),
            Some(time) if time > to_time_s => Err(End::Time(start)),
            Some(_) => Ok(()),
        }
    }

    fn command(&mut self) -> Result<(), End> {
        for at in 0..self.header(b'*')? {
            let len = self.header(b'$')?;
            let Some(len) = u64::try_from(len)
                .ok()
                .filter(|len| *len < i64::MAX as u64 - 2)
            else {
                let text = format!(
                    "Expected to read string of {len} bytes, which is not in the suitable range"
                );
                return Err(self.bad(text));
            };
            let name = self.string(len, at == 0)?;
            if at == 0 {
                self.note_transaction(&name)?;
            }
        }
        Ok(())
    }

    fn note_transaction(&mut self, name: &[u8]) -> Result<(), End> {
        let (is_multi, is_exec) = (
            name.eq_ignore_ascii_case(b"multi"),
            name.eq_ignore_ascii_case(b"exec"),
        );
        if is_multi && self.in_multi {
            return Err(self.bad(format!("Unexpected MULTI in AOF {}", self.path)));
        }
        if is_exec && !self.in_multi {
            return Err(self.bad(format!("Unexpected EXEC in AOF {}", self.path)));
        }
        self.in_multi = (self.in_multi || is_multi) && !is_exec;
        Ok(())
    }

    /// A line with a number. At the file's end there is none, which is no error of its own.
    fn header(&mut self, kind: u8) -> Result<i64, End> {
        let line = self.read_line()?;
        match line.first() {
            None => return Err(End::Fine),
            Some(first) if *first != kind => {
                let text = format!(
                    "Expected prefix '{}', got: '{}'",
                    char::from(kind),
                    char::from(*first)
                );
                return Err(self.bad(text));
            }
            Some(_) => {}
        }
        let digits = line[1..]
            .iter()
            .take_while(|b| b.is_ascii_digit() || **b == b'-')
            .count();
        self.line_end(&line[1 + digits..])?;
        Ok(common::number::parse_i64(&line[1..=digits]).unwrap_or(0))
    }

    fn line_end(&mut self, rest: &[u8]) -> Result<(), End> {
        if rest.starts_with(b"\r\n") {
            self.line += 1;
            return Ok(());
        }
        let byte = |at: usize| rest.get(at).copied().unwrap_or(0);
        let text = format!("Expected \\r\\n, got: {:02x}{:02x}", byte(0), byte(1));
        Err(self.bad(text))
    }

    /// A string and its end; if `keep`, its first bytes are returned.
    fn string(&mut self, len: u64, keep: bool) -> Result<Vec<u8>, End> {
        self.piece = self.offset;
        let wanted = len + 2;
        let (mut kept, mut end, mut left) = (Vec::new(), Vec::new(), wanted);
        while left > 0 {
            let bytes = self.source.fill_buf().map_err(End::Io)?;
            if bytes.is_empty() {
                let got = wanted - left;
                let text = format!("Expected to read {wanted} bytes, got {got} bytes");
                return Err(self.bad(text));
            }
            let n = (bytes.len() as u64).min(left);
            let piece = &bytes[..n as usize];
            if keep && kept.len() < KEPT_BYTES {
                kept.extend(&piece[..piece.len().min(KEPT_BYTES - kept.len())]);
            }
            let text_left = left.saturating_sub(2).min(n) as usize;
            end.extend_from_slice(&piece[text_left..]);
            self.source.consume(n as usize);
            self.offset += n;
            left -= n;
        }
        self.line_end(&end)?;
        kept.truncate(len as usize);
        Ok(kept)
    }
}

/// Leaves a file where a reader of a part of it has come to.
///
/// # Errors
/// The system's.
pub fn seek(file: &mut File, offset: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset)).map(drop)
}

#[cfg(test)]
mod tests;
