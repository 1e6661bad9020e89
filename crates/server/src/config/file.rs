//! Reading configuration: a file, standard input, and the options of the command line, in this
//! order, as one text; later lines win.
//!
//! Apart from the directives of the registry a file may hold `include` (with wildcards),
//! `rename-command`, `user`, `sentinel` and `loadmodule`. What those mean is up to whoever
//! implements `Extras`, except for modules, which are refused.

use super::directive::Special;
use super::error::LoadError;
use super::store::Config;
use super::{directive::Kind, table};
use common::os::os_text;
use common::words;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How deep files may include each other; a file that includes itself ends here.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Where the configuration comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The configuration file.
    pub path: Option<PathBuf>,
    /// Whether to read standard input after it.
    pub stdin: bool,
    /// Lines to read after that, from the command line.
    pub options: Vec<u8>,
}

/// Takes the lines that are no directives of the registry. Errors are reasons for the user.
pub trait Extras {
    /// `rename-command <from> <to>`; an empty `to` removes the command.
    fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), String>;
    /// `user <name> <rule> …`, without the word `user`.
    fn user(&mut self, words: &[Vec<u8>]) -> Result<(), String>;
    /// `sentinel …`, without the word `sentinel`.
    fn sentinel(&mut self, _words: &[Vec<u8>]) -> Result<(), String> {
        Err("sentinel directive while not in sentinel mode".to_owned())
    }
}

/// Keeps the lines for later.
#[derive(Debug, Default)]
pub struct Collected {
    /// Commands to rename: from, to.
    pub renames: Vec<(Vec<u8>, Vec<u8>)>,
    /// Users: name and rules.
    pub users: Vec<Vec<Vec<u8>>>,
}

impl Extras for Collected {
    fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), String> {
        self.renames.push((from.to_vec(), to.to_vec()));
        Ok(())
    }

    fn user(&mut self, words: &[Vec<u8>]) -> Result<(), String> {
        self.users.push(words.to_vec());
        Ok(())
    }
}

impl Config {
    /// Reads the configuration of `source` into this one, whose values it leaves half changed if
    /// it fails: the caller ends the process.
    pub fn load(&self, source: &Source, extras: &mut dyn Extras) -> Result<(), LoadError> {
        if let Some(path) = &source.path {
            self.set_path(std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        }
        let mut text = Vec::new();
        if let Some(path) = &source.path {
            read_files(path, &mut text)?;
        }
        if source.stdin {
            tracing::error!("Reading config from stdin");
            let path = PathBuf::from("-");
            let read = std::io::stdin().read_to_end(&mut text);
            read.map_err(|source| LoadError::Open { path, source })?;
        }
        if !source.options.is_empty() {
            text.push(b'\n');
            text.extend(&source.options);
        }
        self.load_text(&text, extras)
    }

    /// Reads configuration lines.
    pub fn load_text(&self, text: &[u8], extras: &mut dyn Extras) -> Result<(), LoadError> {
        let mut loader = Loader {
            config: self,
            extras,
            save_seen: false,
        };
        loader.lines(text, 0)?;
        self.check_whole()
    }

    /// What can only be judged once every line is read.
    fn check_whole(&self) -> Result<(), LoadError> {
        let refused = |reason: String| Err(LoadError::Refused { line: None, reason });
        let logfile = self.bytes("logfile").unwrap_or_default();
        if !logfile.is_empty() {
            let path = Path::new(std::ffi::OsStr::from_bytes(&logfile));
            let opened = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path);
            if let Err(error) = opened {
                return refused(format!("Can't open the log file: {}", os_text(&error)));
            }
        }
        if self.bool("cluster-enabled") && self.replicaof().is_some() {
            return refused("replicaof directive not allowed in cluster mode".to_owned());
        }
        Ok(())
    }
}

/// Why a line is wrong, or the failure of a file that it includes.
enum Wrong {
    Here(String),
    Included(LoadError),
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(reason: T) -> Self {
        Self::Here(reason.into())
    }
}

struct Loader<'a> {
    config: &'a Config,
    extras: &'a mut dyn Extras,
    /// Whether a `save` line was read: the first one replaces the default, others add to it.
    save_seen: bool,
}

impl Loader<'_> {
    fn lines(&mut self, text: &[u8], depth: usize) -> Result<(), LoadError> {
        for (at, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = trim(line);
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            self.line(line, depth).map_err(|wrong| match wrong {
                Wrong::Included(error) => error,
                Wrong::Here(reason) => {
                    let line = Some((at + 1, String::from_utf8_lossy(line).into_owned()));
                    LoadError::Refused { line, reason }
                }
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], depth: usize) -> Result<(), Wrong> {
        let mut words = words::split(line).ok_or("Unbalanced quotes in configuration line")?;
        let Some(first) = words.first_mut() else {
            return Ok(());
        };
        first.make_ascii_lowercase();
        match table::find(first) {
            Some(name) => self.directive(name.index, &words[1..]),
            None => self.other(&words, depth),
        }
    }

    /// A line of the registry.
    fn directive(&mut self, index: usize, args: &[Vec<u8>]) -> Result<(), Wrong> {
        let directive = table::directives()[index];
        let mut split = Vec::new();
        let args = match args {
            // One word for a directive that takes several: --config "a b c".
            [one] if directive.takes_many() && !one.is_empty() => {
                split.extend(words::split(one).ok_or("Unbalanced quotes in configuration line")?);
                split.as_slice()
            }
            [_] => args,
            _ if directive.takes_many() => args,
            _ => return Err("wrong number of arguments".into()),
        };
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let is_save = matches!(directive.kind, Kind::Special(Special::Save));
        let append = is_save && self.save_seen;
        self.config.store(directive, index, &args, append)?;
        self.save_seen |= is_save;
        Ok(())
    }

    /// A line that only files have.
    fn other(&mut self, words: &[Vec<u8>], depth: usize) -> Result<(), Wrong> {
        match words {
            [name, _] if table::RETIRED.iter().any(|old| old.as_bytes() == name) => Ok(()),
            [name, path] if name == b"include" => self.include(path, depth),
            [name, from, to] if name == b"rename-command" => {
                Ok(self.extras.rename_command(from, to)?)
            }
            [name, rules @ ..] if name == b"user" && !rules.is_empty() => {
                Ok(self.extras.user(rules)?)
            }
            [name, _, ..] if name == b"loadmodule" => {
                Err("Modules are not supported: loadmodule cannot load native code".into())
            }
            [name, rest @ ..] if name == b"sentinel" => match rest {
                [] => Ok(()),
                _ => Ok(self.extras.sentinel(rest)?),
            },
            [name, rest @ ..] if name.contains(&b'.') => match rest {
                [] => Err("Module config specified without value".into()),
                _ => Err("Module Configuration detected without loadmodule directive".into()),
            },
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn include(&mut self, path: &[u8], depth: usize) -> Result<(), Wrong> {
        if depth >= INCLUDE_DEPTH_MAX {
            return Err("Files include each other too deeply".into());
        }
        let mut text = Vec::new();
        read_files(Path::new(std::ffi::OsStr::from_bytes(path)), &mut text)
            .map_err(Wrong::Included)?;
        self.lines(&text, depth + 1).map_err(Wrong::Included)
    }
}

/// Appends the contents of `path`, or of all files that it matches if it has wildcards (of which
/// there may be none).
fn read_files(path: &Path, text: &mut Vec<u8>) -> Result<(), LoadError> {
    let wild = path
        .as_os_str()
        .as_bytes()
        .iter()
        .any(|b| b"*?[".contains(b));
    let paths = if wild {
        expand(path)
    } else {
        vec![path.to_owned()]
    };
    for path in paths {
        // Redis runs the last line of a file that does not end in a newline into the next file.
        if text.last().is_some_and(|b| *b != b'\n') {
            text.push(b'\n');
        }
        let file = std::fs::File::open(&path);
        file.and_then(|mut file| file.read_to_end(text))
            .map_err(|source| LoadError::Open { path, source })?;
    }
    Ok(())
}

/// The files that match a path with wildcards, in alphabetical order.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        if !part.as_bytes().iter().any(|b| b"*?[".contains(b)) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let matching = |dir: PathBuf| {
            let here = if dir.as_os_str().is_empty() {
                Path::new(".")
            } else {
                dir.as_path()
            };
            let entries = std::fs::read_dir(here).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name());
            // As in a shell, a leading dot must be matched by a dot.
            let fits = names.filter(|name| {
                let hidden =
                    name.as_bytes().starts_with(b".") && !part.as_bytes().starts_with(b".");
                !hidden && common::glob::matches(part.as_bytes(), name.as_bytes(), false)
            });
            let mut fits: Vec<_> = fits.map(|name| dir.join(name)).collect();
            fits.sort();
            fits
        };
        found = found.into_iter().flat_map(matching).collect();
    }
    found.retain(|path| path.exists());
    found
}

fn trim(line: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().take_while(|b| blank(b)).count();
    let end = line.iter().rev().take_while(|b| blank(b)).count();
    line.get(start..line.len() - end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
