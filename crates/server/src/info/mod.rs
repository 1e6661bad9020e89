//! The text of INFO: sections and fields as Redis 7.0 has them, in its order.
//!
//! Tools read this text by its names, so that fields whose subject does not exist here (forks,
//! defragmentation, …) are there with the value that says so. `redis_version` is the version whose
//! behaviour the server shows; our own is `corewire_version`.

mod clients;
mod commandstats;
mod keyspace;
mod memory;
mod persistence;
mod rates;
mod replication;
mod server;
mod stats;
mod system;

use ::keyspace::DbStats;
use commands::Server;

use crate::host::ServerHost;

pub use memory::figures as memory_figures;
pub use rates::Rates;
pub use system::cpu_seconds;

/// What the sections are written from.
struct Facts<'a> {
    host: &'a ServerHost,
    server: &'a Server,
    /// By database.
    keyspace: &'a [DbStats],
    now_ms: i64,
}

/// A section being written.
#[derive(Default)]
struct Section {
    text: String,
}

impl Section {
    /// Adds a field.
    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        self.text.push_str(&format!("{name}:{value}\r\n"));
    }

    /// Adds an amount of memory in bytes, and again for humans.
    fn memory(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.human(name, bytes);
    }

    /// Adds an amount of memory for humans only, as `<name>_human`.
    fn human(&mut self, name: &str, bytes: u64) {
        self.field(
            &format!("{name}_human"),
            common::units::bytes_to_human(bytes),
        );
    }

    /// Adds fields that are zero.
    fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.field(name, 0));
    }
}

/// A section: its names, whether INFO shows it unasked, and what writes it.
struct Kind {
    title: &'static str,
    names: &'static [&'static str],
    default: bool,
    write: fn(&Facts<'_>, &mut Section),
}

const fn kind(
    title: &'static str,
    names: &'static [&'static str],
    default: bool,
    write: fn(&Facts<'_>, &mut Section),
) -> Kind {
    Kind {
        title,
        names,
        default,
        write,
    }
}

const SECTIONS: &[Kind] = &[
    kind("Server", &["server"], true, server::write),
    kind("Clients", &["clients"], true, clients::write),
    kind("Memory", &["memory"], true, memory::write),
    kind("Persistence", &["persistence"], true, persistence::write),
    kind("Stats", &["stats"], true, stats::write),
    kind("Replication", &["replication"], true, replication::write),
    kind("CPU", &["cpu"], true, system::write_cpu),
    kind("Modules", &["module_list", "modules"], true, |_, _| {}),
    kind(
        "Commandstats",
        &["commandstats"],
        false,
        commandstats::write_calls,
    ),
    kind(
        "Errorstats",
        &["errorstats"],
        true,
        commandstats::write_errors,
    ),
    kind(
        "Latencystats",
        &["latencystats"],
        false,
        commandstats::write_latencies,
    ),
    kind("Cluster", &["cluster"], true, |_, section| {
        section.field("cluster_enabled", 0);
    }),
    kind("Keyspace", &["keyspace"], true, keyspace::write),
];

/// Which sections these words ask for; none at all ask for the default ones.
fn is_wanted(kind: &Kind, words: &[&[u8]]) -> bool {
    words.is_empty() && kind.default
        || words
            .iter()
            .any(|word| match word.to_ascii_lowercase().as_slice() {
                b"all" | b"everything" => true,
                b"default" => kind.default,
                word => kind.names.iter().any(|name| name.as_bytes() == word),
            })
}

/// Whether the text for these section names needs the figures of each database.
pub fn tells_of_keyspace(words: &[&[u8]]) -> bool {
    let telling = SECTIONS
        .iter()
        .filter(|kind| matches!(kind.title, "Memory" | "Keyspace"));
    telling.into_iter().any(|kind| is_wanted(kind, words))
}

/// The text for these section names. `keyspace` is indexed by database.
pub fn text(host: &ServerHost, server: &Server, keyspace: &[DbStats], words: &[&[u8]]) -> String {
    let now_ms = common::clock::now_ms();
    let facts = Facts {
        host,
        server,
        keyspace,
        now_ms,
    };
    let wanted = SECTIONS.iter().filter(|kind| is_wanted(kind, words));
    let sections = wanted.map(|kind| {
        let mut section = Section {
            text: format!("# {}\r\n", kind.title),
        };
        (kind.write)(&facts, &mut section);
        section.text
    });
    sections.collect::<Vec<_>>().join("\r\n")
}

#[cfg(test)]
mod tests;
