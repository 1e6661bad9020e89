//! CONFIG, CLIENT LIST, CLIENT KILL and statistics, as administrators use them.
//!
//! Ids (R1 and so on) are those of the list of behaviours that the project serves.

use super::support::{RawClient, Server, Value, is_corewire, wait_until};

fn config(client: &mut RawClient, name: &str) -> String {
    let reply = client.call(&format!("CONFIG GET {name}"));
    reply.elements()[1].text()
}

/// R1, R2, R10.
#[test]
fn what_config_set_sets_config_get_shows() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    for (value, bytes) in [
        ("2gb", "2147483648"),
        ("100mb", "104857600"),
        ("1g", "1000000000"),
        ("0", "0"),
    ] {
        assert_eq!(
            client.call(&format!("CONFIG SET maxmemory {value}")),
            Value::ok()
        );
        assert_eq!(config(&mut client, "maxmemory"), bytes);
    }
    for policy in [
        "allkeys-lru",
        "allkeys-lfu",
        "volatile-lru",
        "volatile-lfu",
        "volatile-ttl",
        "allkeys-random",
        "volatile-random",
        "noeviction",
    ] {
        assert_eq!(
            client.call(&format!("CONFIG SET maxmemory-policy {policy}")),
            Value::ok()
        );
        assert_eq!(config(&mut client, "maxmemory-policy"), policy);
    }
    if is_corewire() {
        for policy in ["allkeys-lrm", "volatile-lrm"] {
            let set = format!("CONFIG SET maxmemory-policy {policy}");
            assert_eq!(client.call(&set), Value::ok());
            assert_eq!(config(&mut client, "maxmemory-policy"), policy);
        }
    }
    client.call("CONFIG SET hash-max-ziplist-entries 128 timeout 77");
    assert_eq!(config(&mut client, "hash-max-listpack-entries"), "128");
    assert_eq!(config(&mut client, "timeout"), "77");
    let several = client.call("CONFIG GET timeou? tcp-keep* TIMEOUT");
    assert_eq!(several.sorted(), ["300", "77", "tcp-keepalive", "timeout"]);
}

#[test]
fn config_set_sets_all_or_nothing() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    let refused = client.call("CONFIG SET timeout 5 maxclients nonsense hz 50");
    assert!(matches!(refused, Value::Error(_)), "{refused:?}");
    assert_eq!(config(&mut client, "timeout"), "0");
    assert_eq!(config(&mut client, "hz"), "10");
}

#[test]
fn config_rewrite_keeps_comments_and_a_restart_reads_it() {
    let lender = Server::start(&[]);
    let path = lender.dir().join("test.conf");
    let text = "# A comment to keep\n\nmaxmemory 1mb\n\n# Another\ntimeout 10\n";
    std::fs::write(&path, text).expect("written");
    let path = path.to_str().expect("text");
    let mut server = Server::start(&[path]);
    let mut client = server.raw();
    assert_eq!(config(&mut client, "maxmemory"), "1048576");
    assert_eq!(
        client.call("CONFIG SET timeout 20 slowlog-max-len 77"),
        Value::ok()
    );
    assert_eq!(client.call("CONFIG REWRITE"), Value::ok());
    let rewritten = std::fs::read_to_string(path).expect("there");
    let at = |part: &str| {
        rewritten
            .find(part)
            .unwrap_or_else(|| panic!("no {part:?} in\n{rewritten}"))
    };
    assert!(at("# A comment to keep\n") < at("maxmemory 1mb\n"));
    assert!(at("maxmemory 1mb\n") < at("# Another\n"));
    assert!(at("# Another\n") < at("timeout 20\n"));
    assert!(at("timeout 20\n") < at("slowlog-max-len 77\n"));
    server.kill_and_restart();
    let mut client = server.raw();
    assert_eq!(config(&mut client, "timeout"), "20");
    assert_eq!(config(&mut client, "slowlog-max-len"), "77");
}

#[test]
fn config_rewrite_without_a_file_is_refused() {
    let server = Server::start(&[]);
    let refused = Value::error("ERR The server is running without a config file");
    assert_eq!(server.raw().call("CONFIG REWRITE"), refused);
}

#[test]
fn client_list_shows_what_each_client_is() {
    let server = Server::start(&[]);
    let (mut observer, mut other) = (server.raw(), server.raw());
    assert_eq!(other.call("CLIENT SETNAME worker"), Value::ok());
    assert_eq!(other.call("CLIENT GETNAME"), Value::bulk("worker"));
    other.call("SELECT 9");
    other.call("MULTI");
    other.call("GET k");
    let id = other_id(&mut observer, "worker");
    let line = observer.call(&format!("CLIENT LIST ID {id}")).text();
    for field in [
        " name=worker ",
        " db=9 ",
        " flags=x ",
        " multi=1 ",
        " cmd=get ",
        " user=default ",
        " resp=2",
    ] {
        assert!(
            line.contains(field) || !is_corewire() && field == " cmd=get ",
            "{field} in {line}"
        );
    }
    assert!(
        line.contains(&format!(" laddr=127.0.0.1:{} ", server.port())),
        "{line}"
    );
    let normal = observer.call("CLIENT LIST TYPE normal").text();
    assert_eq!(normal.lines().count(), 2);
    assert_eq!(observer.call("CLIENT LIST TYPE pubsub").text(), "");
    let refused =
        Value::error("ERR Client names cannot contain spaces, newlines or special characters.");
    assert_eq!(observer.call_args(&["CLIENT", "SETNAME", "a b"]), refused);
}

fn other_id(observer: &mut RawClient, name: &str) -> String {
    let list = observer.call("CLIENT LIST").text();
    let line = list
        .lines()
        .find(|line| line.contains(&format!(" name={name} ")));
    let id = line.and_then(|line| line.split(' ').next()?.strip_prefix("id="));
    id.expect("in the list").to_owned()
}

#[test]
fn client_kill_finds_clients_by_every_filter() {
    let server = Server::start(&[]);
    let mut killer = server.raw();
    let addr = |client: &mut RawClient| {
        let info = client.call("CLIENT INFO").text();
        let word = info.split(' ').find_map(|word| word.strip_prefix("addr="));
        word.expect("an address").to_owned()
    };
    let mut victim = server.raw();
    let address = addr(&mut victim);
    assert_eq!(killer.call(&format!("CLIENT KILL {address}")), Value::ok());
    assert!(victim.is_closed());
    let unknown = Value::error("ERR No such client");
    assert_eq!(killer.call("CLIENT KILL 127.0.0.1:1"), unknown);

    let mut victim = server.raw();
    let address = addr(&mut victim);
    assert_eq!(
        killer.call(&format!("CLIENT KILL ADDR {address}")),
        Value::Integer(1)
    );
    assert!(victim.is_closed());

    let mut victims = [server.raw(), server.raw()];
    victims
        .iter_mut()
        .for_each(|victim| drop(victim.call("PING")));
    assert_eq!(killer.call("CLIENT KILL TYPE pubsub"), Value::Integer(0));
    assert_eq!(
        killer.call("CLIENT KILL USER default TYPE normal"),
        Value::Integer(2)
    );
    assert!(victims.iter_mut().all(RawClient::is_closed));

    // A client that kills itself still gets its reply.
    let laddr = format!("127.0.0.1:{}", server.port());
    assert_eq!(
        killer.call(&format!("CLIENT KILL LADDR {laddr} SKIPME no")),
        Value::Integer(1)
    );
    assert!(killer.is_closed());
    wait_until("only the one that asks is left", || {
        server.info("connected_clients") == "1"
    });
}

/// R14, R16.
#[test]
fn statistics_count_and_are_reset() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call("SET k v");
    client.call("GET k");
    client.call("GET absent");
    assert_eq!(server.info("keyspace_hits"), "1");
    assert_eq!(server.info("keyspace_misses"), "1");
    assert_eq!(client.call("CONFIG RESETSTAT"), Value::ok());
    assert_eq!(server.info("keyspace_hits"), "0");
    client.call("CONFIG SET slowlog-log-slower-than 0");
    client.call("SET slow v");
    let slowlog = client.call("SLOWLOG GET 1");
    let entry = slowlog.elements()[0].elements();
    assert_eq!(entry[3].sorted(), ["SET", "slow", "v"]);
    assert!(entry[4].text().starts_with("127.0.0.1:"));
}
