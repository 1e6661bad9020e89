//! What is posted to clients: replies, pushes, wake-ups, time-outs.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use networking::{ClientClass, Network};

use crate::support::{connect, eventually, start};
use crate::toy::Toy;

/// Waits until so many commands were dispatched.
fn dispatched(network: &Network<Toy>, count: usize) {
    let toy = network.service();
    eventually("dispatched", || toy.dispatched.load(SeqCst) >= count);
}

#[test]
fn a_blocked_client_is_unblocked_by_a_message_and_goes_on() {
    let network = start(2);
    let (mut blocked, mut other) = (connect(&network), connect(&network));
    let id = blocked.id();
    blocked.send(b"WAIT\r\nECHO next\r\nWAIT\r\nECHO last\r\n");
    dispatched(&network, 2);
    assert_eq!(other.ask(&format!("WAKE {id} served")), "+OK");
    assert_eq!(blocked.reply(), "served");
    assert_eq!(blocked.reply(), "next");
    dispatched(&network, 5);
    assert_eq!(other.ask(&format!("REPLY {id} \":5\\r\\n\"")), "+OK");
    assert_eq!(blocked.reply(), ":5");
    assert_eq!(blocked.reply(), "last");
}

#[test]
fn a_blocked_client_times_out_to_the_millisecond() {
    let network = start(1);
    let mut peer = connect(&network);
    for ms in [1, 25, 120] {
        let start = Instant::now();
        assert_eq!(peer.ask(&format!("BLOCK {ms}")), "*-1");
        let took = start.elapsed().as_millis();
        // The deadline is a whole millisecond of the clock, so up to one may be missing.
        assert!((ms - 1..ms + 60).contains(&took), "{ms} ms took {took}");
    }
}

#[test]
fn an_early_wake_up_cancels_the_time_out() {
    let network = start(1);
    let (mut blocked, mut other) = (connect(&network), connect(&network));
    let id = blocked.id();
    blocked.send(b"BLOCK 80\r\n");
    dispatched(&network, 2);
    assert_eq!(other.ask(&format!("WAKE {id} early")), "+OK");
    assert_eq!(blocked.reply(), "early");
    // A second time-out, later than the first would have been, is the next thing to come.
    assert_eq!(blocked.ask("BLOCK 150"), "*-1");
    assert_eq!(blocked.ask("PING"), "+PONG");
}

#[test]
fn pushes_arrive_in_order_and_custom_messages_do_not_unblock() {
    let network = start(2);
    let (mut receiver, mut sender) = (connect(&network), connect(&network));
    let id = receiver.id();
    for i in 0..100 {
        assert_eq!(sender.ask(&format!("PUSH {id} \"+{i}\\r\\n\"")), "+OK");
    }
    for i in 0..100 {
        assert_eq!(receiver.reply(), format!("+{i}"));
        assert_eq!(receiver.reply(), format!("+{i}"));
    }
    receiver.send(b"WAIT\r\nPING\r\n");
    dispatched(&network, 102);
    assert_eq!(sender.ask(&format!("TELL {id} note")), "+OK");
    assert_eq!(receiver.reply(), "note");
    assert_eq!(sender.ask(&format!("WAKE {id} up")), "+OK");
    assert_eq!(receiver.reply(), "up");
    assert_eq!(receiver.reply(), "+PONG");
}

#[test]
fn messages_to_the_dead_are_dropped_and_their_slot_is_another_ones() {
    let network = start(1);
    let mut gone = connect(&network);
    let id: u64 = gone.id().parse().unwrap();
    let client = network.handle().registry().get(id).unwrap();
    drop(gone);
    eventually("gone", || network.handle().registry().get(id).is_none());
    let mut next = connect(&network);
    assert_ne!(next.id(), id.to_string());
    client.post(networking::Message::Push(bytes::Bytes::from_static(
        b"+wrong\r\n",
    )));
    client.kill();
    assert_eq!(next.ask("PING"), "+PONG");
    assert!(client.is_closing());
}

#[test]
fn kill_closes_and_is_seen_at_once() {
    let network = start(1);
    let (mut victim, mut killer) = (connect(&network), connect(&network));
    let id = victim.id();
    assert_eq!(killer.ask(&format!("KILL {id}")), "+OK");
    assert_eq!(victim.rest(), b"");
    assert!(killer.ask(&format!("KILL {id}")).starts_with("-ERR"));
    let (mut suicide, text) = (connect(&network), "it");
    let own = suicide.id();
    suicide.send(format!("KILL {own}\r\nECHO {text}\r\n").as_bytes());
    eventually("closed", || network.handle().registry().len() == 1);
}

#[test]
fn a_subscriber_that_does_not_read_is_cut_by_the_hard_limit() {
    let network = start(1);
    let limits = networking::ClassLimits {
        hard_bytes: 100_000,
        ..Default::default()
    };
    network
        .handle()
        .settings()
        .set_limits(ClientClass::Pubsub, limits);
    let (mut deaf, mut sender) = (connect(&network), connect(&network));
    let id = deaf.id();
    assert_eq!(deaf.ask("PUBSUB"), "+OK");
    let client = network
        .handle()
        .registry()
        .get(id.parse().unwrap())
        .unwrap();
    let (push, mut most) = (format!("PUSH {id} {}", "x".repeat(5000)), 0);
    while sender.ask(&push) == "+OK" {
        most = most.max(client.out_memory());
    }
    assert!((70_000..200_000).contains(&most), "omem came to {most}");
    assert_eq!(network.handle().stats().output_limit_closed, 1);
    deaf.rest();
}

#[test]
fn the_soft_limit_cuts_when_its_time_has_passed() {
    let network = start(1);
    let limits = networking::ClassLimits {
        soft_bytes: 50_000,
        soft_seconds: 1,
        ..Default::default()
    };
    let (mut deaf, mut sender) = (connect(&network), connect(&network));
    let id = deaf.id();
    deaf.ask("PUBSUB");
    let client = network
        .handle()
        .registry()
        .get(id.parse().unwrap())
        .unwrap();
    let push = format!("PUSH {id} {}", "x".repeat(50_000));
    // Much more than sockets may still come to take.
    while client.out_memory() < 16 << 20 {
        assert_eq!(sender.ask(&push), "+OK");
    }
    let start = Instant::now();
    network
        .handle()
        .settings()
        .set_limits(ClientClass::Pubsub, limits);
    eventually("cut, without traffic", || {
        network.handle().registry().len() == 1
    });
    assert!(start.elapsed().as_millis() >= 900);
}

#[test]
fn a_reply_above_the_hard_limit_is_not_sent_at_all() {
    let network = start(1);
    let limits = networking::ClassLimits {
        hard_bytes: 100_000,
        ..Default::default()
    };
    network
        .handle()
        .settings()
        .set_limits(ClientClass::Normal, limits);
    let mut single = connect(&network);
    single.send(b"BIG 150000\r\n");
    assert_eq!(single.rest(), b"");
    let mut pipeline = connect(&network);
    pipeline.send(&b"BIG 10000\r\n".repeat(15));
    assert_eq!(pipeline.rest(), b"");
    let mut modest = connect(&network);
    assert_eq!(modest.ask("BIG 90000").len(), 90_000);
}
