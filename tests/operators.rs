//! What operators look at, compared with what `redis-server` shows them: INFO, LATENCY, CLIENT LIST
//! and the modes of `redis-cli`.
//!
//! Both servers get the same commands. Names and shapes are compared, numbers only where they
//! follow from what was sent. Fields that tell of an implementation are on a list with the reason.
//! Nothing is compared where Redis is not installed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::support::{RawClient, RunningCli, Server, Value, free_port, wait_until};

/// Redis and ours, started with the same arguments.
fn both(args: &[&str]) -> Option<[Server; 2]> {
    let redis = Server::start_redis(args)?;
    Some([redis, Server::start(args)])
}

fn clients(servers: &[Server; 2]) -> [RawClient; 2] {
    servers.each_ref().map(Server::raw)
}

/// Sends to both.
fn call(clients: &mut [RawClient; 2], command: &str) -> [Value; 2] {
    clients.each_mut().map(|client| client.call(command))
}

/// Fields of INFO that ours has and Redis 7.0 has not, and why.
const MORE: [(&str, &str, &str); 3] = [
    (
        "Server",
        "corewire_version",
        "`redis_version` says whom it stands for",
    ),
    (
        "Persistence",
        "aof_fsyncs",
        "how well group commit works is seen nowhere else",
    ),
    (
        "Stats",
        "expired_subkeys",
        "fields of hashes expire since Redis 7.4",
    ),
];

/// Sections whose lines stand in the order of a hash table in Redis.
const UNORDERED: [&str; 2] = ["Commandstats", "Latencystats"];

/// Sections in their order, each with the names of its fields in theirs.
fn sections(info: &str) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in info.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            sections.push((name.to_owned(), Vec::new()));
        } else if let Some((field, _)) = line.split_once(':') {
            let (name, fields) = sections.last_mut().expect("a section before its fields");
            if !is_more(name, field) {
                fields.push(field.to_owned());
            }
        }
    }
    for (name, fields) in &mut sections {
        if UNORDERED.contains(&name.as_str()) {
            fields.sort();
        }
    }
    sections
}

fn is_more(section: &str, field: &str) -> bool {
    MORE.iter()
        .any(|(of, name, _)| (*of, *name) == (section, field))
}

/// Compares sections and fields of INFO.
fn same_info(clients: &mut [RawClient; 2], state: &str, which: &str) {
    let infos = call(clients, &format!("INFO {which}"));
    let [theirs, ours] = infos.map(|info| sections(&info.text()));
    let names = |all: &[(String, Vec<String>)]| all.iter().map(|s| s.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs), "INFO {which}, {state}");
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(ours, theirs, "INFO {which}, {state}");
    }
}

/// R12.
#[test]
fn info_has_the_sections_and_fields_that_redis_has() {
    let Some(servers) = both(&[]) else { return };
    let mut clients = clients(&servers);
    // One of them may have been asked while it was loading.
    call(&mut clients, "CONFIG RESETSTAT");
    for command in ["SET k v", "SET e v EX 100", "LPUSH k v", "GET k", "NOSUCH"] {
        call(&mut clients, command);
    }
    for which in [
        "",
        "all",
        "everything",
        "default",
        "SERVER clients",
        "nosuch",
        "keyspace keyspace",
        "modules",
        "commandstats latencystats errorstats",
        "cpu modules nosuch all",
    ] {
        same_info(&mut clients, "with a few keys", which);
    }
    let texts =
        call(&mut clients, "INFO keyspace errorstats").map(|info| digits_as_n(&info.text()));
    assert_eq!(texts[1], texts[0]);
    for client in &mut clients {
        client.call("HELLO 3");
        let reply = client.call("INFO server");
        assert!(matches!(reply, Value::Blob('=', _)), "{reply:?}");
    }
}

/// R12, V: what a server is, is told by further fields.
#[test]
fn info_has_the_fields_that_redis_has_for_its_state() {
    let Some(servers) = both(&["--appendonly", "yes", "--maxmemory", "1gb"]) else {
        return;
    };
    let mut clients = clients(&servers);
    // One of them may have been asked while it was loading.
    call(&mut clients, "CONFIG RESETSTAT");
    same_info(&mut clients, "with an append-only file", "everything");
    call(
        &mut clients,
        "CONFIG SET appendonly no maxmemory-policy allkeys-lfu",
    );
    same_info(&mut clients, "after one", "everything");
    let Some(replicas) = both(&[]) else { return };
    for (replica, server) in replicas.iter().zip(&servers) {
        let port = server.port().to_string();
        assert_eq!(replica.cli(&["REPLICAOF", "127.0.0.1", &port]), "OK");
    }
    for replica in &replicas {
        wait_until("in step", || replica.info("master_link_status") == "up");
    }
    same_info(&mut clients, "with a replica", "everything");
    let mut of_replicas = replicas.each_ref().map(Server::raw);
    call(&mut of_replicas, "CONFIG RESETSTAT");
    same_info(&mut of_replicas, "as a replica", "everything");
    let closed = free_port().to_string();
    for replica in &replicas {
        replica.cli(&["REPLICAOF", "127.0.0.1", &closed]);
    }
    for replica in &replicas {
        wait_until("alone", || {
            !replica.info("master_link_down_since_seconds").is_empty()
        });
    }
    same_info(&mut of_replicas, "without its primary", "everything");
    call(&mut of_replicas, "REPLICAOF NO ONE");
    same_info(&mut of_replicas, "as a primary again", "everything");
}

/// A text with an `N` for each number.
fn digits_as_n(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            c => out.push(c),
        }
    }
    out
}

/// A reply with an `N` for each number, also in its texts.
fn shape(value: &Value) -> String {
    match value {
        Value::Integer(_) => "N".to_owned(),
        Value::Array(all) => format!("[{}]", shapes(all)),
        Value::Aggregate(kind, all) => format!("{kind}[{}]", shapes(all)),
        Value::Blob(kind, text) => format!("{kind}{}", digits_as_n(&String::from_utf8_lossy(text))),
        Value::Null => "null".to_owned(),
        other => format!("{:?}", digits_as_n(&other.text())),
    }
}

fn shapes(all: &[Value]) -> String {
    all.iter().map(shape).collect::<Vec<_>>().join(" ")
}

/// R20.
#[test]
fn latency_answers_in_the_shapes_that_redis_has() {
    let Some(servers) = both(&["--enable-debug-command", "yes"]) else {
        return;
    };
    let mut clients = clients(&servers);
    for protocol in ["HELLO 2", "HELLO 3"] {
        call(&mut clients, protocol);
        for command in [
            "CONFIG SET latency-monitor-threshold 10",
            "LATENCY RESET",
            "LATENCY LATEST",
            "LATENCY HISTORY command",
            "LATENCY GRAPH command",
            "LATENCY HISTORY",
            "LATENCY GRAPH",
            "LATENCY GRAPH a b",
            "LATENCY LATEST x",
            "LATENCY NOSUCH",
            "LATENCY",
            "DEBUG SLEEP 0.02",
            "LATENCY LATEST",
            "LATENCY HISTORY command",
            "LATENCY HISTORY COMMAND",
            "LATENCY HISTORY nosuch",
            "LATENCY RESET nosuch",
            "LATENCY RESET command nosuch command",
            "LATENCY LATEST",
            "CONFIG RESETSTAT",
            "SET k v",
            "LATENCY HISTOGRAM nosuch",
            "LATENCY HISTOGRAM set",
            "LATENCY HISTOGRAM SET nosuch config|resetstat",
            "LATENCY HISTOGRAM config",
            "SLOWLOG GET x",
            "SLOWLOG GET -2",
            "SLOWLOG LEN x",
            "SLOWLOG RESET",
        ] {
            let [theirs, ours] = call(&mut clients, command).map(|reply| shape(&reply));
            assert_eq!(ours, theirs, "{command} after {protocol}");
        }
        names_the_same_subcommands(&mut clients);
    }
}

/// The lines of HELP that are not indented name subcommands.
fn names_the_same_subcommands(clients: &mut [RawClient; 2]) {
    for container in ["LATENCY", "SLOWLOG", "MEMORY", "CLIENT", "CONFIG", "OBJECT"] {
        let helps = call(clients, &format!("{container} HELP"));
        let names = helps.map(|help| {
            let lines = help.elements().iter().skip(1).map(Value::text);
            let names = lines.filter(|line| !line.starts_with(' '));
            let words = names.map(|line| line.split(' ').next().unwrap_or_default().to_owned());
            let mut words: Vec<String> = words.collect();
            words.sort();
            words
        });
        let missing: Vec<_> = names[0].iter().filter(|n| !names[1].contains(n)).collect();
        assert!(missing.is_empty(), "{container} HELP has no {missing:?}");
    }
}

/// R20: the drawing and the report tell the same of the same spikes.
#[test]
fn latency_graph_and_doctor_tell_what_redis_tells() {
    let Some(servers) = both(&["--enable-debug-command", "yes"]) else {
        return;
    };
    let mut clients = clients(&servers);
    let is_off = |report: &Value| {
        report
            .text()
            .contains("CONFIG SET latency-monitor-threshold")
    };
    assert!(call(&mut clients, "LATENCY DOCTOR").iter().all(is_off));
    call(&mut clients, "CONFIG SET latency-monitor-threshold 10");
    let none = call(&mut clients, "LATENCY DOCTOR").map(|report| report.text());
    assert!(
        none.iter().all(|text| text.contains("o latency spike was")),
        "{none:?}"
    );
    call(&mut clients, "DEBUG SLEEP 0.05");
    let [theirs, ours] = call(&mut clients, "LATENCY GRAPH command").map(|graph| graph.text());
    let [theirs, ours] = [theirs, ours].map(|graph| {
        let lines = graph.lines().map(digits_as_n);
        lines.take(6).collect::<Vec<_>>()
    });
    assert_eq!(ours, theirs);
    let reports = call(&mut clients, "LATENCY DOCTOR").map(|report| report.text());
    for report in reports {
        let line = report
            .lines()
            .find(|line| line.starts_with("1. command: 1 "));
        let line = digits_as_n(line.unwrap_or_else(|| panic!("no spike in {report}")));
        let figures = "spikes (average Nms, mean deviation Nms, period N.N sec). Worst ";
        assert!(line.contains(figures), "{line}");
        assert!(
            report.lines().any(|line| line.starts_with("- ")),
            "{report}"
        );
    }
}

/// The fields of a client's line in CLIENT LIST.
fn fields(observer: &mut RawClient, name: &str) -> BTreeMap<String, String> {
    let list = observer.call("CLIENT LIST").text();
    let mark = format!(" name={name} ");
    let line = list.lines().find(|line| line.contains(&mark));
    let words = line.unwrap_or_default().split(' ');
    let pairs = words.filter_map(|word| word.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Numbers of a client's line.
fn figures<const N: usize>(observer: &mut RawClient, name: &str, which: [&str; N]) -> [u64; N] {
    let fields = fields(observer, name);
    which.map(|field| {
        let number = fields
            .get(field)
            .map_or(0, |n| n.parse::<i64>().expect("a number"));
        // `multi` is -1 outside of a transaction.
        number.max(0).unsigned_abs()
    })
}

/// R13: in both servers, and for each way in which output piles up.
#[test]
fn client_list_tells_how_much_a_client_does_not_read() {
    let Some(servers) = both(&[]) else { return };
    for (server, is_ours) in servers.iter().zip([false, true]) {
        let mut observer = server.raw();
        observer.call_args(&["SET", "large", &"x".repeat(1_000_000)]);
        observer.call_args(&["SET", "small", &"x".repeat(1000)]);
        for (name, command, count, each) in [
            ("of-large", "GET large\r\n", 12, 1_000_012),
            ("of-small", "GET small\r\n", 10_000, 1009),
        ] {
            let mut deaf = server.raw();
            deaf.call(&format!("CLIENT SETNAME {name}"));
            deaf.send(command.repeat(count).as_bytes());
            let mut last = Vec::new();
            wait_until("all is executed or waits", || {
                let now = figures(
                    &mut observer,
                    name,
                    ["oll", "omem", "tot-mem", "obl", "qbuf"],
                );
                let is_quiet = now[0] > 0 && last == now;
                last = now.to_vec();
                std::thread::sleep(Duration::from_millis(50));
                is_quiet
            });
            let &[list, memory, total, fixed, waiting] = &last[..] else {
                unreachable!()
            };
            let told = format!("ours: {is_ours}, {name}: {last:?}");
            // What the socket has taken is not here; at least half is.
            let all = count as u64 * each;
            assert!((all / 4..all * 3 / 2).contains(&memory), "{told}");
            assert!(total >= memory && total < memory + 300_000, "{told}");
            assert_eq!((fixed, waiting), (0, 0), "{told}");
            // Large replies are chunks of their own, small ones share them.
            let expected = if name == "of-large" { 3..=13 } else { 5..=800 };
            assert!(expected.contains(&list), "{told}");
            assert_eq!(fields(&mut observer, name)["events"], "rw");
            (0..count).for_each(|_| drop(deaf.read()));
            wait_until("nothing is left", || {
                figures(&mut observer, name, ["oll", "omem", "obl"]) == [0, 0, 0]
            });
            assert_eq!(fields(&mut observer, name)["events"], "r");
        }
    }
}

/// R13: the parts of a request that is not whole, of one that waits, of a transaction.
#[test]
fn client_list_tells_what_of_a_request_has_come() {
    let Some(servers) = both(&[]) else { return };
    for server in &servers {
        let mut observer = server.raw();
        let mut check = |name: &str, bytes: &[u8], field: &str, expected: u64| {
            let mut client = server.raw();
            client.call(&format!("CLIENT SETNAME {name}"));
            client.send(bytes);
            wait_until(&format!("{name}: {field}={expected}"), || {
                figures(&mut observer, name, [field]) == [expected]
            });
            let [total, waiting, args, queued] = figures(
                &mut observer,
                name,
                ["tot-mem", "qbuf", "argv-mem", "multi-mem"],
            );
            assert!(total >= waiting + args + queued, "{name}");
        };
        let mut large = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n".to_vec();
        large.resize(large.len() + 100_000, b'x');
        check("large", &large, "qbuf", 100_000);
        check(
            "whole-args",
            b"*3\r\n$3\r\nSET\r\n$5\r\nabcde\r\n",
            "argv-mem",
            8,
        );
        check("blocked", b"BLPOP nokey 0\r\n", "argv-mem", 11);
        check("transaction", b"MULTI\r\nSET a b\r\nGET c\r\n", "multi", 2);
        // A fresh client's buffer, then that which a large request has left behind.
        let mut client = server.raw();
        client.call("CLIENT SETNAME reader");
        let room = |observer: &mut RawClient| figures(observer, "reader", ["qbuf-free"])[0];
        assert!((16_384..32_768).contains(&room(&mut observer)));
        client.call_args(&["SET", "x", &"x".repeat(400_000)]);
        assert!(room(&mut observer) > 32_768);
        wait_until("a lower peak counts", || {
            client.call("SET x y");
            (1..200_000).contains(&room(&mut observer))
        });
    }
}

/// R13: the names of the fields, in order. Redis 8 has more of them.
#[test]
fn client_list_has_the_fields_of_redis_in_its_order() {
    let Some(servers) = both(&[]) else { return };
    let mut clients = clients(&servers);
    let names = call(&mut clients, "CLIENT INFO").map(|line| {
        let line = line.text();
        let words = line
            .split_whitespace()
            .filter_map(|word| word.split_once('='));
        words.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    });
    let [theirs, mut ours] = names;
    ours.retain(|name| theirs.contains(name));
    assert_eq!(ours, theirs);
}

/// What a mode of redis-cli is given to end, or to show what it shows.
const TOOL: Duration = Duration::from_secs(30);

/// What `redis-cli ARGS` prints; stopped after so many lines, if it does not stop by itself.
fn tool(server: &Server, args: &[&str], lines: usize) -> String {
    let mut tool = RunningCli::start(server, args);
    let start = Instant::now();
    while tool.child.try_wait().expect("wait").is_none() && tool.printed().lines().count() < lines {
        if start.elapsed() > TOOL {
            panic!("{args:?} takes more than {TOOL:?}: {}", tool.end());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    tool.end()
}

/// Both with the same keys, one of each type large.
fn with_keys(args: &[&str]) -> Option<[Server; 2]> {
    let servers = both(args)?;
    let mut clients = clients(&servers);
    let pairs: String = (0..200).map(|i| format!(" {i} m:{i}")).collect();
    for command in [
        "RPUSH list",
        "SADD set",
        "ZADD zset",
        "HSET hash",
        "XADD stream *",
    ] {
        call(&mut clients, &format!("{command}{pairs}"));
    }
    for i in 0..100 {
        call(&mut clients, &format!("SET user:{i} v"));
    }
    call(&mut clients, &format!("SET large {}", "x".repeat(100_000)));
    Some(servers)
}

/// Lines that are the same whatever the order of keys: the summary, without what samples say.
fn summary(printed: &str) -> Vec<String> {
    let at = printed
        .find("-------- summary")
        .unwrap_or_else(|| panic!("{printed}"));
    let lines = printed[at..]
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect()
}

/// S1.
#[test]
fn bigkeys_prints_the_summary_that_redis_gets() {
    let Some(servers) = with_keys(&[]) else {
        return;
    };
    let [theirs, ours] = servers
        .each_ref()
        .map(|s| summary(&tool(s, &["--bigkeys"], usize::MAX)));
    assert_eq!(ours, theirs);
    assert!(ours.contains(&"Sampled 106 keys in the keyspace!".to_owned()));
}

/// S2: what keys take differs, which are the largest does not.
#[test]
fn memkeys_prints_the_summary_that_redis_gets() {
    let Some(servers) = with_keys(&[]) else {
        return;
    };
    let args = ["--memkeys", "--memkeys-samples", "0"];
    let [theirs, ours] = servers.each_ref().map(|server| {
        let lines = summary(&tool(server, &args, usize::MAX));
        let lines = lines.iter().map(|line| match line.split_once(" has ") {
            Some((largest, _)) => largest.to_owned(),
            // Totals, in bytes.
            None => digits_as_n(line),
        });
        lines.collect::<Vec<_>>()
    });
    assert_eq!(ours, theirs);
}

/// S3.
#[test]
fn hotkeys_prints_what_redis_gets() {
    let Some(servers) = with_keys(&[]) else {
        return;
    };
    let refusals = servers
        .each_ref()
        .map(|s| tool(s, &["--hotkeys"], usize::MAX));
    assert!(
        refusals[0].contains("LFU") && refusals[1] == refusals[0],
        "{refusals:?}"
    );
    let mut clients = clients(&servers);
    call(
        &mut clients,
        "CONFIG SET maxmemory-policy allkeys-lfu lfu-log-factor 0",
    );
    for _ in 0..100 {
        call(&mut clients, "GET user:7");
        call(&mut clients, "LLEN list");
    }
    for _ in 0..40 {
        call(&mut clients, "SET user:8 v");
    }
    for server in &servers {
        let printed = tool(server, &["--hotkeys"], usize::MAX);
        let found = printed
            .lines()
            .filter(|line| line.starts_with("hot key found with counter"));
        let names: Vec<&str> = found
            .filter_map(|line| line.split("keyname: ").nth(1))
            .collect();
        let mut first: Vec<&str> = names.iter().take(3).copied().collect();
        first[..2].sort_unstable();
        assert_eq!(first, ["\"list\"", "\"user:7\"", "\"user:8\""], "{printed}");
        assert_eq!(names.len(), 3, "{printed}");
    }
}

/// S4.
#[test]
fn scan_prints_the_keys_that_redis_gets() {
    let Some(servers) = with_keys(&[]) else {
        return;
    };
    for args in [
        &["--scan"][..],
        &["--scan", "--pattern", "user:*"],
        &["--scan", "--count", "7"],
        &["--scan", "--type", "string"],
        &["--scan", "--type", "hash", "--pattern", "h*"],
        &["--scan", "--pattern", "nothing"],
    ] {
        let [theirs, ours] = servers.each_ref().map(|server| {
            let printed = tool(server, args, usize::MAX);
            let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
            lines.sort();
            lines.dedup();
            lines
        });
        assert_eq!(ours, theirs, "{args:?}");
    }
}

/// S4: the columns, and what stands in them.
#[test]
fn stat_prints_the_columns_that_redis_gets() {
    let Some(servers) = with_keys(&[]) else {
        return;
    };
    let printed = servers
        .each_ref()
        .map(|s| tool(s, &["--stat", "-i", "0.1"], 5));
    let heads = printed
        .each_ref()
        .map(|p| p.lines().take(2).collect::<Vec<_>>());
    assert_eq!(heads[1], heads[0]);
    for printed in &printed {
        let line = printed.lines().nth(3).unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        // Keys, memory, clients, blocked, requests and those since, connections.
        assert_eq!((words.len(), words[0]), (7, "106"), "{printed}");
        assert!(
            words[1].ends_with(['M', 'K']) && words[5].starts_with("(+"),
            "{printed}"
        );
        assert_eq!(words[3], "0", "{printed}");
    }
}

/// S4.
#[test]
fn latency_modes_print_figures() {
    let Some(servers) = both(&[]) else { return };
    for server in &servers {
        let once = tool(server, &["--latency", "-i", "0.2"], usize::MAX);
        let figures: Vec<f64> = once.split_whitespace().flat_map(str::parse).collect();
        let [least, most, average, samples] = figures[..] else {
            panic!("{once}")
        };
        assert!(
            least <= average && average <= most && samples >= 1.0,
            "{once}"
        );
        let history = tool(server, &["--latency-history", "-i", "0.2", "--csv"], 2);
        let line = history.lines().next().unwrap_or_default();
        assert_eq!(
            line.split(',').flat_map(str::parse::<f64>).count(),
            4,
            "{history}"
        );
        let distribution = tool(server, &["--latency-dist", "-i", "0.2"], 4);
        assert!(distribution.contains("From 0 to 100%"), "{distribution}");
    }
}
