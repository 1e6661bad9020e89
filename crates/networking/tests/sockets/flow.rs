//! Requests in, replies out: split, pipelined, large, slow, deferred.

use std::io::{Read, Write};
use std::sync::atomic::Ordering::SeqCst;

use networking::NetConfig;

use crate::support::{connect, eventually, request, start};

/// The resident memory of this process.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1024
}

#[test]
fn a_command_in_any_pieces_is_one_command() {
    let network = start(1);
    let mut peer = connect(&network);
    let command = request(&[b"ECHO", b"hello"]);
    for split in 1..command.len() {
        let before = network.handle().stats().reads;
        peer.send(&command[..split]);
        eventually("the first piece is read", || {
            network.handle().stats().reads > before
        });
        peer.send(&command[split..]);
        assert_eq!(peer.reply(), "hello");
    }
}

#[test]
fn a_large_argument_arrives_whole_in_many_reads() {
    let network = start(1);
    let mut peer = connect(&network);
    for len in [32 * 1024, 64 * 1024, 100_000, 3 << 20, 20 << 20] {
        let value: Vec<u8> = (0..len).map(|i| b'a' + (i % 26) as u8).collect();
        // A command before it and one behind it, in the same pipeline.
        peer.send(b"PING\r\n");
        peer.send(&request(&[b"SET", b"k", &value]));
        peer.send(b"GET k\r\n");
        assert_eq!(peer.reply(), "+PONG");
        assert_eq!(peer.reply(), "+OK");
        assert!(peer.reply().as_bytes() == value);
    }
}

#[test]
fn many_small_arguments_make_one_large_command() {
    let network = start(1);
    let mut peer = connect(&network);
    let arg = [b'x'; 20];
    let args: Vec<&[u8]> = std::iter::once(&b"LEN"[..])
        .chain((0..100_000).map(|_| &arg[..]))
        .collect();
    peer.send(&request(&args));
    assert_eq!(peer.reply(), ":2000003");
}

#[test]
fn a_million_pipelined_commands_need_bounded_memory_though_nobody_reads() {
    const COMMANDS: usize = 1_000_000;
    let network = start(1);
    let mut peer = connect(&network);
    peer.ask(&format!("SET k {}", "v".repeat(400)));
    let before = resident_bytes();
    let mut writer = peer.stream.get_ref().try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let chunk = b"GET k\r\n".repeat(1000);
        (0..COMMANDS / 1000).for_each(|_| writer.write_all(&chunk).unwrap());
    });
    // Nobody reads until the server has stopped executing.
    let toy = network.service();
    let mut last = 0;
    eventually("execution stalls", || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::mem::replace(&mut last, toy.dispatched.load(SeqCst)) == last && last > 1000
    });
    assert!(
        last < COMMANDS / 2,
        "executed {last} commands for a client that does not read"
    );
    // Others are served meanwhile.
    assert_eq!(connect(&network).ask("PING"), "+PONG");
    let (mut left, mut buffer) = (COMMANDS * (6 + 402), vec![0; 1 << 16]);
    let mut most = 0;
    while left > 0 {
        let n = peer.stream.read(&mut buffer).unwrap();
        assert!(n > 0);
        left -= n;
        most = most.max(
            network
                .handle()
                .registry()
                .all()
                .iter()
                .map(|c| c.memory())
                .sum(),
        );
    }
    sender.join().unwrap();
    assert!(most < 40 << 20, "connections held {most} bytes");
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 96 << 20, "grew by {grown} bytes");
    assert_eq!(peer.ask("PING"), "+PONG");
    assert!(toy.largest_batch.load(SeqCst) > 100);
}

#[test]
fn who_sends_everything_before_it_reads_is_not_stuck() {
    let network = start(1);
    let mut peer = connect(&network);
    let mut writer = peer.stream.get_ref().try_clone().unwrap();
    // Far more than sockets and unsent replies may hold, with large arguments among it.
    let (small, large) = (vec![b'a'; 1000], vec![b'b'; 100_000]);
    let mut chunk = request(&[b"ECHO", &small]).repeat(100);
    chunk.extend(request(&[b"ECHO", &large]));
    const CHUNKS: usize = 400;
    (0..CHUNKS).for_each(|_| writer.write_all(&chunk).unwrap());
    writer.write_all(b"PING\r\n").unwrap();
    for _ in 0..CHUNKS {
        (0..100).for_each(|_| assert!(peer.reply().as_bytes() == small));
        assert!(peer.reply().as_bytes() == large);
    }
    assert_eq!(peer.reply(), "+PONG");
}

#[test]
fn a_slow_reader_gets_a_huge_reply_and_others_do_not_wait() {
    let network = start(1);
    let (mut slow, mut other) = (connect(&network), connect(&network));
    slow.send(b"BIG 50000000\r\nPING\r\n");
    for _ in 0..100 {
        assert_eq!(other.ask("PING"), "+PONG");
    }
    assert_eq!(slow.reply().len(), 50_000_000);
    assert_eq!(slow.reply(), "+PONG");
}

#[test]
fn a_deferred_command_waits_alone_and_keeps_its_place() {
    let network = start(1);
    let (mut parked, mut other) = (connect(&network), connect(&network));
    let large = vec![b'x'; 100_000];
    parked.send(b"ECHO before\r\nDEFER\r\nECHO after\r\n");
    assert_eq!(parked.reply(), "before");
    eventually("deferred", || network.service().parked() == 1);
    parked.send(&request(&[b"ECHO", &large]));
    parked.send(b"ECHO last\r\n");
    for _ in 0..100 {
        assert_eq!(other.ask("PING"), "+PONG");
    }
    network.service().open_gate();
    assert_eq!(parked.reply(), "+OK");
    assert_eq!(parked.reply(), "after");
    assert_eq!(parked.reply().len(), large.len());
    assert_eq!(parked.reply(), "last");
    assert_eq!(network.handle().stats().deferred, 1);
}

#[test]
fn a_batch_with_a_large_argument_survives_deferral() {
    let network = start(1);
    let mut peer = connect(&network);
    let large = vec![b'y'; 200_000];
    let mut commands = b"PING\r\nDEFER\r\n".to_vec();
    commands.extend_from_slice(&request(&[b"SET", b"k", &large]));
    commands.extend_from_slice(b"GET k\r\n");
    peer.send(&commands);
    eventually("deferred", || network.service().parked() == 1);
    network.service().open_gate();
    assert_eq!(peer.reply(), "+PONG");
    assert_eq!(peer.reply(), "+OK");
    assert_eq!(peer.reply(), "+OK");
    assert_eq!(peer.reply().as_bytes(), large);
}

#[test]
fn workers_share_the_connections() {
    let network = start(2);
    let mut peers: Vec<_> = (0..8).map(|_| connect(&network)).collect();
    assert!(peers.iter_mut().all(|peer| peer.ask("PING") == "+PONG"));
    let clients = network.handle().registry().all();
    let of = |worker| {
        clients
            .iter()
            .filter(|c| c.address().worker() == worker)
            .count()
    };
    assert_eq!((of(0), of(1)), (4, 4));
}

#[test]
fn an_endless_pipeline_leaves_room_for_others() {
    let network = start(1);
    let greedy = connect(&network);
    let mut writer = greedy.stream.get_ref().try_clone().unwrap();
    let mut reader = greedy.stream.get_ref().try_clone().unwrap();
    let toy = std::sync::Arc::clone(network.service());
    // Reads all replies, so that it never stalls.
    let reading = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while matches!(reader.read(&mut buffer), Ok(n) if n > 0) {}
    });
    let writing = std::thread::spawn(move || {
        let chunk = b"PING\r\n".repeat(10_000);
        while writer.write_all(&chunk).is_ok() {}
    });
    eventually("the pipeline runs", || {
        toy.dispatched.load(SeqCst) > 100_000
    });
    let mut other = connect(&network);
    for _ in 0..20 {
        let before = toy.dispatched.load(SeqCst);
        assert_eq!(other.ask("PING"), "+PONG");
        let overtaken = toy.dispatched.load(SeqCst) - before;
        assert!(
            overtaken < 500_000,
            "{overtaken} commands of the other ran first"
        );
    }
    drop(greedy.stream.get_ref().shutdown(std::net::Shutdown::Both));
    reading.join().unwrap();
    writing.join().unwrap();
}

#[test]
fn replies_can_be_held_back_until_they_may_leave() {
    let network = start(1);
    let mut peer = connect(&network);
    peer.send(b"HOLD\r\nPING\r\n");
    let toy = network.service();
    eventually("executed", || toy.dispatched.load(SeqCst) >= 2);
    peer.send(b"PING\r\n");
    peer.stream.get_ref().set_nonblocking(true).unwrap();
    assert!(peer.try_reply().is_err());
    peer.stream.get_ref().set_nonblocking(false).unwrap();
    toy.settled.fetch_add(1, SeqCst);
    network.handle().post().settle(0);
    assert_eq!(peer.reply(), "+OK");
    assert_eq!(
        (peer.reply(), peer.reply()),
        ("+PONG".into(), "+PONG".into())
    );
}

#[test]
fn gauges_tell_what_redis_tells() {
    let network = start(1);
    let mut peer = connect(&network);
    let id: u64 = peer.id().parse().unwrap();
    let client = network.handle().registry().get(id).unwrap();
    let now_ms = common::clock::now_ms();
    assert!((16_384..32_768).contains(&client.query_free(now_ms)));
    assert_eq!(client.query_free(now_ms + 4000), 0);
    peer.send(b"*2\r\n$4\r\nECHO\r\n$5\r\nhe");
    eventually("half a command is kept", || client.query_len() > 0);
    assert_eq!(client.query_len(), 6);
    peer.send(b"llo\r\n");
    assert_eq!(peer.reply(), "hello");
    eventually("nothing is kept", || client.query_len() == 0);
    assert_eq!(client.reply_size(now_ms + 10_000), 1024);
    peer.ask("BIG 40000");
    assert_eq!(client.reply_size(common::clock::now_ms()), 16_384);
    assert!(
        client.memory() < 4096,
        "an idle client takes {} bytes",
        client.memory()
    );
    assert_eq!(
        client.info().local.unwrap().port(),
        network.handle().listening().port
    );
    assert_eq!(NetConfig::default().workers, 1);
}
