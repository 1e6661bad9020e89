//! Killed at random moments, the server loses nothing that it must not lose, and keeps nothing
//! half.
//!
//! Clients write values that tell which write they are of; each knows what was acknowledged. The
//! server is killed with SIGKILL, also while it rewrites its file, started again, and asked. Twenty
//! seconds by default; `COREWIRE_CRASH_SECONDS` says how long otherwise.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::support::{RawClient, Server, Value, wait_until};

const CLIENTS: usize = 4;
const FIELDS: usize = 3;

fn seconds() -> u64 {
    let set = std::env::var("COREWIRE_CRASH_SECONDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// What one client has done.
#[derive(Default)]
struct Ledger {
    /// Number of the last write sent, and of the last one acknowledged.
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

/// Writes until the server is gone: each round changes keys of all types in one transaction.
fn write(port: u16, client: usize, ledger: &Ledger, stop: &AtomicBool) {
    let Some(mut connection) = RawClient::try_connect(port) else {
        return;
    };
    while !stop.load(SeqCst) {
        let n = ledger.sent.load(SeqCst) + 1;
        ledger.sent.store(n, SeqCst);
        let mut request = String::from("MULTI\r\n");
        request += &format!("SET s:{client} {n}\r\nRPUSH l:{client} {n}\r\n");
        request += &format!("LTRIM l:{client} -50 -1\r\nSADD t:{client} {n}\r\n");
        request += &format!("SREM t:{client} {}\r\n", n.saturating_sub(50));
        request += &format!("ZADD z:{client} {n} m\r\nXADD x:{client} MAXLEN 50 {n}-1 f v\r\n");
        for field in 0..FIELDS {
            request += &format!("HSET h:{client} f{field} {n}\r\n");
        }
        request += &format!("SET e:{client} {n} EX 10000\r\nEXEC\r\n");
        if connection.try_exchange(&request, 11 + FIELDS).is_none() {
            return;
        }
        ledger.acknowledged.store(n, SeqCst);
    }
}

/// What the server has of a client's writes: the same number everywhere.
fn check(connection: &mut RawClient, client: usize) -> u64 {
    let number = |value: Value| match value {
        Value::Bulk(text) => String::from_utf8_lossy(&text).parse().unwrap_or(0),
        _ => 0,
    };
    let n = number(connection.call(&format!("GET s:{client}")));
    if n == 0 {
        return 0;
    }
    assert_eq!(number(connection.call(&format!("LINDEX l:{client} -1"))), n);
    assert_eq!(number(connection.call(&format!("ZSCORE z:{client} m"))), n);
    assert_eq!(
        connection
            .call(&format!("SISMEMBER t:{client} {n}"))
            .number(),
        1
    );
    assert_eq!(
        connection
            .call(&format!("SISMEMBER t:{client} {}", n + 1))
            .number(),
        0
    );
    let last = connection.call(&format!("XREVRANGE x:{client} + - COUNT 1"));
    assert_eq!(last.elements()[0].elements()[0].text(), format!("{n}-1"));
    for field in 0..FIELDS {
        assert_eq!(
            number(connection.call(&format!("HGET h:{client} f{field}"))),
            n
        );
    }
    assert_eq!(number(connection.call(&format!("GET e:{client}"))), n);
    assert!(connection.call(&format!("TTL e:{client}")).number() > 0);
    n
}

/// A cheap source of moments.
fn random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    *state >> 33
}

fn kill_again_and_again(policy: &str, preamble: &str) {
    let args = [
        "--appendonly",
        "yes",
        "--appendfsync",
        policy,
        "--aof-use-rdb-preamble",
        preamble,
        "--save",
        "",
    ];
    let mut server = Server::start(&args);
    wait_until("loaded", || server.info("loading") == "0");
    let ledgers: Vec<Ledger> = (0..CLIENTS).map(|_| Ledger::default()).collect();
    let deadline = Instant::now() + Duration::from_secs(seconds()) / 3;
    let mut moments = u64::from(server.pid());
    let mut rounds = 0;
    while Instant::now() < deadline {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (client, ledger) in ledgers.iter().enumerate() {
                let (port, stop) = (server.port(), &stop);
                scope.spawn(move || write(port, client, ledger, stop));
            }
            let pause = Duration::from_millis(random(&mut moments) % 300);
            std::thread::sleep(pause);
            if random(&mut moments).is_multiple_of(2) {
                server.raw().call("BGREWRITEAOF");
                std::thread::sleep(Duration::from_micros(random(&mut moments) % 60_000));
            }
            server.kill_and_restart();
            stop.store(true, SeqCst);
        });
        wait_until("loaded", || server.info("loading") == "0");
        let mut connection = server.raw();
        for (client, ledger) in ledgers.iter().enumerate() {
            let (acknowledged, sent) = (ledger.acknowledged.load(SeqCst), ledger.sent.load(SeqCst));
            let kept = check(&mut connection, client);
            assert!(
                kept <= sent,
                "client {client}: {kept} was never sent, {sent} was the last"
            );
            assert!(
                kept >= acknowledged,
                "{policy}, client {client}: {acknowledged} was acknowledged, {kept} is there"
            );
            ledger.sent.store(kept, SeqCst);
            ledger.acknowledged.store(kept, SeqCst);
        }
        rounds += 1;
    }
    assert!(rounds > 0);
    let all: u64 = ledgers.iter().map(|ledger| ledger.sent.load(SeqCst)).sum();
    println!("{policy}, preamble {preamble}: killed {rounds} times in {all} writes");
}

#[test]
fn with_always_nothing_acknowledged_is_lost() {
    kill_again_and_again("always", "yes");
}

#[test]
fn with_everysec_a_killed_process_loses_nothing_acknowledged() {
    // More than is promised: only a crash of the system may lose the last second.
    kill_again_and_again("everysec", "no");
}

#[test]
fn with_no_sync_a_killed_process_loses_nothing_acknowledged() {
    kill_again_and_again("no", "yes");
}
