//! What operators look at: MONITOR, SLOWLOG, LATENCY, INFO's statistics, OBJECT, HOTKEYS.
//!
//! Ids (R6 and so on) are those of the list of behaviours that the project serves. Texts and counts
//! are compared with what Redis 7.0 gives.

use std::collections::BTreeMap;

use super::support::{RawClient, Value, is_corewire, start, wait_until};

/// The commands that a monitor shows, up to a last `ECHO end`.
fn shown(monitor: &mut RawClient) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = monitor.read().text();
        let (_, command) = line.split_once("] ").expect("a source");
        if command == r#""ECHO" "end""# {
            return lines;
        }
        lines.push(command.to_owned());
    }
}

/// R17.
#[test]
fn monitor_shows_every_command_but_secrets() {
    let (server, mut client) = start(&[]);
    let mut monitor = server.raw();
    assert_eq!(monitor.call("MONITOR"), Value::ok());
    client.call_args(&["SET", "k", "a \"b\"\n\u{1}"]);
    client.call("AUTH default secret");
    client.call("HELLO 3 AUTH default secret SETNAME me");
    client.call("HELLO 2");
    client.send(b"MULTI\r\nINCR n\r\nEXEC\r\nNOSUCH x\r\nGET\r\nSELECT 3\r\nECHO end\r\n");
    let mut expected = vec![
        r#""SET" "k" "a \"b\"\n\x01""#,
        r#""AUTH" "(redacted)" "(redacted)""#,
        r#""HELLO" "3" "AUTH" "(redacted)" "(redacted)" "SETNAME" "me""#,
        r#""HELLO" "2""#,
    ];
    expected.extend([
        r#""MULTI""#,
        r#""INCR" "n""#,
        r#""EXEC""#,
        r#""SELECT" "3""#,
    ]);
    assert_eq!(shown(&mut monitor), expected);
    let list = server.raw().call("CLIENT LIST").text();
    assert!(
        list.contains(" flags=O ") && list.contains("cmd=monitor"),
        "{list}"
    );
    assert_eq!(monitor.call("RESET"), Value::simple("RESET"));
    client.call("PING");
    assert_eq!(monitor.call("PING"), Value::simple("PONG"));
}

/// R17: the database and the address stand before each command.
#[test]
fn monitor_names_database_and_client() {
    let (server, mut client) = start(&[]);
    let mut monitor = server.raw();
    monitor.call("MONITOR");
    client.call("SELECT 9");
    client.call("GET k");
    monitor.read();
    let line = monitor.read().text();
    let info = client.call("CLIENT INFO").text();
    let address = info.split(' ').find_map(|word| word.strip_prefix("addr="));
    let source = format!("[9 {}]", address.expect("an address"));
    assert!(line.ends_with(&format!("{source} \"GET\" \"k\"")), "{line}");
    let (seconds, micros) = line
        .split(' ')
        .next()
        .and_then(|t| t.split_once('.'))
        .expect("time");
    assert!(
        seconds.parse::<u64>().is_ok() && micros.len() == 6,
        "{line}"
    );
}

/// R16.
#[test]
fn the_slow_log_keeps_the_latest_commands_short_and_without_secrets() {
    let (_server, mut client) = start(&["--slowlog-log-slower-than", "0"]);
    client.call("CLIENT SETNAME me");
    client.call("SLOWLOG RESET");
    let many: Vec<String> = (0..40).map(|i| i.to_string()).collect();
    let mut sadd = vec!["SADD", "s"];
    sadd.extend(many.iter().map(String::as_str));
    client.call_args(&sadd);
    client.call_args(&["SET", "long", &"x".repeat(200)]);
    client.call("HELLO 2 AUTH default secret");
    client.call_args(&["CONFIG", "SET", "requirepass", ""]);
    client.call("GET");
    client.call("MULTI");
    client.call("GET k");
    client.call("EXEC");
    client.call("CONFIG SET slowlog-log-slower-than -1");
    let log = client.call("SLOWLOG GET -1");
    let commands: Vec<Vec<String>> = log
        .elements()
        .iter()
        .map(|entry| {
            entry.elements()[3]
                .elements()
                .iter()
                .map(Value::text)
                .collect()
        })
        .collect();
    let words = |command: &str| command.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        commands[..5],
        [
            words("GET k"),
            words("MULTI"),
            words("CONFIG SET requirepass (redacted)"),
            words("HELLO 2 AUTH (redacted) (redacted)"),
            vec![
                "SET".to_owned(),
                "long".to_owned(),
                format!("{}... (72 more bytes)", "x".repeat(128))
            ],
        ]
    );
    let sadd = &commands[5];
    assert_eq!(
        (sadd.len(), sadd[31].as_str()),
        (32, "... (11 more arguments)")
    );
    let latest = log.elements()[0].elements();
    assert!(latest[0].number() > 0 && latest[1].number() > 1_600_000_000);
    assert!(latest[4].text().starts_with("127.0.0.1:"));
    assert_eq!(latest[5], Value::bulk("me"));
    let len = client.call("SLOWLOG LEN").number();
    assert_eq!(len, log.elements().len() as i64);
    assert_eq!(client.call("SLOWLOG GET 2").elements().len(), 2);
    client.call("CONFIG SET slowlog-max-len 3 slowlog-log-slower-than 0");
    client.call("PING");
    assert_eq!(client.call("SLOWLOG LEN"), Value::Integer(3));
}

/// R20.
#[test]
fn latency_spikes_are_recorded_and_told() {
    let (_server, mut client) = start(&["--enable-debug-command", "yes"]);
    let off = client.call("LATENCY DOCTOR").text();
    assert!(off.contains("latency-monitor-threshold"), "{off}");
    client.call("CONFIG SET latency-monitor-threshold 20");
    client.call("DEBUG SLEEP 0.03");
    client.call("DEBUG SLEEP 0.05");
    let latest = client.call("LATENCY LATEST");
    let [event] = latest.elements() else {
        panic!("{latest:?}")
    };
    let event = event.elements();
    assert_eq!(event[0], Value::bulk("command"));
    assert!((50..5000).contains(&event[3].number()), "{event:?}");
    let history = client.call("LATENCY HISTORY command");
    assert!((1..=2).contains(&history.elements().len()));
    let graph = client.call("LATENCY GRAPH command").text();
    assert!(graph.starts_with("command - high "), "{graph}");
    assert!(graph.contains(&"-".repeat(80)), "{graph}");
    assert!(client.call("LATENCY DOCTOR").text().contains("command"));
    assert_eq!(
        client.call("LATENCY GRAPH none"),
        Value::error("ERR No samples available for event 'none'")
    );
    assert_eq!(client.call("LATENCY RESET none command"), Value::Integer(1));
    assert_eq!(client.call("LATENCY LATEST"), Value::Array(vec![]));
}

/// R20.
#[test]
fn latency_histograms_count_calls_by_command() {
    let (_server, mut client) = start(&[]);
    client.call("CONFIG RESETSTAT");
    client.call("SET k v");
    client.call("SET k v");
    client.call("CONFIG GET none");
    let histogram = client.call("LATENCY HISTOGRAM set config|get nosuch");
    let pairs: BTreeMap<String, &Value> = histogram
        .elements()
        .chunks(2)
        .map(|pair| (pair[0].text(), &pair[1]))
        .collect();
    assert_eq!(pairs.keys().collect::<Vec<_>>(), ["config|get", "set"]);
    let set = pairs["set"].elements();
    assert_eq!(set[..2], [Value::bulk("calls"), Value::Integer(2)]);
    let steps = set[3].elements();
    assert_eq!(steps.last(), Some(&Value::Integer(2)));
    // The reset is counted as well.
    assert_eq!(client.call("LATENCY HISTOGRAM config").elements().len(), 4);
    client.call("CONFIG RESETSTAT");
    assert_eq!(client.call("LATENCY HISTOGRAM set"), Value::Array(vec![]));
}

/// The lines of a section of INFO that start so.
fn lines(client: &mut RawClient, section: &str, start: &str) -> Vec<String> {
    let text = client.call(&format!("INFO {section}")).text();
    let found = text.lines().filter(|line| line.starts_with(start));
    found.map(str::to_owned).collect()
}

/// R14.
#[test]
fn calls_refusals_and_failures_are_counted_by_command_and_error() {
    let (_server, mut client) = start(&[]);
    client.call("CONFIG RESETSTAT");
    client.call("SET k v");
    client.call("LPUSH k v");
    client.call("LPUSH k");
    client.call("NOSUCH");
    client.call("XGROUP CREATE none g 0");
    client.call("MULTI");
    client.call("LPUSH k v");
    client.call("EXEC");
    client.call("MULTI");
    client.call("LPUSH");
    client.call("EXEC");
    let stat = |client: &mut RawClient, name: &str| {
        let line = lines(client, "commandstats", &format!("cmdstat_{name}:"));
        let line = line.first().cloned().unwrap_or_default();
        let number = |field: &str| {
            let word = line
                .split([':', ','])
                .find_map(|word| word.strip_prefix(field));
            word.and_then(|n| n.strip_prefix('=')?.parse::<u64>().ok())
        };
        ["calls", "rejected_calls", "failed_calls"].map(|field| number(field).unwrap_or(99))
    };
    assert_eq!(stat(&mut client, "set"), [1, 0, 0]);
    assert_eq!(stat(&mut client, "lpush"), [2, 2, 2]);
    assert_eq!(stat(&mut client, "xgroup|create"), [1, 0, 1]);
    let errors = lines(&mut client, "errorstats", "errorstat_");
    assert_eq!(
        errors,
        [
            "errorstat_ERR:count=4",
            "errorstat_EXECABORT:count=1",
            "errorstat_WRONGTYPE:count=2"
        ]
    );
    let total = lines(&mut client, "stats", "total_error_replies:");
    assert_eq!(total, ["total_error_replies:7"]);
    let latencies = lines(&mut client, "latencystats", "latency_percentiles_usec_set:");
    assert!(latencies[0].contains("p50=") && latencies[0].contains(",p99.9="));
    client.call_args(&[
        "CONFIG",
        "SET",
        "latency-tracking-info-percentiles",
        "10 100",
    ]);
    let latencies = lines(&mut client, "latencystats", "latency_percentiles_usec_set:");
    let fields: Vec<&str> = latencies[0].split([':', ',']).skip(1).collect();
    assert!(fields[0].starts_with("p10=") && fields[1].starts_with("p100="));
    assert_eq!(fields.len(), 2);
}

/// R6.
#[test]
fn access_frequency_rises_with_reads_under_lfu_only() {
    let (_server, mut client) = start(&[]);
    client.call("SET hot some-text");
    let refused = client.call("OBJECT FREQ hot").text();
    assert!(
        refused.starts_with("ERR An LFU maxmemory policy is not selected, access frequency not"),
        "{refused}"
    );
    assert_eq!(client.call("OBJECT IDLETIME hot"), Value::Integer(0));
    client.call("CONFIG SET maxmemory-policy allkeys-lfu lfu-log-factor 0");
    client.call("DEL hot");
    client.call("SET hot some-text");
    let before = client.call("OBJECT FREQ hot").number();
    assert_eq!(before, 5);
    (0..20).for_each(|_| drop(client.call("GET hot")));
    assert_eq!(client.call("OBJECT FREQ hot"), Value::Integer(before + 20));
    assert_eq!(client.call("OBJECT FREQ absent"), Value::Null);
    let refused = client.call("OBJECT IDLETIME hot").text();
    assert!(
        refused.starts_with("ERR An LFU maxmemory policy is selected, idle time not tracked."),
        "{refused}"
    );
}

/// The value of a field in a flat map.
fn field<'a>(map: &'a [Value], name: &str) -> Option<&'a Value> {
    let mut pairs = map.chunks(2);
    pairs
        .find(|pair| pair[0].text() == name)
        .map(|pair| &pair[1])
}

#[test]
fn hotkeys_names_the_busiest_keys() {
    if !is_corewire() {
        return;
    }
    let (_server, mut client) = start(&[]);
    assert_eq!(client.call("HOTKEYS GET"), Value::Null);
    assert_eq!(
        client.call("HOTKEYS START METRICS 2 CPU NET COUNT 3"),
        Value::ok()
    );
    client.call_args(&["SET", "large", &"x".repeat(10_000)]);
    (0..200).for_each(|_| drop(client.call("INCR busy")));
    (0..50).for_each(|i| drop(client.call(&format!("SET light:{i} v"))));
    client.call("MULTI");
    client.call("INCR busy");
    client.call("EXEC");
    assert_eq!(client.call("HOTKEYS STOP"), Value::ok());
    client.call("SET late v");
    let reply = client.call("HOTKEYS GET");
    let report = reply.elements()[0].elements();
    assert_eq!(field(report, "tracking-active"), Some(&Value::Integer(0)));
    assert_eq!(field(report, "sample-ratio"), Some(&Value::Integer(1)));
    let by_net = field(report, "by-net-bytes").expect("asked for").elements();
    assert_eq!(by_net.len(), 6);
    assert_eq!(by_net[0], Value::bulk("large"));
    // *3 $3 SET $5 large $5 10000 x, +OK.
    assert_eq!(by_net[1], Value::Integer(10_039));
    assert_eq!(by_net[2], Value::bulk("busy"));
    let by_cpu = field(report, "by-cpu-time-us")
        .expect("asked for")
        .elements();
    assert!(by_cpu.contains(&Value::bulk("busy")), "{by_cpu:?}");
    assert!(field(report, "total-cpu-time-user-ms").is_some());
    client.call("HELLO 3");
    let reply = client.call("HOTKEYS GET");
    assert!(matches!(reply.elements()[0], Value::Aggregate('%', _)));
    assert_eq!(client.call("HOTKEYS RESET"), Value::ok());
    assert_eq!(client.call("HOTKEYS GET"), Value::Null);
}

#[test]
fn hotkeys_refuses_what_makes_no_sense() {
    if !is_corewire() {
        return;
    }
    let (_server, mut client) = start(&[]);
    for (command, error) in [
        ("START", "METRICS parameter is required"),
        ("START METRICS 0", "METRICS count must be > 0 and <= 2"),
        (
            "START METRICS 3 CPU NET",
            "METRICS count must be > 0 and <= 2",
        ),
        (
            "START METRICS 2 CPU",
            "METRICS count does not match number of metric types provided",
        ),
        ("START METRICS 1 CPU NET", "syntax error"),
        (
            "START METRICS 2 GPU NYET",
            "METRICS no valid metrics passed. Supported: CPU|NET",
        ),
        (
            "START METRICS 2 CPU CPU",
            "METRICS CPU defined more than once!",
        ),
        (
            "START METRICS 1 CPU COUNT 100",
            "COUNT must be between 1 and 64",
        ),
        (
            "START METRICS 1 CPU SAMPLE 0",
            "SAMPLE ratio must be positive",
        ),
        (
            "START METRICS 1 CPU SLOTS 2 0 5",
            "SLOTS parameter cannot be used in non-cluster mode",
        ),
    ] {
        let refused = client.call(&format!("HOTKEYS {command}"));
        assert_eq!(refused, Value::error(&format!("ERR {error}")), "{command}");
    }
    assert_eq!(
        client.call("HOTKEYS START METRICS 2 GPU CPU DURATION 1"),
        Value::ok()
    );
    let again = client.call("HOTKEYS START METRICS 1 NET");
    let in_progress = "ERR hotkey tracking session already in progress";
    assert_eq!(again, Value::error(in_progress));
    wait_until("the session ends by itself", || {
        let reply = client.call("HOTKEYS GET");
        field(reply.elements()[0].elements(), "tracking-active") == Some(&Value::Integer(0))
    });
    assert_eq!(client.call("HOTKEYS RESET"), Value::ok());
}

#[test]
fn keysizes_are_counted_by_type_and_power_of_two() {
    if !is_corewire() {
        return;
    }
    let (_server, mut client) = start(&[]);
    client.call_args(&["SET", "empty", ""]);
    client.call("SET number 1234567");
    client.call_args(&["SET", "large", &"x".repeat(1 << 20)]);
    client.call("RPUSH list 1 2 3 4 5");
    client.call("SADD set 1");
    client.call("ZADD zset 1 a 2 b 3 c");
    client.call("HSET hash a 1 b 2");
    client.call("XADD stream * a b");
    client.call("SELECT 9");
    (0..300).for_each(|i| drop(client.call(&format!("SET k:{i} v"))));
    assert_eq!(
        client.call("INFO keysizes").text(),
        "# Keysizes\r\n\
         db0_distrib_strings_sizes:0=1,4=1,1M=1\r\n\
         db0_distrib_lists_items:4=1\r\n\
         db0_distrib_sets_items:1=1\r\n\
         db0_distrib_zsets_items:2=1\r\n\
         db0_distrib_hashes_items:2=1\r\n\
         db9_distrib_strings_sizes:1=300\r\n"
    );
    assert!(!client.call("INFO everything").text().contains("distrib"));
    let both = client.call("INFO keyspace keysizes").text();
    assert!(
        both.starts_with("# Keyspace") && both.contains("\r\n\r\n# Keysizes"),
        "{both}"
    );
}
