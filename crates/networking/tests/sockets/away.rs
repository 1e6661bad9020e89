//! Commands that run on executors: their worker serves others, their client's order stays.

use std::sync::atomic::Ordering::SeqCst;

use networking::{EXECUTORS_MAX, Network};

use crate::support::{PATIENCE, connect, eventually, start};
use crate::toy::Toy;

fn far(network: &Network<Toy>) -> usize {
    network.service().far.load(SeqCst)
}

fn disconnected(network: &Network<Toy>) -> usize {
    network.service().disconnected.load(SeqCst)
}

#[test]
fn others_on_the_worker_are_served_and_the_client_keeps_its_order() {
    let network = start(1);
    let (mut peer, mut other) = (connect(&network), connect(&network));
    peer.send(b"ECHO one\r\nFAR ECHO two\r\nECHO three\r\nFAR ECHO four\r\n");
    peer.send(b"ECHO five\r\n");
    eventually("the command is away", || far(&network) == 1);
    assert_eq!(peer.reply(), "one");
    for _ in 0..100 {
        assert_eq!(other.ask("ECHO x"), "x");
    }
    peer.send(b"ECHO six\r\n");
    network.service().open_gate();
    for expected in ["two", "three", "four", "five", "six"] {
        assert_eq!(peer.reply(), expected);
    }
    assert_eq!(network.handle().stats().away, 2);
}

#[test]
fn messages_wait_for_the_reply_of_a_command_that_is_away() {
    let network = start(1);
    let (mut peer, mut other) = (connect(&network), connect(&network));
    let id = peer.id();
    peer.send(b"FAR ECHO reply\r\n");
    eventually("the command is away", || far(&network) == 1);
    assert_eq!(other.ask(&format!("PUSH {id} +pushed\u{1}")), "+OK");
    assert_eq!(other.ask(&format!("TELL {id} told")), "+OK");
    network.service().open_gate();
    assert_eq!(peer.reply(), "reply");
    let mut pushed = [0; 16];
    std::io::Read::read_exact(&mut peer.stream, &mut pushed).unwrap();
    assert_eq!(&pushed, b"+pushed\x01+pushed\x01");
    assert_eq!(peer.reply(), "told");
}

#[test]
fn a_client_that_blocks_on_an_executor_is_unblocked_however_early_the_message_comes() {
    let network = start(1);
    let (mut peer, mut other) = (connect(&network), connect(&network));
    let id = peer.id();
    peer.send(b"FAR WAIT\r\nECHO behind\r\n");
    eventually("the command is away", || far(&network) == 1);
    assert_eq!(other.ask(&format!("WAKE {id} awake")), "+OK");
    network.service().open_gate();
    assert_eq!(peer.reply(), "awake");
    assert_eq!(peer.reply(), "behind");
    peer.send(b"FAR WAIT\r\nECHO behind\r\n");
    eventually("it waits", || {
        network.handle().stats().away == 2 && far(&network) == 0
    });
    assert_eq!(other.ask(&format!("WAKE {id} again")), "+OK");
    assert_eq!(peer.reply(), "again");
    assert_eq!(peer.reply(), "behind");
}

#[test]
fn a_command_deferred_on_an_executor_goes_on_when_it_may() {
    let network = start(1);
    let mut peer = connect(&network);
    network.service().open_gate();
    assert_eq!(peer.ask("FAR DEFER"), "+OK");
    network.service().gate_open.store(false, SeqCst);
    peer.send(b"FAR DEFER\r\nECHO behind\r\n");
    eventually("the command is away", || far(&network) == 1);
    network.service().open_gate();
    assert_eq!(peer.reply(), "+OK");
    assert_eq!(peer.reply(), "behind");
}

#[test]
fn a_client_killed_while_away_is_gone_at_once_and_its_session_ends_later() {
    let network = start(1);
    let (mut peer, mut other) = (connect(&network), connect(&network));
    let id = peer.id();
    peer.send(b"FAR ECHO late\r\n");
    eventually("the command is away", || far(&network) == 1);
    assert_eq!(other.ask(&format!("KILL {id}")), "+OK");
    assert!(peer.rest().is_empty());
    eventually("it is unregistered", || {
        network.handle().registry().len() == 1
    });
    assert_eq!(disconnected(&network), 0);
    network.service().open_gate();
    eventually("its session ends", || disconnected(&network) == 1);
    assert_eq!(other.ask("ECHO x"), "x");
}

#[test]
fn a_peer_that_leaves_while_away_is_let_go_after_the_command() {
    let network = start(1);
    let mut peer = connect(&network);
    peer.send(b"FAR ECHO late\r\n");
    eventually("the command is away", || far(&network) == 1);
    drop(peer);
    network.service().open_gate();
    eventually("its session ends", || disconnected(&network) == 1);
    assert_eq!(network.handle().registry().len(), 0);
}

#[test]
fn closing_after_the_reply_works_from_an_executor() {
    let network = start(1);
    let mut peer = connect(&network);
    network.service().open_gate();
    peer.send(b"FAR QUIT\r\nECHO never\r\n");
    assert_eq!(peer.rest(), b"+OK\r\n");
    let mut peer = connect(&network);
    peer.send(b"FAR DIE\r\nECHO never\r\n");
    assert!(peer.rest().is_empty());
}

#[test]
fn more_commands_than_executors_all_get_their_turn() {
    let network = start(2);
    let mut peers: Vec<_> = (0..3 * EXECUTORS_MAX).map(|_| connect(&network)).collect();
    for (i, peer) in peers.iter_mut().enumerate() {
        peer.send(format!("FAR ECHO {i}\r\nECHO behind\r\n").as_bytes());
    }
    eventually("all executors are busy", || far(&network) == EXECUTORS_MAX);
    network.service().open_gate();
    for (i, peer) in peers.iter_mut().enumerate() {
        assert_eq!(peer.reply(), i.to_string());
        assert_eq!(peer.reply(), "behind");
    }
}

#[test]
fn a_shutdown_waits_for_what_is_away() {
    let network = start(1);
    let mut peer = connect(&network);
    peer.send(b"FAR ECHO late\r\n");
    eventually("the command is away", || far(&network) == 1);
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| network.shutdown());
        assert!(peer.rest().is_empty());
        assert!(!stopping.is_finished());
        network.service().open_gate();
        stopping.join().unwrap();
    });
    assert_eq!(far(&network), 0);
}

#[test]
fn large_replies_are_sent_in_turns() {
    const BYTES: usize = 200 << 20;
    let network = start(1);
    let (mut peer, mut other) = (connect(&network), connect(&network));
    network.service().open_gate();
    peer.send(format!("FAR BIG {BYTES}\r\nECHO behind\r\n").as_bytes());
    let reader = std::thread::spawn(move || (peer.reply().len(), peer.reply()));
    let start = std::time::Instant::now();
    while !reader.is_finished() {
        assert_eq!(other.ask("ECHO x"), "x");
        assert!(start.elapsed() < PATIENCE);
    }
    assert_eq!(reader.join().unwrap(), (BYTES, "behind".to_owned()));
}
