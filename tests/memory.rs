//! Memory and introspection, and directives that apply without a restart: section R of the list of
//! behaviours that the project serves, without eviction; the ids stand with the tests.

use super::support::{RawClient, Server, Value, is_corewire, start};

/// R7: the script that warns at 85 percent.
#[test]
fn info_memory_has_what_alerts_are_computed_from() {
    let (server, mut client) = start(&[]);
    client.call("CONFIG SET maxmemory 200mb");
    let number = |field: &str| -> f64 {
        let text = server.info(field);
        text.parse()
            .unwrap_or_else(|_| panic!("{field} is {text:?}"))
    };
    for field in [
        "used_memory",
        "used_memory_rss",
        "used_memory_peak",
        "used_memory_dataset",
        "used_memory_overhead",
        "used_memory_startup",
        "total_system_memory",
        "mem_fragmentation_ratio",
    ] {
        assert!(number(field) > 0.0, "{field}");
    }
    let text = client.call("INFO memory").text();
    let at_once = |field: &str| -> u64 {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.expect("a field").parse().expect("a number")
    };
    assert!(at_once("used_memory_peak") >= at_once("used_memory"));
    assert!(server.info("used_memory_human").ends_with(['K', 'M']));
    assert_eq!(server.info("maxmemory"), "209715200");
    assert_eq!(server.info("maxmemory_human"), "200.00M");
    assert_eq!(server.info("maxmemory_policy"), "noeviction");
    let before = number("used_memory");
    for i in 0..20 {
        client.call_args(&["SET", &format!("k:{i}"), &"x".repeat(1_000_000)]);
    }
    let used = number("used_memory");
    assert!(
        used - before > 20e6 && used - before < 30e6,
        "{before} {used}"
    );
    assert!(used / number("maxmemory") < 0.85);
}

/// R3, without eviction: reads and deletions go on.
#[test]
fn a_full_server_refuses_writes_and_serves_reads() {
    let (_server, mut client) = start(&[]);
    client.call("SET k v");
    client.call("CONFIG SET maxmemory 1");
    let full = "OOM command not allowed when used memory > 'maxmemory'.";
    assert_eq!(client.call("SET other v"), Value::error(full));
    assert_eq!(client.call("LPUSH list v"), Value::error(full));
    assert_eq!(client.call("GET k"), Value::bulk("v"));
    assert_eq!(client.call("DEL k"), Value::Integer(1));
    client.call("CONFIG SET maxmemory 0");
    assert_eq!(client.call("SET other v"), Value::ok());
}

/// R8, R9, R13.
#[test]
fn memory_of_keys_and_of_the_server_is_told() {
    let (_server, mut client) = start(&[]);
    client.call("HSET user:1001 name Alice age 28");
    let small = client.call("MEMORY USAGE user:1001").number();
    assert!((40..1000).contains(&small), "{small}");
    client.call_args(&["SET", "large", &"x".repeat(100_000)]);
    let large = client.call("MEMORY USAGE large SAMPLES 5").number();
    assert!((100_000..140_000).contains(&large), "{large}");
    assert_eq!(client.call("MEMORY USAGE absent"), Value::Null);
    assert!(matches!(
        client.call("MEMORY USAGE large SAMPLES x"),
        Value::Error(_)
    ));
    let doctor = client.call("MEMORY DOCTOR").text();
    let empty = "Hi Sam, this instance is empty or is using very little memory";
    assert!(doctor.starts_with(empty), "{doctor}");
    assert_eq!(client.call("MEMORY PURGE"), Value::ok());
    let stats = client.call("MEMORY STATS");
    let fields: Vec<String> = stats
        .elements()
        .chunks(2)
        .map(|pair| pair[0].text())
        .collect();
    for field in [
        "peak.allocated",
        "total.allocated",
        "keys.count",
        "fragmentation",
    ] {
        assert!(fields.iter().any(|name| name == field), "{field}");
    }
    // There is nothing to set where the allocator cannot do it, as with Debian's Redis.
    let set = client.call("CONFIG SET activedefrag no");
    assert_eq!(set, Value::ok());
}

/// R15.
#[test]
fn connected_clients_are_counted() {
    let (server, mut client) = start(&["--maxclients", "100"]);
    let mut others: Vec<RawClient> = (0..5).map(|_| server.raw()).collect();
    others.iter_mut().for_each(|other| drop(other.call("PING")));
    let text = client.call("INFO clients").text();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.strip_prefix(':'))
            .map(str::to_owned)
    };
    assert_eq!(field("connected_clients").as_deref(), Some("6"));
    assert_eq!(field("blocked_clients").as_deref(), Some("0"));
    assert_eq!(field("maxclients").as_deref(), Some("100"));
    assert_eq!(client.call("CLIENT LIST").text().lines().count(), 6);
}

/// R19.
#[test]
fn the_guides_redis_conf_is_accepted() {
    let lender = Server::start(&[]);
    let path = lender.dir().join("guide.conf");
    let text = "maxmemory 2gb\nmaxmemory-policy allkeys-lru\nmaxmemory-samples 5\n\
                appendonly no\nappendfsync everysec\ntcp-keepalive 300\ntimeout 0\n\
                hash-max-ziplist-entries 128\nhash-max-ziplist-value 64\n\
                list-max-ziplist-size -2\nzset-max-ziplist-entries 128\n\
                zset-max-ziplist-value 64\nslowlog-log-slower-than 10000\n\
                slowlog-max-len 128\nlatency-monitor-threshold 100\n\
                client-output-buffer-limit pubsub 32mb 8mb 60\nprotected-mode yes\n";
    std::fs::write(&path, text).expect("written");
    let server = Server::start(&[path.to_str().expect("text")]);
    let mut client = server.raw();
    let mut config = |name: &str| {
        let reply = client.call(&format!("CONFIG GET {name}"));
        reply.elements()[1].text()
    };
    assert_eq!(config("maxmemory"), "2147483648");
    assert_eq!(config("maxmemory-policy"), "allkeys-lru");
    assert_eq!(config("hash-max-listpack-entries"), "128");
    assert_eq!(config("list-max-listpack-size"), "-2");
    assert!(config("client-output-buffer-limit").contains("pubsub 33554432 8388608 60"));
    assert_eq!(client.call("CONFIG REWRITE"), Value::ok());
}

/// Z7: what is set applies to the next command.
#[test]
fn directives_apply_without_a_restart() {
    let (server, mut client) = start(&[]);
    client.call("CONFIG SET hash-max-listpack-entries 2 zset-max-listpack-value 3");
    client.call("HSET h a 1 b 2 c 3");
    assert_eq!(client.call("OBJECT ENCODING h"), Value::bulk("hashtable"));
    client.call("ZADD z 1 abcd");
    assert_eq!(client.call("OBJECT ENCODING z"), Value::bulk("skiplist"));
    client.call("CONFIG SET proto-max-bulk-len 1mb");
    let too_long = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_eq!(client.call("SETRANGE k 1048576 x"), Value::error(too_long));
    client.call("CONFIG SET slowlog-log-slower-than 0");
    client.call("PING");
    assert!(client.call("SLOWLOG LEN").number() > 0);
    client.call("CONFIG SET requirepass secret");
    let refused = Value::error("NOAUTH Authentication required.");
    assert_eq!(server.raw().call("GET k"), refused);
    assert_eq!(server.raw().call("AUTH secret"), Value::ok());
    client.call_args(&["CONFIG", "SET", "requirepass", ""]);
    assert_eq!(server.raw().call("PING"), Value::simple("PONG"));
    client.call("CONFIG SET maxclients 1");
    let refused = "ERR max number of clients reached";
    assert_eq!(server.raw().read(), Value::error(refused));
}

/// Redis 8.8: the slow log's entries may be longer or shorter.
#[test]
fn the_slow_log_shortens_as_configured() {
    if !is_corewire() {
        return;
    }
    let (_server, mut client) = start(&["--slowlog-log-slower-than", "0"]);
    client.call("CONFIG SET slowlog-entry-max-argc 4 slowlog-entry-max-string-len 5");
    client.call("MSET key-one v1 key-two v2 key-three v3");
    let log = client.call("SLOWLOG GET 1");
    let args = log.elements()[0].elements()[3].clone();
    let args: Vec<String> = args.elements().iter().map(Value::text).collect();
    assert_eq!(
        args,
        [
            "MSET",
            "key-o... (2 more bytes)",
            "v1",
            "... (4 more arguments)"
        ]
    );
}
