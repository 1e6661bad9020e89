//! The tools that come with Redis, run on strings.
//!
//! Section S of the list of behaviours that the project serves; the ids stand with the tests.

use std::process::{Command, Stdio};

use super::support::{RunningCli, Server, Value, wait_until};

fn with_strings() -> Server {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call_args(&["SET", "cache:big", &"x".repeat(5000)]);
    for i in 0..50 {
        client.call(&format!("SET cache:{i} v"));
        client.call(&format!("SET other:{i} v"));
    }
    server
}

/// S1.
#[test]
fn bigkeys_names_the_biggest() {
    let printed = with_strings().cli(&["--bigkeys"]);
    assert!(
        printed.contains("Sampled 101 keys in the keyspace!"),
        "{printed}"
    );
    assert!(
        printed.contains("Biggest string found '\"cache:big\"' has 5000 bytes"),
        "{printed}"
    );
}

/// S2.
#[test]
fn memkeys_names_the_largest() {
    let printed = with_strings().cli(&["--memkeys", "--pattern", "cache:*"]);
    assert!(printed.contains("-------- summary -------"), "{printed}");
    assert!(
        printed.contains("Biggest string found '\"cache:big\"' has "),
        "{printed}"
    );
}

/// S3.
#[test]
fn hotkeys_names_the_most_used() {
    let server = with_strings();
    let mut client = server.raw();
    assert!(
        server
            .cli(&["--hotkeys"])
            .contains("ERR An LFU maxmemory policy is not selected")
    );
    let set = client.call("CONFIG SET maxmemory-policy allkeys-lfu");
    assert_eq!(set, Value::simple("OK"));
    client.call("SET hot v");
    (0..1000).for_each(|_| drop(client.call("GET hot")));
    let printed = server.cli(&["--hotkeys"]);
    let summary = printed.split("summary").nth(1).unwrap_or_default();
    let first = summary.lines().find(|line| line.contains("hot key found"));
    assert!(
        first.is_some_and(|line| line.ends_with("keyname: \"hot\"")),
        "{printed}"
    );
}

/// S1, S2: every type has its biggest key.
#[test]
fn the_biggest_key_of_every_type_is_named() {
    let server = with_strings();
    let mut client = server.raw();
    for (key, push) in [
        ("list", "RPUSH list"),
        ("set", "SADD set"),
        ("zset", "ZADD zset"),
        ("hash", "HSET hash"),
        ("stream", "XADD stream *"),
    ] {
        let pairs: String = (0..10).map(|i| format!(" {i} member:{i}")).collect();
        client.call(&format!("{push}{pairs}"));
        let small = push.replacen(key, &format!("small-{key}"), 1);
        client.call(&format!("{small} 1 m"));
    }
    let printed = server.cli(&["--bigkeys"]);
    for found in [
        r#"list found '"list"' has 20 items"#,
        r#"set found '"set"' has 20 members"#,
        r#"zset found '"zset"' has 10 members"#,
        r#"hash found '"hash"' has 10 fields"#,
        r#"string found '"cache:big"' has 5000 bytes"#,
        "2 streams with 2 entries",
    ] {
        let is_there = printed.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.join(" ").contains(found)
        });
        assert!(is_there, "{found} in\n{printed}");
    }
    let printed = server.cli(&["--memkeys", "--memkeys-samples", "0"]);
    assert!(
        printed.contains("Sampled 111 keys in the keyspace!"),
        "{printed}"
    );
    for key in ["list", "set", "zset", "hash"] {
        assert!(
            printed.contains(&format!("'\"{key}\"' has ")),
            "{key} in\n{printed}"
        );
    }
}

/// What a tool prints that runs until it is stopped: at least three lines.
fn runs_on(server: &Server, args: &[&str]) -> String {
    let mut tool = RunningCli::start(server, args);
    wait_until("three lines", || tool.printed().lines().count() >= 3);
    let ended = tool.child.try_wait().expect("wait");
    assert_eq!(ended, None, "{}", tool.printed());
    tool.end()
}

/// S4.
#[test]
fn the_everyday_modes_work() {
    let server = with_strings();
    assert_eq!(server.cli(&["ping"]), "PONG");
    let found = server.cli(&["--scan", "--pattern", "cache:*"]);
    assert_eq!(found.lines().count(), 51, "{found}");
    assert!(runs_on(&server, &["--stat", "-i", "0.1"]).contains("101"));
    let latency = server.cli(&["--latency", "-i", "0.2"]);
    let numbers = latency.split_whitespace().map(str::parse::<f64>);
    assert!(
        numbers.clone().count() == 4 && numbers.flatten().count() == 4,
        "{latency}"
    );
}

/// S5.
#[test]
fn quotes_and_pipes_arrive_as_meant() {
    let server = Server::start(&[]);
    let mut tool = Command::new("redis-cli")
        .args(["-p", &server.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli runs");
    let mut stdin = tool.stdin.take().expect("piped");
    let line = br#"SET k "{\"userId\":\"1001\"}""#;
    std::io::Write::write_all(&mut stdin, line).expect("written");
    drop(stdin);
    assert!(tool.wait().expect("it ends").success());
    assert_eq!(
        server.raw().call("GET k"),
        Value::bulk(r#"{"userId":"1001"}"#)
    );
}

/// S5: `--pipe` sends RESP as it is and waits for an ECHO.
#[test]
fn mass_insertion_works() {
    let server = Server::start(&[]);
    let path = server.dir().join("commands");
    let commands: String = (0..20_000).map(|i| format!("SET k:{i} v\r\n")).collect();
    std::fs::write(&path, commands).expect("written");
    let output = Command::new("redis-cli")
        .args(["-p", &server.port().to_string(), "--pipe"])
        .stdin(std::fs::File::open(&path).expect("a file"))
        .output()
        .expect("redis-cli runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("errors: 0, replies: 20000"), "{printed}");
    assert_eq!(server.raw().call("DBSIZE"), Value::Integer(20_000));
}

/// What redis-benchmark prints, without errors.
fn benchmark(server: &Server, args: &[&str]) -> String {
    let output = Command::new("redis-benchmark")
        .args(["-p", &server.port().to_string(), "-q"])
        .args(args)
        .output()
        .expect("redis-benchmark runs");
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{args:?}: {printed}");
    assert!(!printed.contains("rror"), "{args:?}: {printed}");
    printed
}

/// S6.
#[test]
fn redis_benchmark_runs() {
    let server = Server::start(&[]);
    let some = ["-n", "2000", "-c", "20", "-r", "1000"];
    let tests = ["-t", "ping,set,get,incr,mset"];
    for extra in [&[][..], &["-P", "16"], &["--threads", "2"], &["-3"]] {
        let printed = benchmark(&server, &[&some[..], &tests, extra].concat());
        for test in [
            "PING_INLINE: ",
            "SET: ",
            "GET: ",
            "INCR: ",
            "MSET (10 keys): ",
        ] {
            assert!(printed.contains(test), "{extra:?}: {printed}");
        }
    }
}

/// S6: all that it tests when it is not told what.
#[test]
fn redis_benchmark_completes_its_default_suite() {
    let server = Server::start(&[]);
    let printed = benchmark(&server, &["-n", "100", "-c", "5"]);
    for test in [
        "LPOP: ",
        "SPOP: ",
        "HSET: ",
        "ZADD: ",
        "ZPOPMIN: ",
        "LRANGE_600 ",
        "MSET ",
    ] {
        assert!(printed.contains(test), "{test}in {printed}");
    }
}
