//! What the clients write, and what of it must be there afterwards.
//!
//! Round after round a client gives all its keys the round's number: those of all types in one
//! transaction, two more by commands of their own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use super::super::support::{RawClient, Value, is_corewire};

/// Milliseconds that the short-lived key lives.
const BRIEF_MS: i64 = 80;
/// Elements that are kept of lists, sets and streams.
const KEPT: u64 = 50;

/// How far one kind of change has come: rounds.
#[derive(Default)]
struct Reach {
    /// The last that may be there: it was sent, and not refused.
    sent: AtomicU64,
    /// The last that must be there: it was acknowledged.
    acknowledged: AtomicU64,
}

impl Reach {
    /// Round `n` is sent; what to go back to if it is refused.
    fn send(&self, n: u64) -> u64 {
        self.sent.swap(n, SeqCst)
    }

    fn is_there(&self, n: u64) {
        self.sent.store(n, SeqCst);
        self.acknowledged.store(n, SeqCst);
    }

    fn sent(&self) -> u64 {
        self.sent.load(SeqCst)
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(SeqCst)
    }
}

/// What one client has done: each change may be acknowledged or refused by itself, because a disk
/// may fail, or work again, between two of them.
#[derive(Default)]
pub(super) struct Ledger {
    transaction: Reach,
    set: Reach,
    hset: Reach,
}

/// The last rounds that must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Floor {
    transaction: u64,
    set: u64,
    hset: u64,
}

impl Ledger {
    pub(super) fn floor(&self) -> Floor {
        Floor {
            transaction: self.transaction.acknowledged(),
            set: self.set.acknowledged(),
            hset: self.hset.acknowledged(),
        }
    }

    /// How many rounds there have been.
    pub(super) fn rounds(&self) -> u64 {
        self.transaction.sent()
    }
}

fn transaction(client: usize, n: u64) -> Vec<String> {
    let old = n.saturating_sub(KEPT);
    let mut commands = vec![
        format!("SET s:{client} {n}"),
        format!("INCR i:{client}"),
        format!("RPUSH l:{client} {n}"),
        format!("LTRIM l:{client} -{KEPT} -1"),
        format!("SADD t:{client} {n}"),
        format!("SREM t:{client} {old}"),
        format!("ZADD z:{client} {n} m"),
        format!("XADD x:{client} MAXLEN {KEPT} {n}-1 f v"),
        format!("HSET h:{client} f {n} g {n}"),
        format!("PFADD p:{client} {n}"),
        format!("SETBIT b:{client} {n} 1"),
        format!("SET e:{client} {n} EX 10000"),
        format!("SET v:{client} {n} PX {BRIEF_MS}"),
    ];
    if is_corewire() {
        commands.push(format!("HPEXPIRE h:{client} 10000000 FIELDS 1 g"));
    }
    commands
}

/// Writes until the server is gone.
pub(super) fn write(port: u16, client: usize, ledger: &Ledger, stop: &AtomicBool) {
    let Some(mut connection) = RawClient::try_connect(port) else {
        return;
    };
    while !stop.load(SeqCst) {
        let n = ledger.transaction.sent() + 1;
        let commands = transaction(client, n);
        let text = commands.join("\r\n");
        let request =
            format!("MULTI\r\n{text}\r\nEXEC\r\nSET u:{client} {n}\r\nHSET w:{client} f {n}\r\n");
        let reaches = [&ledger.transaction, &ledger.set, &ledger.hset];
        let before = reaches.map(|reach| reach.send(n));
        let replies = connection.try_exchange(&request, commands.len() + 4);
        let Some([.., exec, set, hset]) = replies.as_deref() else {
            return;
        };
        let is_refused = |reply: &Value| matches!(reply, Value::Error(_));
        match exec {
            Value::Array(done) => assert!(!done.iter().any(is_refused), "{done:?}"),
            other => assert!(is_refused(other), "{other:?}"),
        }
        for ((reply, reach), before) in [exec, set, hset].into_iter().zip(reaches).zip(before) {
            // Nothing of what is refused is done.
            match is_refused(reply) {
                true => drop(reach.send(before)),
                false => reach.is_there(n),
            }
        }
    }
}

fn number(value: &Value) -> u64 {
    match value {
        Value::Bulk(text) => String::from_utf8_lossy(text).parse().expect("a number"),
        _ => 0,
    }
}

/// The round whose transaction is there: all of it, once.
fn transaction_there(connection: &mut RawClient, client: usize) -> u64 {
    let n = number(&connection.call(&format!("GET s:{client}")));
    if n == 0 {
        let keys = connection.call(&format!(
            "EXISTS i:{client} l:{client} h:{client} e:{client}"
        ));
        assert_eq!(keys.number(), 0);
        return 0;
    }
    let mut ask = |command: &str| connection.call(&command.replace('@', &client.to_string()));
    for command in [
        "GET i:@",
        "LINDEX l:@ -1",
        "ZSCORE z:@ m",
        "HGET h:@ f",
        "HGET h:@ g",
        "GET e:@",
    ] {
        assert_eq!(number(&ask(command)), n, "{command}");
    }
    let kept = n.min(KEPT);
    for command in ["LLEN l:@", "SCARD t:@", "XLEN x:@"] {
        assert_eq!(ask(command).number() as u64, kept, "{command}");
    }
    let next = n + 1;
    for (command, expected) in [
        (format!("SISMEMBER t:@ {n}"), 1),
        (format!("SISMEMBER t:@ {next}"), 0),
        (format!("GETBIT b:@ {n}"), 1),
        (format!("GETBIT b:@ {next}"), 0),
        ("EXISTS p:@".to_owned(), 1),
    ] {
        assert_eq!(ask(&command).number(), expected, "{command}");
    }
    let last = ask("XREVRANGE x:@ + - COUNT 1");
    assert_eq!(last.elements()[0].elements()[0].text(), format!("{n}-1"));
    assert!(ask("TTL e:@").number() > 0);
    if is_corewire() {
        assert!(ask("HPTTL h:@ FIELDS 1 g").elements()[0].number() > 0);
    }
    // It is gone, or will be soon.
    let brief = number(&ask("GET v:@"));
    let ttl = ask("PTTL v:@").number();
    assert!(brief == 0 || brief == n, "{brief}");
    assert!(ttl == -2 || (0..=BRIEF_MS).contains(&ttl), "{ttl}");
    n
}

/// Holds the server to a client's ledger; the client goes on from what is there. `may_refuse`: its
/// disk fails now and then.
pub(super) fn check(
    connection: &mut RawClient,
    client: usize,
    ledger: &Ledger,
    floor: Floor,
    may_refuse: bool,
) {
    let n = transaction_there(connection, client);
    let u = number(&connection.call(&format!("GET u:{client}")));
    let w = number(&connection.call(&format!("HGET w:{client} f")));
    let kinds = [
        ("transaction", n, floor.transaction, &ledger.transaction),
        ("SET", u, floor.set, &ledger.set),
        ("HSET", w, floor.hset, &ledger.hset),
    ];
    for (kind, there, floor, reach) in kinds {
        let sent = reach.sent();
        assert!(
            (floor..=sent).contains(&there),
            "client {client}, {kind}: {there} is there, {floor} was acknowledged, {sent} sent"
        );
        reach.is_there(there);
    }
    // In their order, unless the disk refused the first and not the second, and no reply came.
    assert!(w <= u || may_refuse, "client {client}: {w} without {u}");
}
