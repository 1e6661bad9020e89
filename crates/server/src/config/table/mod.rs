//! The registry: every directive of Redis 7.0 to 8.x, and those that Valkey added.
//!
//! To add a directive, add one record to the section it belongs to and regenerate
//! `redis.conf.example` (`UPDATE_EXAMPLE=1 cargo nextest run -p corewire-server-lib example`).
//! Directives that came after Redis 7.0 and cannot be set at run time are hidden from `CONFIG GET`
//! patterns: tools, Redis's own suite among them, set whatever a pattern shows.

mod clients;
mod cluster;
mod data;
mod debug;
mod general;
mod modules;
mod network;
mod observe;
mod persistence;
mod replication;

use super::directive::{Directive, HIDDEN, HIDDEN_ALIAS, Section};
use std::collections::HashMap;
use std::sync::LazyLock;

/// All sections, in the order of `redis.conf.example`.
pub static SECTIONS: &[&Section] = &[
    &network::NETWORK,
    &network::TLS,
    &general::GENERAL,
    &general::LOGGING,
    &general::PROCESS,
    &clients::SECURITY,
    &clients::CLIENTS,
    &clients::MEMORY,
    &clients::LAZY_FREEING,
    &clients::THREADS,
    &persistence::SNAPSHOTS,
    &persistence::APPEND_ONLY,
    &persistence::SHUTDOWN,
    &replication::REPLICATION,
    &cluster::CLUSTER,
    &observe::SCRIPTING,
    &observe::SLOW_LOG,
    &observe::LATENCY,
    &observe::METRICS,
    &data::EVENTS,
    &data::ENCODINGS,
    &data::DEFRAGMENTATION,
    &modules::MODULES,
    &debug::DEBUGGING,
];

/// Directives of old versions that a file may still hold; they take one value and do nothing.
pub(super) const RETIRED: [&str; 3] = [
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

/// `INT_MAX`, the upper bound of most of Redis's numbers.
const INT_MAX: i64 = i32::MAX as i64;

/// One name under which a directive is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// The name itself: the primary one or an alias.
    pub name: &'static str,
    /// Position of the directive in `directives()`.
    pub index: usize,
    /// Whether `CONFIG GET` patterns pass it over.
    pub hidden: bool,
}

struct Registry {
    directives: Vec<&'static Directive>,
    names: Vec<Name>,
    by_name: HashMap<&'static str, usize>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let directives: Vec<_> = SECTIONS.iter().flat_map(|s| s.directives).collect();
    let mut names = Vec::new();
    for (index, directive) in directives.iter().enumerate() {
        let hidden = directive.has(HIDDEN);
        names.push(Name {
            name: directive.name,
            index,
            hidden,
        });
        let hidden = hidden || directive.has(HIDDEN_ALIAS);
        names.extend(directive.aliases.iter().map(|name| Name {
            name,
            index,
            hidden,
        }));
    }
    let by_name = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.name, at))
        .collect();
    Registry {
        directives,
        names,
        by_name,
    }
});

/// Every directive, in the order of the sections.
pub fn directives() -> &'static [&'static Directive] {
    &REGISTRY.directives
}

/// Every name, aliases included.
pub(super) fn names() -> &'static [Name] {
    &REGISTRY.names
}

/// The entry of `name`, in any case.
pub(super) fn find(name: &[u8]) -> Option<Name> {
    let name = name.to_ascii_lowercase();
    let name = std::str::from_utf8(&name).ok()?;
    REGISTRY.by_name.get(name).map(|at| REGISTRY.names[*at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::directive::{IMMUTABLE, Kind};

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut seen = HashMap::new();
        for name in names() {
            assert!(
                seen.insert(name.name, ()).is_none(),
                "{} appears twice",
                name.name
            );
            assert_eq!(name.name, name.name.to_ascii_lowercase());
        }
    }

    #[test]
    fn every_directive_is_documented_in_a_sentence() {
        for d in directives() {
            assert!(
                d.doc.ends_with('.') && d.doc.len() > 12,
                "{}: {:?}",
                d.name,
                d.doc
            );
        }
    }

    #[test]
    fn defaults_lie_within_their_bounds() {
        for d in directives() {
            if let Kind::Int {
                default, min, max, ..
            } = d.kind
            {
                assert!((min..=max).contains(&default), "{}", d.name);
            }
        }
    }

    /// `CONFIG GET *` of Redis 7.0.15, but for what start-up or the machine decides.
    const REDIS_7_0: &str = include_str!("../testdata/config-get-7.0.15.tsv");

    #[test]
    fn patterns_show_all_of_redis_7_0_and_no_later_immutable_directive() {
        let known: Vec<&str> = REDIS_7_0
            .lines()
            .filter_map(|l| l.split('\t').next())
            .collect();
        for name in &known {
            let found = find(name.as_bytes()).unwrap_or_else(|| panic!("{name} is missing"));
            assert!(!found.hidden, "{name} must be shown");
        }
        let known = [known.as_slice(), &["io-threads"]].concat();
        for name in names()
            .iter()
            .filter(|n| !n.hidden && !known.contains(&n.name))
        {
            assert!(
                !directives()[name.index].has(IMMUTABLE),
                "{} must be hidden",
                name.name
            );
        }
    }

    #[test]
    fn defaults_are_those_of_redis_7_0() {
        let config = crate::config::Config::detached();
        for line in REDIS_7_0.lines() {
            let (name, value) = line.split_once('\t').expect("a tab");
            let ours = config.get(name).expect("known");
            assert_eq!(String::from_utf8_lossy(&ours), value, "{name}");
        }
    }
}
