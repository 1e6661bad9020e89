//! The values the server runs with.
//!
//! Reading takes a shared lock for a moment and is meant for start-up, commands and periodic work;
//! what the hot path needs is copied into atomics by `on_change` hooks. A change goes through
//! `set_many`: all values are parsed and stored, then the hooks of those that changed run; if one
//! fails, everything is put back and the hooks run again with the old values.
//!
//! Lock order: `setting`, then `hooks`, then `values`. Hooks run under `setting` alone, so they may
//! read values and call `overwrite`, but not `set_many`.

use super::directive::{DENY_LOADING, Directive, IMMUTABLE, Kind, PROTECTED, SENSITIVE, VOLATILE};
use super::error::SetError;
use super::special::SpecialValue;
use super::table::{self, Name};
use super::value::{self, Reason, Value};
use common::os::os_text;
use parking_lot::{Mutex, RwLock};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

/// What happens when a directive of the hook's list has changed. The error is a reason for the
/// client, such as `Unable to listen on this port. Check server logs.`
type Apply = dyn Fn(&Config) -> Result<(), String> + Send + Sync;

#[derive(Clone)]
struct Hook {
    directives: Vec<usize>,
    apply: Arc<Apply>,
}

/// Who asks for a change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller {
    /// The dataset is being loaded.
    pub loading: bool,
    /// The client's connection is local: a loopback address or a Unix socket.
    pub local: bool,
}

/// The configuration of the server.
pub struct Config {
    values: RwLock<Vec<Value>>,
    hooks: RwLock<Vec<Hook>>,
    pub(super) setting: Mutex<()>,
    /// Whether `dir` is the working directory of the process.
    follows_dir: bool,
    path: RwLock<Option<PathBuf>>,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// Every directive at its default. `dir` is the working directory of this process, and setting
    /// it changes that.
    pub fn new() -> Self {
        Self {
            follows_dir: true,
            ..Self::detached()
        }
    }

    /// The same, but `dir` is a mere text. For tests and fuzzing.
    pub fn detached() -> Self {
        Self {
            values: RwLock::new(
                table::directives()
                    .iter()
                    .map(|d| value::default_of(d))
                    .collect(),
            ),
            hooks: RwLock::default(),
            setting: Mutex::new(()),
            follows_dir: false,
            path: RwLock::default(),
        }
    }

    /// The configuration file, absolute; `None` if there is none.
    pub fn path(&self) -> Option<PathBuf> {
        self.path.read().clone()
    }

    pub(super) fn set_path(&self, path: PathBuf) {
        *self.path.write() = Some(path);
    }

    /// The text of `name` as `CONFIG GET` shows it; `None` if there is no such directive.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        table::find(name.as_bytes()).map(|name| self.print(name.index))
    }

    /// The answer of `CONFIG GET` to these patterns: names as asked or as known, with their texts.
    pub fn get_matching(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, usize)> = Vec::new();
        for pattern in patterns {
            let mut add = |name: &[u8], index| {
                if !found
                    .iter()
                    .any(|(known, _)| known.eq_ignore_ascii_case(name))
                {
                    found.push((name.to_vec(), index));
                }
            };
            if !pattern.iter().any(|b| b"[*?".contains(b)) {
                table::find(pattern)
                    .into_iter()
                    .for_each(|name| add(pattern, name.index));
                continue;
            }
            let shown = table::names().iter().filter(|name| !name.hidden);
            shown
                .filter(|name| common::glob::matches(pattern, name.name.as_bytes(), true))
                .for_each(|name| add(name.name.as_bytes(), name.index));
        }
        found
            .into_iter()
            .map(|(name, index)| (name, self.print(index)))
            .collect()
    }

    /// Whether the value of `name` must not appear in logs, SLOWLOG or MONITOR.
    pub fn is_sensitive(&self, name: &[u8]) -> bool {
        table::find(name).is_some_and(|name| table::directives()[name.index].has(SENSITIVE))
    }

    /// Calls `apply` whenever one of `directives` has changed through `CONFIG SET`; once per
    /// command, however many of them changed. It finds the new values in the configuration.
    ///
    /// # Panics
    ///
    /// If a directive is unknown, which is a mistake in the program.
    pub fn on_change(
        &self,
        directives: &[&str],
        apply: impl Fn(&Config) -> Result<(), String> + Send + Sync + 'static,
    ) {
        let directives = directives.iter().map(|name| index_of(name)).collect();
        self.hooks.write().push(Hook {
            directives,
            apply: Arc::new(apply),
        });
    }

    /// `CONFIG SET`: all or nothing, in one step.
    pub fn set_many(&self, pairs: &[(&[u8], &[u8])], caller: Caller) -> Result<(), SetError> {
        let _setting = self.setting.lock();
        let names = self.admit(pairs, caller)?;
        let before: Vec<_> = names.iter().map(|name| self.value(name.index)).collect();
        let mut hooks: Vec<(Hook, &'static str)> = Vec::new();
        for (at, (name, (_, text))) in names.iter().zip(pairs).enumerate() {
            let directive = table::directives()[name.index];
            match self.store(directive, name.index, &split_value(directive, text), false) {
                Ok(false) => {}
                Ok(true) => self.collect_hooks(*name, &mut hooks),
                Err(reason) => {
                    self.restore(&names[..=at], &before);
                    return Err(failed(name.name, reason));
                }
            }
        }
        for at in 0..hooks.len() {
            let (hook, name) = &hooks[at];
            if let Err(reason) = (hook.apply)(self) {
                tracing::error!(
                    "Failed applying new configuration. Possibly related to new {name} setting. \
                     Restoring previous settings."
                );
                self.restore(&names, &before);
                for (hook, _) in &hooks {
                    if let Err(reason) = (hook.apply)(self) {
                        tracing::error!(
                            "Failed applying restored failed CONFIG SET command: {reason}"
                        );
                    }
                }
                return Err(failed(name, reason.into()));
            }
        }
        Ok(())
    }

    /// Sets one value without a check of its flags and without running hooks: for what the server
    /// itself decides, such as a `maxclients` that the system cannot provide, or `REPLICAOF`.
    pub fn overwrite(&self, name: &str, text: &[u8]) -> Result<(), String> {
        let index = index_of(name);
        let directive = table::directives()[index];
        let stored = self.store(directive, index, &split_value(directive, text), false);
        stored.map(drop).map_err(Reason::into_owned)
    }

    /// The directives that `pairs` name, or why they may not be set.
    fn admit(&self, pairs: &[(&[u8], &[u8])], caller: Caller) -> Result<Vec<Name>, SetError> {
        let mut names: Vec<Name> = Vec::with_capacity(pairs.len());
        let protected_allowed = match self.choice("enable-protected-configs") {
            "yes" => true,
            "local" => caller.local,
            _ => false,
        };
        // Redis names an unknown option only if nothing before it was refused for another reason.
        for (given, _) in pairs {
            let text = || String::from_utf8_lossy(given).into_owned();
            let name = table::find(given).ok_or_else(|| SetError::Unknown(text()))?;
            let directive = table::directives()[name.index];
            let refused = |reason: &'static str| Err(failed(&text(), reason.into()));
            if directive.has(IMMUTABLE) {
                return refused("can't set immutable config");
            }
            if directive.has(PROTECTED) && !protected_allowed {
                return refused("can't set protected config");
            }
            if directive.has(DENY_LOADING) && caller.loading {
                return Err(SetError::Loading);
            }
            if names.iter().any(|known| known.name == name.name) {
                return refused("duplicate parameter");
            }
            names.push(name);
        }
        Ok(names)
    }

    /// Adds the hooks of `name` that are not in the list yet.
    fn collect_hooks(&self, name: Name, hooks: &mut Vec<(Hook, &'static str)>) {
        for hook in self
            .hooks
            .read()
            .iter()
            .filter(|h| h.directives.contains(&name.index))
        {
            if !hooks
                .iter()
                .any(|(known, _)| Arc::ptr_eq(&known.apply, &hook.apply))
            {
                hooks.push((hook.clone(), name.name));
            }
        }
    }

    fn restore(&self, names: &[Name], before: &[Value]) {
        // Backwards, so that of two names of one directive the older value wins.
        for (name, value) in names.iter().zip(before).rev() {
            if let Err(reason) = self.put(name.index, value.clone()) {
                tracing::error!(
                    "Failed restoring failed CONFIG SET command. Error setting {}: {reason}",
                    name.name
                );
            }
        }
    }

    /// Parses and stores; whether that was a change.
    pub(super) fn store(
        &self,
        directive: &Directive,
        index: usize,
        args: &[&[u8]],
        append: bool,
    ) -> Result<bool, Reason> {
        let old = self.value(index);
        let new = value::parse(directive, args, &old, append)?;
        let changed = new != old || directive.has(VOLATILE);
        self.put(index, new)?;
        Ok(changed)
    }

    fn put(&self, index: usize, mut value: Value) -> Result<(), Reason> {
        if let Value::Special(SpecialValue::Dir(path)) = &mut value
            && self.follows_dir
        {
            std::env::set_current_dir(std::ffi::OsStr::from_bytes(path))
                .map_err(|error| os_text(&error))?;
            *path = current_dir();
        }
        self.values.write()[index] = value;
        Ok(())
    }

    /// The value at `index`.
    pub(super) fn value(&self, index: usize) -> Value {
        match self.values.read()[index].clone() {
            Value::Special(SpecialValue::Dir(_)) if self.follows_dir => {
                Value::Special(SpecialValue::Dir(current_dir()))
            }
            value => value,
        }
    }

    fn print(&self, index: usize) -> Vec<u8> {
        value::print(table::directives()[index], &self.value(index))
    }
}

/// Typed reading. A name that is unknown or of another type is a mistake in the program: it panics
/// where debug assertions are on, and reads as nothing elsewhere.
impl Config {
    fn typed<T: Default>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> T {
        let value = table::find(name.as_bytes()).map(|name| self.value(name.index));
        let read = value.as_ref().and_then(read);
        debug_assert!(read.is_some(), "{name} is no directive of this type");
        read.unwrap_or_default()
    }

    /// A `yes` or `no`.
    pub fn bool(&self, name: &str) -> bool {
        self.typed(name, |value| match value {
            Value::Bool(on) => Some(*on),
            _ => None,
        })
    }

    /// A number; percentages are negative. Beyond 64 bits it saturates.
    pub fn int(&self, name: &str) -> i64 {
        self.typed(name, |value| match value {
            Value::Int(n) => Some(i64::try_from(*n).unwrap_or(i64::MAX)),
            _ => None,
        })
    }

    /// A number that is never negative, such as a count of bytes.
    pub fn unsigned(&self, name: &str) -> u64 {
        self.typed(name, |value| match value {
            Value::Int(n) => Some(u64::try_from(*n).unwrap_or_default()),
            _ => None,
        })
    }

    /// The value of a choice, as its table numbers it.
    pub fn choice_value(&self, name: &str) -> i64 {
        self.typed(name, |value| match value {
            Value::Choice(bits) => Some(*bits),
            _ => None,
        })
    }

    /// The name of a choice that takes one.
    pub fn choice(&self, name: &str) -> &'static str {
        let bits = self.choice_value(name);
        match table::directives()[index_of(name)].kind {
            Kind::Choice { names, .. } => names
                .iter()
                .find(|(_, value)| *value == bits)
                .map_or("", |(name, _)| name),
            _ => "",
        }
    }

    /// A text; `None` if it is unset.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.typed(name, |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// A text that is empty where it is unset; what is no UTF-8 is replaced.
    pub fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.bytes(name).unwrap_or_default()).into_owned()
    }

    /// A value with a syntax of its own.
    fn special<T: Default>(&self, name: &str, read: impl Fn(SpecialValue) -> Option<T>) -> T {
        self.typed(name, |value| match value {
            Value::Special(value) => read(value.clone()),
            _ => None,
        })
    }

    /// `bind`: the addresses, each with its `-` where it may be missing.
    pub fn bind(&self) -> Vec<String> {
        self.special("bind", |value| match value {
            SpecialValue::Bind(addresses) => Some(addresses),
            _ => None,
        })
    }

    /// `save`: pairs of seconds and changes.
    pub fn save_points(&self) -> Vec<(u64, u64)> {
        self.special("save", |value| match value {
            SpecialValue::Save(points) => Some(points),
            _ => None,
        })
    }

    /// `client-output-buffer-limit`: of normal clients, replicas and subscribers.
    pub fn output_limits(&self) -> [super::OutputLimit; 3] {
        self.special("client-output-buffer-limit", |value| match value {
            SpecialValue::OutputBufferLimit(limits) => Some(limits),
            _ => None,
        })
    }

    /// `oom-score-adj-values`: of a primary, a replica and a background child.
    pub fn oom_values(&self) -> [i64; 3] {
        self.special("oom-score-adj-values", |value| match value {
            SpecialValue::OomValues(values) => Some(values),
            _ => None,
        })
    }

    /// `notify-keyspace-events`: bits of `events`.
    pub fn keyspace_events(&self) -> u32 {
        self.special("notify-keyspace-events", |value| match value {
            SpecialValue::KeyspaceEvents(bits) => Some(bits),
            _ => None,
        })
    }

    /// `replicaof`: host and port of the primary, if there is one.
    pub fn replicaof(&self) -> Option<(String, u16)> {
        self.special("replicaof", |value| match value {
            SpecialValue::ReplicaOf(primary) => Some(primary),
            _ => None,
        })
    }

    /// `latency-tracking-info-percentiles`.
    pub fn percentiles(&self) -> Vec<f64> {
        self.special("latency-tracking-info-percentiles", |value| match value {
            SpecialValue::Percentiles(values) => Some(values),
            _ => None,
        })
    }
}

/// The words of a value as `CONFIG SET` gives it: split at every space if several are taken.
fn split_value<'a>(directive: &Directive, text: &'a [u8]) -> Vec<&'a [u8]> {
    match directive.takes_many() {
        true if text.is_empty() => Vec::new(),
        true => text.split(|b| *b == b' ').collect(),
        false => vec![text],
    }
}

fn failed(name: &str, reason: Reason) -> SetError {
    SetError::Failed {
        name: name.to_owned(),
        reason: reason.into_owned(),
    }
}

fn index_of(name: &str) -> usize {
    match table::find(name.as_bytes()) {
        Some(name) => name.index,
        None => panic!("{name} is no directive"),
    }
}

/// The working directory; empty if it cannot be told.
fn current_dir() -> Vec<u8> {
    std::env::current_dir()
        .map(|path| path.into_os_string().into_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
