//! Publish and subscribe as users' guides show it: section J of the list of behaviours that the
//! project serves, and Z4; the ids stand with the tests.

use super::support::{RawClient, Server, Value, is_corewire, wait_until};

fn message(parts: &[&str]) -> Value {
    Value::Array(parts.iter().map(|part| Value::bulk(part)).collect())
}

fn confirmation(kind: &str, name: &str, count: i64) -> Value {
    let name = Value::bulk(name);
    Value::Array(vec![Value::bulk(kind), name, Value::Integer(count)])
}

/// J1, J2, J3, J4.
#[test]
fn messages_reach_channels_and_patterns_and_nobody_else() {
    let server = Server::start(&[]);
    let (mut subscriber, mut publisher) = (server.raw(), server.raw());
    assert_eq!(publisher.call("PUBLISH lost x"), Value::Integer(0));
    subscriber.send_command(&["SUBSCRIBE", "news", "sport"]);
    assert_eq!(subscriber.read(), confirmation("subscribe", "news", 1));
    assert_eq!(subscriber.read(), confirmation("subscribe", "sport", 2));
    let patterned = subscriber.call("PSUBSCRIBE n*");
    assert_eq!(patterned, confirmation("psubscribe", "n*", 3));
    assert_eq!(publisher.call("PUBLISH news hi"), Value::Integer(2));
    assert_eq!(publisher.call("PUBLISH nothing hi"), Value::Integer(1));
    assert_eq!(subscriber.read(), message(&["message", "news", "hi"]));
    assert_eq!(
        subscriber.read(),
        message(&["pmessage", "n*", "news", "hi"])
    );
    assert_eq!(
        subscriber.read(),
        message(&["pmessage", "n*", "nothing", "hi"])
    );
    subscriber.send(b"UNSUBSCRIBE news sport\r\nPUNSUBSCRIBE\r\nGET k\r\n");
    assert_eq!(subscriber.read(), confirmation("unsubscribe", "news", 2));
    assert_eq!(subscriber.read(), confirmation("unsubscribe", "sport", 1));
    assert_eq!(subscriber.read(), confirmation("punsubscribe", "n*", 0));
    assert_eq!(subscriber.read(), Value::Null);
}

/// J5, J6.
#[test]
fn a_subscriber_in_resp2_may_ping_and_in_resp3_do_anything() {
    let server = Server::start(&[]);
    let mut client = server.raw();
    client.call("SUBSCRIBE a");
    let refused = "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT \
                   / RESET are allowed in this context";
    assert_eq!(client.call("GET k"), Value::error(refused));
    assert_eq!(client.call("PING"), message(&["pong", ""]));
    assert_eq!(client.call("PING hi"), message(&["pong", "hi"]));
    assert_eq!(client.call("RESET"), Value::simple("RESET"));
    client.call("HELLO 3");
    client.call("SUBSCRIBE a");
    assert_eq!(client.call("GET k"), Value::Null);
    assert_eq!(client.call("PING"), Value::simple("PONG"));
}

/// J7, J9, Z4.
#[test]
fn every_subscriber_gets_every_message_once_and_in_order() {
    let server = Server::start(&["--io-threads", "4"]);
    let mut subscribers: Vec<RawClient> = (0..6).map(|_| server.raw()).collect();
    for (i, subscriber) in subscribers.iter_mut().enumerate() {
        subscriber.call(if i % 2 == 0 {
            "SUBSCRIBE c"
        } else {
            "PSUBSCRIBE c*"
        });
    }
    let publishers: Vec<_> = (0..3)
        .map(|p| {
            let mut publisher = server.raw();
            std::thread::spawn(move || {
                publisher.call("SELECT 1");
                let batch = |i: usize| format!("PUBLISH c {p}:{i}\r\n");
                publisher.send((0..500).map(batch).collect::<String>().as_bytes());
                (0..500).for_each(|_| assert_eq!(publisher.read(), Value::Integer(6)));
            })
        })
        .collect();
    for subscriber in &mut subscribers {
        let mut next = [0; 3];
        for _ in 0..1500 {
            let text = subscriber
                .read()
                .elements()
                .last()
                .expect("a message")
                .text();
            let (publisher, number) = text.split_once(':').expect("two numbers");
            let publisher: usize = publisher.parse().expect("a number");
            assert_eq!(number, next[publisher].to_string());
            next[publisher] += 1;
        }
    }
    publishers
        .into_iter()
        .for_each(|publisher| publisher.join().expect("it ends well"));
}

/// J8.
#[test]
fn a_subscriber_that_does_not_read_is_cut_and_the_others_go_on() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let (mut slow, mut quick, mut publisher) = (server.raw(), server.raw(), server.raw());
    slow.call("SUBSCRIBE c");
    quick.call("SUBSCRIBE c");
    let text = "x".repeat(100_000);
    let mut receivers = 2;
    for _ in 0..500 {
        receivers = publisher.call_args(&["PUBLISH", "c", &text]).number();
        quick.read();
        if receivers == 1 {
            break;
        }
    }
    assert_eq!(receivers, 1);
}

#[test]
fn nothing_comes_behind_the_confirmation_of_an_unsubscription() {
    let server = Server::start(&["--io-threads", "2"]);
    let (mut subscriber, mut publisher) = (server.raw(), server.raw());
    publisher.call("PING");
    let mut sender = publisher.sender();
    let flood = std::thread::spawn(move || {
        use std::io::Write;
        let flood = "PUBLISH c m\r\n".repeat(1000);
        while sender.write_all(flood.as_bytes()).is_ok() {}
    });
    let drain = std::thread::spawn(move || {
        for _ in 0..200_000 {
            publisher.read();
        }
        publisher.sender().shutdown(std::net::Shutdown::Both)
    });
    for _ in 0..200 {
        subscriber.send(b"SUBSCRIBE c\r\nUNSUBSCRIBE c\r\nGET k\r\n");
        let is_over = |reply: &Value| match reply {
            Value::Array(parts) => parts[0].text() == "unsubscribe",
            _ => panic!("{reply:?} inside of the subscription"),
        };
        while !is_over(&subscriber.read()) {}
        assert_eq!(subscriber.read(), Value::Null);
    }
    let _ = drain.join().expect("it ends well");
    flood.join().expect("it ends well");
}

#[test]
fn a_client_that_leaves_is_subscribed_to_nothing() {
    let server = Server::start(&[]);
    let mut watcher = server.raw();
    let mut client = server.raw();
    client.call("SUBSCRIBE a");
    client.call("PSUBSCRIBE p*");
    client.call("SSUBSCRIBE s");
    let list = watcher.call("CLIENT LIST TYPE pubsub").text();
    assert!(
        list.contains(" flags=P ") && list.contains(" sub=1 psub=1 ssub=1 "),
        "{list}"
    );
    assert_eq!(watcher.call("PUBSUB NUMPAT"), Value::Integer(1));
    assert_eq!(watcher.call("CLIENT KILL TYPE pubsub"), Value::Integer(1));
    let mut counts = || {
        ["PUBSUB CHANNELS", "PUBSUB SHARDCHANNELS"]
            .map(|command| watcher.call(command).elements().len() as i64)
            .iter()
            .sum::<i64>()
            + watcher.call("PUBSUB NUMPAT").number()
    };
    wait_until("the subscriptions are gone", || counts() == 0);
}

#[test]
fn messages_published_in_a_transaction_come_from_exec() {
    let server = Server::start(&[]);
    let (mut subscriber, mut client) = (server.raw(), server.raw());
    subscriber.call("SUBSCRIBE c");
    for line in ["MULTI", "SET k v", "PUBLISH c 1", "PUBLISH c 2"] {
        client.call(line);
    }
    client.call("PUBLISH d 0");
    let replies = client.call("EXEC");
    assert_eq!(
        replies.elements()[1..3],
        [Value::Integer(1), Value::Integer(1)]
    );
    assert_eq!(subscriber.read(), message(&["message", "c", "1"]));
    assert_eq!(subscriber.read(), message(&["message", "c", "2"]));
}

#[test]
fn many_patterns_that_cannot_match_cost_a_publisher_little() {
    if !is_corewire() {
        return;
    }
    let server = Server::start(&[]);
    let (mut subscriber, mut publisher) = (server.raw(), server.raw());
    let lines: String = (0..20_000)
        .map(|i| format!("PSUBSCRIBE user:{i}:*\r\n"))
        .collect();
    subscriber.send(lines.as_bytes());
    (0..20_000).for_each(|_| drop(subscriber.read()));
    let time = |publisher: &mut RawClient| {
        let start = std::time::Instant::now();
        (0..200).for_each(|_| assert_eq!(publisher.call("PUBLISH other:1 x"), Value::Integer(0)));
        start.elapsed()
    };
    // Matching 20,000 patterns 200 times takes far longer than that, even in a debug build.
    assert!(time(&mut publisher) < std::time::Duration::from_secs(2));
}

/// J6: as libraries listen, in both protocols.
#[test]
fn a_library_listens_to_channels_and_patterns() {
    let server = Server::start(&[]);
    for protocol in ["", "?protocol=resp3"] {
        let url = format!("redis://127.0.0.1:{}/{protocol}", server.port());
        let client = redis::Client::open(url).expect("a url");
        let mut connection = client.get_connection().expect("connect");
        let mut listener = connection.as_pubsub();
        let timeout = Some(super::support::PATIENCE);
        listener.set_read_timeout(timeout).expect("a timeout");
        listener.subscribe(&["news", "sport"]).expect("subscribe");
        listener.psubscribe("events:*").expect("psubscribe");
        let mut publisher = server.raw();
        // The library does not wait for all confirmations.
        wait_until("it has subscribed", || {
            let channel = publisher.call("PUBSUB NUMSUB sport").elements()[1].number();
            (channel, publisher.call("PUBSUB NUMPAT").number()) == (1, 1)
        });
        assert_eq!(publisher.call("PUBLISH sport 2:1"), Value::Integer(1));
        assert_eq!(publisher.call("PUBLISH events:user 7"), Value::Integer(1));
        let message = listener.get_message().expect("a message");
        assert_eq!(message.get_channel_name(), "sport");
        assert_eq!(message.get_payload::<String>(), Ok("2:1".to_owned()));
        let message = listener.get_message().expect("a message");
        assert_eq!(message.get_channel_name(), "events:user");
        assert_eq!(message.get_pattern::<String>(), Ok("events:*".to_owned()));
        assert_eq!(message.get_payload::<i64>(), Ok(7));
        drop(listener);
        // Unsubscribed from all, the connection serves commands again.
        let set = redis::cmd("SET")
            .arg("k")
            .arg("v")
            .query::<String>(&mut connection);
        assert_eq!(set, Ok("OK".to_owned()));
    }
}
