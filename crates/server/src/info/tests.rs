//! INFO against the answer of a real server: the same sections with the same fields, in order.

use std::sync::Arc;

use ::keyspace::{DbStats, Keyspace, KeyspaceConfig};
use commands::{FAMILIES, Server, Table};

use super::*;
use crate::config::Config;

/// `INFO everything` of redis-server 7.0.15, names only.
const REDIS_7_0: &str = include_str!("../../../../tests/data/info-7.0.15.txt");

fn info(words: &[&[u8]]) -> String {
    let keyspace = Arc::new(Keyspace::new(KeyspaceConfig::default()));
    let table = Table::new(FAMILIES, &[]).expect("no renames");
    let server = Server::new(keyspace, table, 1);
    let host = ServerHost::new(Arc::new(Config::detached()));
    let db0 = DbStats {
        keys: 2,
        volatile: 1,
        ttl_avg_ms: 7,
        overhead: 0,
    };
    text(&host, &server, &[db0, DbStats::default()], words)
}

fn names(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.split(':').next().unwrap_or(line).to_owned())
        .collect()
}

#[test]
fn sections_and_fields_are_those_of_redis_in_its_order() {
    let mut ours = names(&info(&[b"everything"]));
    // What 7.0 does not have; `expired_subkeys` came with the expiry of hash fields.
    ours.retain(|name| !["corewire_version", "db0", "expired_subkeys"].contains(&name.as_str()));
    let theirs: Vec<String> = REDIS_7_0.lines().map(str::to_owned).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn a_section_is_shown_once_however_often_it_is_asked_for() {
    let text = info(&[b"cpu", b"CPU", b"default", b"all"]);
    assert_eq!(text.matches("used_cpu_user_children").count(), 1);
    assert_eq!(info(&[b"nosuchsection"]), "");
}

#[test]
fn statistics_by_command_are_shown_only_when_asked_for() {
    assert!(!info(&[]).contains("# Commandstats"));
    assert!(!info(&[b"default"]).contains("# Latencystats"));
    assert!(info(&[b"all"]).contains("# Commandstats"));
}

#[test]
fn databases_without_keys_are_left_out() {
    assert_eq!(
        info(&[b"keyspace"]),
        "# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=7\r\n"
    );
}

#[test]
fn databases_are_counted_only_for_sections_that_tell_of_them() {
    let tells = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
        tells_of_keyspace(&words)
    };
    assert!(tells(&[]) && tells(&["all"]) && tells(&["stats", "KeySpace"]) && tells(&["memory"]));
    assert!(!tells(&["persistence"]) && !tells(&["commandstats", "stats", "none"]));
}
