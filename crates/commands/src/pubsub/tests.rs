//! Pub/sub without sockets: confirmations, counts, contexts, and what goes to whom.

use std::sync::Arc;

use bytes::Bytes;
use common::address::ClientAddress;
use expect_test::expect;
use parking_lot::Mutex;
use resp::Proto;

use super::Courier;
use crate::testing::{Tester, check, check_resp3};

#[test]
fn every_name_is_confirmed_with_the_number_of_subscriptions() {
    check_resp3(
        "SUBSCRIBE a b a\nPSUBSCRIBE p*\nSSUBSCRIBE s\nUNSUBSCRIBE a x\nPUNSUBSCRIBE\nUNSUBSCRIBE\n\
         UNSUBSCRIBE\nSUNSUBSCRIBE s\nSUNSUBSCRIBE",
        &expect![[r#"
            >3
            $9
            subscribe
            $1
            a
            :1
            >3
            $9
            subscribe
            $1
            b
            :2
            >3
            $9
            subscribe
            $1
            a
            :2
            >3
            $10
            psubscribe
            $2
            p*
            :3
            >3
            $10
            ssubscribe
            $1
            s
            :1
            >3
            $11
            unsubscribe
            $1
            a
            :2
            >3
            $11
            unsubscribe
            $1
            x
            :2
            >3
            $12
            punsubscribe
            $2
            p*
            :1
            >3
            $11
            unsubscribe
            $1
            b
            :0
            >3
            $11
            unsubscribe
            _
            :0
            >3
            $12
            sunsubscribe
            $1
            s
            :0
            >3
            $12
            sunsubscribe
            _
            :0"#]],
    );
}

#[test]
fn in_resp2_a_subscriber_may_do_little_else() {
    check(
        "PING\nSUBSCRIBE a\nPING\nPING hi\nRESET\nPING\nPUBSUB CHANNELS",
        &expect![[r#"
            +PONG
            *3
            $9
            subscribe
            $1
            a
            :1
            *2
            $4
            pong
            $0
            *2
            $4
            pong
            $2
            hi
            +RESET
            +PONG
            *0"#]],
    );
}

#[test]
fn what_a_subscriber_may_not_do_is_refused_by_name() {
    let mut tester = Tester::new();
    tester.session.proto = Proto::Resp3;
    tester.line("SUBSCRIBE a");
    tester.line("HELLO 2");
    for (line, name) in [
        ("GET k", "get"),
        ("CONFIG GET x", "config|get"),
        ("MULTI", "multi"),
        ("HELLO 3", "hello"),
    ] {
        let error = resp::errors::pubsub_context(name);
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        assert_eq!(tester.line(line), format!("-{text}"));
    }
}

#[test]
fn in_resp3_a_subscriber_may_do_anything() {
    check_resp3(
        "SUBSCRIBE a\nPING\nGET k\nHELLO 2",
        &expect![[r#"
            >3
            $9
            subscribe
            $1
            a
            :1
            +PONG
            _
            *14
            $6
            server
            $5
            redis
            $7
            version
            $6
            7.0.15
            $5
            proto
            :2
            $2
            id
            :0
            $4
            mode
            $10
            standalone
            $4
            role
            $6
            master
            $7
            modules
            *0"#]],
    );
}

#[test]
fn pubsub_tells_of_channels_patterns_and_counts() {
    check_resp3(
        "SUBSCRIBE news\nPSUBSCRIBE n* m*\nSSUBSCRIBE s\nPUBSUB CHANNELS\nPUBSUB CHANNELS x*\n\
         PUBSUB NUMSUB news none\nPUBSUB NUMPAT\nPUBSUB SHARDCHANNELS\nPUBSUB SHARDNUMSUB s\n\
         PUBSUB CHANNELS a b\nPUBLISH news hi\nSPUBLISH s hi\nSPUBLISH news hi",
        &expect![[r#"
            >3
            $9
            subscribe
            $4
            news
            :1
            >3
            $10
            psubscribe
            $2
            n*
            :2
            >3
            $10
            psubscribe
            $2
            m*
            :3
            >3
            $10
            ssubscribe
            $1
            s
            :1
            *1
            $4
            news
            *0
            *4
            $4
            news
            :1
            $4
            none
            :0
            :2
            *1
            $1
            s
            *2
            $1
            s
            :1
            -ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.
            :2
            :1
            :0"#]],
    );
}

#[test]
fn a_publisher_gets_its_own_messages_before_the_reply_but_never_inside_one() {
    let mut tester = Tester::new();
    tester.session.id = 7;
    tester.session.proto = Proto::Resp3;
    tester.line("SUBSCRIBE a");
    let message = ">3\n$7\nmessage\n$1\na\n$1\n";
    assert_eq!(tester.line("PUBLISH a 1"), format!("{message}1\n:1"));
    tester.line("MULTI");
    tester.line("PUBLISH a 2");
    tester.line("PING");
    assert_eq!(tester.line("EXEC"), format!("*2\n:1\n+PONG\n{message}2"));
}

#[test]
fn out_of_band_messages_are_sent_even_with_client_reply_off() {
    let mut tester = Tester::new();
    tester.session.id = 7;
    tester.session.proto = Proto::Resp3;
    tester.line("CLIENT REPLY OFF");
    assert_eq!(tester.line("SUBSCRIBE a"), ">3\n$9\nsubscribe\n$1\na\n:1");
    assert_eq!(tester.line("PUBLISH a m"), ">3\n$7\nmessage\n$1\na\n$1\nm");
    assert_eq!(tester.line("PING"), "");
    assert_eq!(
        tester.line("UNSUBSCRIBE a"),
        ">3\n$11\nunsubscribe\n$1\na\n:0"
    );
}

/// Keeps what is sent.
#[derive(Default)]
struct Bag(Mutex<Vec<(usize, Vec<u64>, String)>>);

impl Courier for Bag {
    fn deliver(&self, worker: usize, to: Arc<[ClientAddress]>, payload: Bytes) {
        let ids = to.iter().map(|to| to.id).collect();
        let text = String::from_utf8_lossy(&payload).replace("\r\n", " ");
        self.0.lock().push((worker, ids, text));
    }
}

#[test]
fn one_payload_goes_to_all_receivers_of_a_worker_and_protocol() {
    let tester = Tester::new();
    let pubsub = &tester.server.pubsub;
    let bag = Arc::new(Bag::default());
    pubsub.set_courier(Arc::clone(&bag) as Arc<dyn Courier>);
    let name: Arc<[u8]> = Arc::from(&b"c"[..]);
    for (id, proto) in [
        (1, Proto::Resp2),
        (2, Proto::Resp2),
        (3, Proto::Resp2),
        (4, Proto::Resp3),
    ] {
        let worker = (id % 2) as u32;
        let address = ClientAddress {
            id,
            worker,
            slot: 0,
        };
        pubsub.add(super::registry::Kind::Channel, &name, address, proto);
    }
    let mut out = Vec::new();
    let mut own = super::Own {
        id: 0,
        out: &mut out,
    };
    assert_eq!(pubsub.publish(b"c", b"m", &mut own), 4);
    let text = |head: &str| format!("{head}3 $7 message $1 c $1 m ");
    assert_eq!(
        *bag.0.lock(),
        [
            (1, vec![1, 3], text("*")),
            (0, vec![2], text("*")),
            (0, vec![4], text(">")),
        ]
    );
}

#[test]
fn a_client_that_leaves_is_subscribed_to_nothing() {
    let mut tester = Tester::new();
    tester.line("SUBSCRIBE a b");
    tester.line("PSUBSCRIBE p*");
    tester.line("SSUBSCRIBE s");
    let pubsub = &tester.server.pubsub;
    assert!(pubsub.has_subscribers());
    super::leave(pubsub, &mut tester.session);
    assert!(!pubsub.has_subscribers());
    let counts = (
        pubsub.channel_count(),
        pubsub.pattern_count(),
        pubsub.shard_channel_count(),
    );
    assert_eq!(counts, (0, 0, 0));
}

#[test]
fn publish_is_logged_for_replicas_only() {
    let mut tester = Tester::new();
    let mut file = tester.server.log.read_from_end();
    tester.line("PUBLISH c 1");
    let mut replica = tester.server.log.read_for_replicas();
    tester.line("PUBLISH c 2");
    let read = |log: &mut replication::Reader| {
        let mut bytes = Vec::new();
        log.read(&mut bytes);
        String::from_utf8_lossy(&bytes).replace("\r\n", " ")
    };
    assert_eq!(read(&mut file), "");
    let select = "*2 $6 SELECT $1 0 ";
    let publish = "*3 $7 PUBLISH $1 c $1 ";
    assert_eq!(read(&mut replica), format!("{select}{publish}2 "));
    for line in ["MULTI", "SET k v", "PUBLISH c 3", "EXEC"] {
        tester.line(line);
    }
    let exec = format!("*1 $5 MULTI *3 $3 SET $1 k $1 v {publish}3 *1 $4 EXEC ");
    assert_eq!(read(&mut replica), exec);
}
