//! Every command that Redis 7.0 has refuses too few, too many and senseless arguments in the same
//! words.
//!
//! The list of commands is Redis's own. Each is sent in a transaction, so that nothing blocks, with
//! up to eight arguments of several kinds.

use std::collections::BTreeMap;

use super::Pair;
use crate::support::Value;

/// Commands that take a connection or the server away, or that wait for a later subsystem.
const LEFT_OUT: [&str; 47] = [
    "acl",
    "asking",
    "auth",
    "bgrewriteaof",
    "bgsave",
    "client|caching",
    "client|kill",
    "client|pause",
    "client|reply",
    "client|tracking",
    "client|unpause",
    "cluster",
    "debug",
    "discard",
    "eval",
    "eval_ro",
    "evalsha",
    "evalsha_ro",
    "exec",
    "failover",
    "fcall",
    "fcall_ro",
    "function",
    "pfselftest",
    "hello",
    "migrate",
    "module",
    "monitor",
    "multi",
    "psubscribe",
    "psync",
    "punsubscribe",
    "quit",
    "readonly",
    "readwrite",
    "replconf",
    "replicaof",
    "reset",
    "restore-asking",
    "script",
    "shutdown",
    "slaveof",
    "ssubscribe",
    "subscribe",
    "sunsubscribe",
    "sync",
    "unsubscribe",
];

/// What arguments are made of: repeated from its beginning.
const PATTERNS: [&[&str]; 9] = [
    &["x"],
    &["1"],
    &["k", "1"],
    &["1", "x"],
    &["k", "x", "1"],
    &["k", "1", "x"],
    &["k", "-1", "0", "2"],
    &["2", "a", "b", "x"],
    &["", "nan", "limit"],
];

/// Names of commands and subcommands, as far as they are compared.
fn names(pair: &mut Pair) -> Vec<String> {
    let [all, _] = pair.call(0, "COMMAND");
    let mut names = Vec::new();
    for command in all.elements() {
        names.push(command.elements()[0].text());
        let subcommands = command.elements()[9].elements();
        names.extend(subcommands.iter().map(|sub| sub.elements()[0].text()));
    }
    let is_left_out = |name: &String| {
        let container = name.split('|').next().unwrap_or(name);
        LEFT_OUT.contains(&name.as_str()) || LEFT_OUT.contains(&container)
    };
    names.retain(|name| !is_left_out(name));
    names.sort();
    names
}

/// Whether ours accepts or refuses what Redis does, in the same words.
fn is_same(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => theirs
            .iter()
            .zip(ours)
            .all(|(theirs, ours)| is_same(theirs, ours)),
        (Value::Error(_), _) | (_, Value::Error(_)) => theirs == ours,
        _ => true,
    }
}

#[test]
fn wrong_arguments_are_refused_in_redis_words() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    let mut differences = BTreeMap::new();
    for name in names(&mut pair) {
        for pattern in PATTERNS {
            // Since Redis 7.2 they may be asked for the score, too.
            let is_newer = ["zrank", "zrevrank"].contains(&name.as_str());
            for count in 0..=if is_newer { 2 } else { 8 } {
                let more = pattern.iter().cycle().take(count).copied();
                let args: Vec<&str> = name.split('|').chain(more).collect();
                let mut exchange = |args: &[&str]| {
                    for side in &mut pair.clients {
                        side[0].send_command(args);
                    }
                    pair.clients.each_mut().map(|side| side[0].read())
                };
                exchange(&["MULTI"]);
                let queued = exchange(&args);
                let done = exchange(&["EXEC"]);
                for [theirs, ours] in [queued, done] {
                    if !is_same(&theirs, &ours) {
                        let replies = format!("  - {theirs:?}\n  + {ours:?}\n");
                        differences
                            .entry((name.clone(), replies))
                            .or_insert(args.join(" "));
                    }
                }
            }
        }
    }
    let all: String = differences
        .iter()
        .map(|((_, replies), args)| format!("{args}\n{replies}"))
        .collect();
    assert!(
        all.is_empty(),
        "redis-server (-) and ours (+) differ:\n{all}"
    );
}
