//! Transactions and pipelines as users' guides show them: section K of the list of behaviours that
//! the project serves; the ids stand with the tests. Each runs command by command and as one
//! pipeline, in both protocols.
//!
//! K10, K11 are about client libraries; what the server sees of them is K5 and K8.

use super::support::{RawClient, Server, Value};

/// How commands are sent.
#[derive(Clone, Copy, Debug)]
enum Way {
    OneByOne,
    Pipelined,
}

/// Runs a test in both ways, with both protocols, with one worker and with several.
fn each_way(test: impl Fn(&Server, &mut RawClient, Way)) {
    for workers in ["1", "4"] {
        let server = Server::start(&["--io-threads", workers]);
        for proto in ["2", "3"] {
            for way in [Way::OneByOne, Way::Pipelined] {
                let mut client = server.raw();
                client.call(&format!("HELLO {proto}"));
                client.call("FLUSHALL");
                test(&server, &mut client, way);
            }
        }
    }
}

/// The replies to some commands.
fn run(client: &mut RawClient, way: Way, commands: &[&str]) -> Vec<Value> {
    match way {
        Way::OneByOne => commands
            .iter()
            .map(|command| client.call(command))
            .collect(),
        Way::Pipelined => {
            let all: String = commands.iter().map(|line| format!("{line}\r\n")).collect();
            client.send(all.as_bytes());
            commands.iter().map(|_| client.read()).collect()
        }
    }
}

fn ok() -> Value {
    Value::simple("OK")
}

fn queued() -> Value {
    Value::simple("QUEUED")
}

/// K1, K4.
#[test]
fn exec_answers_with_the_replies_in_order() {
    each_way(|_, client, way| {
        let commands = [
            "MULTI",
            "SET a 500",
            "SET b 300",
            "INCRBY a -100",
            "INCRBY b 100",
            "EXEC",
            "MGET a b",
        ];
        let replies = run(client, way, &commands);
        assert_eq!(replies[0], ok());
        assert!(replies[1..5].iter().all(|reply| *reply == queued()));
        let (a, b) = (Value::Integer(400), Value::Integer(400));
        assert_eq!(replies[5], Value::Array(vec![ok(), ok(), a, b]));
        assert_eq!(replies[6], Value::bulks(&["400", "400"]));
    });
}

/// K2.
#[test]
fn a_watched_key_that_changes_fails_exec_until_unwatched() {
    each_way(|server, client, way| {
        let mut other = server.raw();
        for (change, is_touched) in [
            ("SET k 2", true),
            ("DEL k", true),
            ("EXPIRE k 100", true),
            ("FLUSHALL", true),
            ("GET k", false),
            ("SET j 2", false),
            ("LPUSH k 1", false),
        ] {
            run(client, way, &["SET k 1", "WATCH k"]);
            other.call(change);
            let replies = run(client, way, &["MULTI", "INCR n", "EXEC"]);
            assert_eq!(replies[2] == Value::Null, is_touched, "{change}");
        }
        run(client, way, &["SET k 1", "WATCH k"]);
        other.call("SET k 2");
        let replies = run(client, way, &["UNWATCH", "MULTI", "GET k", "EXEC"]);
        assert_eq!(replies[3], Value::bulks(&["2"]));
        run(client, way, &["WATCH k"]);
        other.call("SET k 3");
        // A transaction that did not happen watches nothing any longer.
        let replies = run(client, way, &["MULTI", "EXEC", "MULTI", "GET k", "EXEC"]);
        assert_eq!(replies[4], Value::bulks(&["3"]));
        run(client, way, &["WATCH k"]);
        other.call("SET k 4");
        let replies = run(client, way, &["MULTI", "DISCARD", "MULTI", "GET k", "EXEC"]);
        assert_eq!(replies[4], Value::bulks(&["4"]), "DISCARD unwatches");
    });
}

/// K3.
#[test]
fn two_who_sell_the_same_stock_sell_each_piece_once() {
    for workers in ["1", "4"] {
        let server = Server::start(&["--io-threads", workers]);
        server.raw().call("SET stock 200");
        let sold = || {
            let mut client = server.raw();
            let mut sold = 0;
            loop {
                client.call("WATCH stock");
                if client.call("GET stock") == Value::bulk("0") {
                    return sold;
                }
                let replies = run(
                    &mut client,
                    Way::Pipelined,
                    &["MULTI", "DECR stock", "EXEC"],
                );
                sold += usize::from(replies[2] != Value::Null);
            }
        };
        let total: usize = std::thread::scope(|scope| {
            let sellers: Vec<_> = (0..4).map(|_| scope.spawn(sold)).collect();
            let counts = sellers
                .into_iter()
                .map(|seller| seller.join().expect("it ends"));
            counts.sum()
        });
        assert_eq!(total, 200);
        assert_eq!(server.raw().call("GET stock"), Value::bulk("0"));
    }
}

/// K5, K6, K8.
#[test]
fn a_thousand_commands_go_in_one_round_trip() {
    each_way(|_, client, _| {
        let sets: Vec<_> = (0..1000).map(|i| format!("SET k{i} v EX 300")).collect();
        let lines: Vec<&str> = sets.iter().map(String::as_str).collect();
        let replies = run(client, Way::Pipelined, &lines);
        assert!(replies.iter().all(|reply| *reply == ok()));
        client.call("FLUSHALL");
        let around = [&["MULTI"], &lines[..], &["EXEC", "TTL k0", "TTL k999"]].concat();
        let replies = run(client, Way::Pipelined, &around);
        assert_eq!(replies[1001], Value::Array(vec![ok(); 1000]));
        for ttl in &replies[1002..] {
            assert!(matches!(ttl, Value::Integer(299..=300)), "{ttl:?}");
        }
        let replies = run(client, Way::Pipelined, &["SET a 1", "SET b 2", "GET a"]);
        assert_eq!(replies, [ok(), ok(), Value::bulk("1")]);
    });
}

/// K7, K12.
#[test]
fn nothing_comes_between_the_commands_of_a_transaction() {
    for workers in ["1", "4"] {
        let server = Server::start(&["--io-threads", workers]);
        let (mut client, mut other) = (server.raw(), server.raw());
        let many = "INCR n\r\n".repeat(10_000);
        std::thread::scope(|scope| {
            let looks = scope.spawn(|| {
                let mut seen = Vec::new();
                while seen.last() != Some(&Value::bulk("30000")) {
                    seen.push(other.call("GET n"));
                }
                seen
            });
            for _ in 0..3 {
                client.send(format!("MULTI\r\n{many}EXEC\r\n").as_bytes());
                (0..=10_000).for_each(|_| drop(client.read()));
                assert_eq!(client.read().elements().len(), 10_000);
            }
            for value in looks.join().expect("it ends") {
                let whole = matches!(&value, Value::Null)
                    || ["10000", "20000", "30000"].contains(&value.text().as_str());
                assert!(whole, "{value:?} with {workers} workers");
            }
        });
    }
}

/// K9.
#[test]
fn what_fails_while_queueing_discards_all_and_what_fails_in_exec_only_itself() {
    each_way(|_, client, way| {
        let commands = [
            "MULTI", "SET k 1", "NOSUCH", "SET k", "EXEC", "EXISTS k", "EXEC",
        ];
        let replies = run(client, way, &commands);
        assert!(replies[2].text().starts_with("ERR unknown command"));
        let arity = "ERR wrong number of arguments for 'set' command";
        assert_eq!(replies[3], Value::error(arity));
        let aborted = "EXECABORT Transaction discarded because of previous errors.";
        assert_eq!(replies[4], Value::error(aborted));
        assert_eq!(replies[5], Value::Integer(0));
        assert_eq!(replies[6], Value::error("ERR EXEC without MULTI"));
        let commands = [
            "SET k text",
            "MULTI",
            "LPUSH k 1",
            "SET j 1",
            "EXEC",
            "GET j",
        ];
        let replies = run(client, way, &commands);
        let wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";
        assert_eq!(replies[4], Value::Array(vec![Value::error(wrong), ok()]));
        assert_eq!(replies[5], Value::bulk("1"));
    });
}

#[test]
fn what_makes_no_sense_around_a_transaction_is_refused_and_leaves_it_alone() {
    each_way(|_, client, way| {
        let commands = [
            "DISCARD",
            "MULTI",
            "MULTI",
            "WATCH k",
            "MONITOR",
            "SSUBSCRIBE c",
            "PING",
            "EXEC",
        ];
        let replies = run(client, way, &commands);
        assert_eq!(replies[0], Value::error("ERR DISCARD without MULTI"));
        assert_eq!(
            replies[2],
            Value::error("ERR MULTI calls can not be nested")
        );
        let watch = "ERR WATCH inside MULTI is not allowed";
        assert_eq!(replies[3], Value::error(watch));
        let refusals = [
            "ERR MONITOR isn't allowed for DENY BLOCKING client",
            "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client",
        ];
        let [monitor, ssubscribe] = refusals.map(Value::error);
        let pong = Value::simple("PONG");
        assert_eq!(replies[7], Value::Array(vec![monitor, ssubscribe, pong]));
    });
}

/// Everything in a transaction happens at one time.
#[test]
fn the_clock_stands_still_in_a_transaction() {
    each_way(|_, client, way| {
        let commands = ["MULTI", "TIME", "SET k v PX 1", "GET k", "TIME", "EXEC"];
        let replies = run(client, way, &commands);
        let results = replies[5].elements();
        assert_eq!(results[0], results[3]);
        assert_eq!(results[2], Value::bulk("v"));
    });
}
