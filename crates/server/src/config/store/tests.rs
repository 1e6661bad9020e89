//! Tests of the store: what values look like, what is refused and how, and that a refused change
//! leaves no trace.
//!
//! Properties run over every name of the registry.

use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn set(config: &Config, pairs: &[(&str, &str)]) -> Result<(), String> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(n, v)| (n.as_bytes(), v.as_bytes()))
        .collect();
    config
        .set_many(&pairs, Caller::default())
        .map_err(|error| error.to_string())
}

fn get(config: &Config, name: &str) -> String {
    String::from_utf8(config.get(name).expect("known")).expect("text")
}

#[test]
fn values_are_shown_in_their_normal_form() {
    let cases = [
        ("maxmemory", "100mb", "104857600"),
        ("maxmemory", "", "0"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "1kb", "1024"),
        ("loglevel", "DEBUG", "debug"),
        ("appendonly", "YES", "yes"),
        ("save", "3600 1 300 100", "3600 1 300 100"),
        ("save", "", ""),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "g$lshzxetd", "A"),
        ("notify-keyspace-events", "nxK", "xnK"),
        ("notify-keyspace-events", "mEKconA", "AnocKEm"),
        ("shutdown-on-sigint", "force nosave now", "nosave now force"),
        ("oom-score-adj", "relative", "yes"),
        ("oom-score-adj-values", "1 2 3", "1 2 3"),
        (
            "latency-tracking-info-percentiles",
            "50 99.90 100.0",
            "50 99.9 100",
        ),
        ("bind", "127.0.0.1 -::1", "127.0.0.1 -::1"),
        ("bind", "", ""),
        ("hz", "0", "1"),
        ("hz", "1000", "500"),
        ("list-max-ziplist-size", "-1", "-1"),
        ("requirepass", "", ""),
        (
            "client-output-buffer-limit",
            "pubsub 1mb 1kb 7",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 1024 7",
        ),
    ];
    for (name, value, shown) in cases {
        let config = Config::detached();
        set(&config, &[(name, value)]).unwrap_or_else(|e| panic!("{name} {value}: {e}"));
        assert_eq!(get(&config, name), shown, "{name} {value}");
    }
}

#[test]
fn bad_values_are_refused_in_redis_words() {
    let cases = [
        (
            "maxclients",
            "0",
            "argument must be between 1 and 4294967295 inclusive",
        ),
        (
            "maxclients",
            "a",
            "argument couldn't be parsed into an integer",
        ),
        ("maxmemory", "1x", "argument must be a memory value"),
        (
            "maxmemory-clients",
            "200%",
            "percentage argument must be less or equal to 100",
        ),
        (
            "maxmemory-clients",
            "x",
            "argument must be a memory or percent value",
        ),
        ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
        (
            "appendfsync",
            "x",
            "argument(s) must be one of the following: everysec, always, no",
        ),
        (
            "shutdown-on-sigint",
            "save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        ("save", "1", "Invalid save parameters"),
        ("save", "0 1", "Invalid save parameters"),
        ("oom-score-adj-values", "1 2", "wrong number of arguments"),
        (
            "oom-score-adj-values",
            "-2001 1 2",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        (
            "notify-keyspace-events",
            "?",
            "Invalid event class character. Use 'Ag$lshzxeKEtmdnoc'.",
        ),
        (
            "latency-tracking-info-percentiles",
            "101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        (
            "client-output-buffer-limit",
            "wrong 1 1 1",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "normal 1 1",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "normal 1 1 -1",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        (
            "proc-title-template",
            "{x}",
            "template format is invalid or contains unknown variables",
        ),
        (
            "cluster-announce-hostname",
            "a b",
            "Hostnames may only contain alphanumeric characters, hyphens or dots",
        ),
        (
            "repl-backlog-size",
            "0",
            "argument must be between 1 and 9223372036854775807 inclusive",
        ),
        ("daemonize", "yes", "can't set immutable config"),
        ("dbfilename", "x.rdb", "can't set protected config"),
    ];
    for (name, value, reason) in cases {
        let config = Config::detached();
        let before = get(&config, name);
        let expected =
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(set(&config, &[(name, value)]), Err(expected));
        assert_eq!(get(&config, name), before);
    }
}

#[test]
fn one_bad_pair_changes_nothing() {
    let config = Config::detached();
    let pairs = [
        ("maxmemory", "1"),
        ("maxmemory-clients", "200%"),
        ("timeout", "5"),
    ];
    assert!(set(&config, &pairs).is_err());
    assert_eq!(get(&config, "maxmemory"), "0");
    assert_eq!(get(&config, "timeout"), "0");
    let unknown = "ERR Unknown option or number of arguments for CONFIG SET - 'nope'";
    assert_eq!(
        set(&config, &[("timeout", "5"), ("nope", "5")]),
        Err(unknown.to_owned())
    );
    let twice = set(&config, &[("timeout", "5"), ("TIMEOUT", "6")]);
    assert!(twice.is_err_and(|e| e.ends_with("argument 'TIMEOUT') - duplicate parameter")));
    assert_eq!(get(&config, "timeout"), "0");
}

#[test]
fn a_hook_that_fails_rolls_back_all_and_applies_again() {
    let config = Config::detached();
    let applied = Arc::new(AtomicUsize::new(0));
    let counter = applied.clone();
    config.on_change(&["timeout", "tcp-keepalive"], move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    config.on_change(&["port"], |config| match config.int("port") {
        7 => Err("Unable to listen on this port. Check server logs.".to_owned()),
        _ => Ok(()),
    });
    let result = set(
        &config,
        &[("timeout", "5"), ("tcp-keepalive", "6"), ("port", "7")],
    );
    assert_eq!(
        result,
        Err(
            "ERR CONFIG SET failed (possibly related to argument 'port') - \
             Unable to listen on this port. Check server logs."
                .to_owned()
        )
    );
    assert_eq!(
        applied.load(Ordering::Relaxed),
        2,
        "once with the new values, once with the old"
    );
    assert_eq!(config.int("timeout"), 0);
    assert_eq!(config.int("port"), 6379);
    set(&config, &[("timeout", "0")]).expect("no change");
    assert_eq!(
        applied.load(Ordering::Relaxed),
        2,
        "the same value again runs no hook"
    );
}

#[test]
fn loading_and_remote_clients_are_held_back() {
    let config = Config::detached();
    let loading = Caller {
        loading: true,
        local: true,
    };
    let pair: [(&[u8], &[u8]); 1] = [(b"appendonly", b"yes")];
    assert_eq!(config.set_many(&pair, loading), Err(SetError::Loading));
    config
        .overwrite("enable-protected-configs", b"local")
        .expect("valid");
    let pair: [(&[u8], &[u8]); 1] = [(b"dbfilename", b"x")];
    assert!(config.set_many(&pair, Caller::default()).is_err());
    assert_eq!(
        config.set_many(
            &pair,
            Caller {
                local: true,
                loading: false
            }
        ),
        Ok(())
    );
}

#[test]
fn patterns_find_names_and_aliases_but_nothing_hidden() {
    let config = Config::detached();
    let names = |patterns: &[&str]| {
        let patterns: Vec<&[u8]> = patterns.iter().map(|p| p.as_bytes()).collect();
        let found = config.get_matching(&patterns).into_iter();
        found
            .map(|(name, _)| String::from_utf8(name).expect("text"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&["maxmemory", "MAXMEMORY", "max?emory"]),
        ["maxmemory"]
    );
    assert_eq!(
        names(&["*eof", "*aveof", "replicaof"]),
        ["slaveof", "replicaof"]
    );
    assert_eq!(names(&["Port"]), ["Port"]);
    assert_eq!(names(&["key-load-delay"]), ["key-load-delay"]);
    assert!(!names(&["*"]).contains(&"key-load-delay".to_owned()));
    assert!(names(&["nope"]).is_empty());
}

#[test]
fn aliases_share_one_value() {
    let config = Config::detached();
    set(&config, &[("hash-max-ziplist-entries", "7")]).expect("valid");
    assert_eq!(config.int("hash-max-listpack-entries"), 7);
    // Both names at once are two settings, of which the last wins, and which roll back together.
    let both = [
        ("hash-max-ziplist-entries", "8"),
        ("hash-max-listpack-entries", "x"),
    ];
    assert!(set(&config, &both).is_err());
    assert_eq!(config.int("hash-max-listpack-entries"), 7);
}

#[test]
fn whatever_is_shown_can_be_set_again() {
    let config = Config::detached();
    for (name, value) in config.get_matching(&[b"*"]) {
        let result = config.set_many(
            &[(&name, &value)],
            Caller {
                local: true,
                loading: false,
            },
        );
        if let Err(error) = result {
            let text = error.to_string();
            assert!(
                text.contains("immutable") || text.contains("protected"),
                "{text}"
            );
        }
    }
    assert_eq!(
        config.values.read().clone(),
        Config::detached().values.read().clone()
    );
}

proptest! {
    #[test]
    fn any_value_is_taken_or_refused_without_a_trace(
        at in 0..table::names().len(),
        value in prop::collection::vec(prop_oneof![any::<u8>(), b'0'..=b'9', Just(b' ')], 0..24),
    ) {
        let config = Config::detached();
        let name = table::names()[at];
        let before = config.value(name.index);
        match config.set_many(&[(name.name.as_bytes(), &value)], Caller::default()) {
            Err(_) => prop_assert_eq!(config.value(name.index), before),
            Ok(()) => {
                let shown = config.get(name.name).expect("known");
                let again = config.set_many(&[(name.name.as_bytes(), &shown)], Caller::default());
                prop_assert_eq!(again, Ok(()));
                prop_assert_eq!(config.get(name.name), Some(shown));
            }
        }
    }
}
