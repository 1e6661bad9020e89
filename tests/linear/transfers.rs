//! Money that goes from account to account: at every instant the sum is what it was.
//!
//! Some transfer with WATCH and a new try, some with MULTI alone; readers add up what one MULTI or
//! one MGET tells them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::support::{RawClient, Server, Value};

const ACCOUNTS: usize = 6;
const START: i64 = 1000;
/// Transfers of each client.
const TRANSFERS: usize = 300;

fn balance(value: &Value) -> i64 {
    value.text().parse().expect("a balance")
}

/// With WATCH: reads both, sets both; tries again when someone was faster. Returns how often.
fn transfer_watched(client: &mut RawClient, from: usize, to: usize, amount: i64) -> usize {
    for failures in 0.. {
        client.call(&format!("WATCH a{from} a{to}"));
        let left = balance(&client.call(&format!("GET a{from}"))) - amount;
        let right = balance(&client.call(&format!("GET a{to}"))) + amount;
        client.call("MULTI");
        client.call(&format!("SET a{from} {left}"));
        client.call(&format!("SET a{to} {right}"));
        if client.call("EXEC") != Value::Null {
            return failures;
        }
    }
    unreachable!("it tries until it succeeds")
}

fn transfer(client: &mut RawClient, from: usize, to: usize, amount: i64) {
    let request = format!("MULTI\r\nDECRBY a{from} {amount}\r\nINCRBY a{to} {amount}\r\nEXEC\r\n");
    client.send(request.as_bytes());
    (0..4).for_each(|_| drop(client.read()));
}

fn sum(values: &Value) -> i64 {
    values.elements().iter().map(balance).sum()
}

/// All balances, read in one transaction or with one command.
fn read(client: &mut RawClient, in_transaction: bool) -> i64 {
    if !in_transaction {
        let keys: Vec<_> = (0..ACCOUNTS).map(|i| format!("a{i}")).collect();
        return sum(&client.call(&format!("MGET {}", keys.join(" "))));
    }
    let gets: String = (0..ACCOUNTS).map(|i| format!("GET a{i}\r\n")).collect();
    client.send(format!("MULTI\r\n{gets}EXEC\r\n").as_bytes());
    (0..=ACCOUNTS).for_each(|_| drop(client.read()));
    sum(&client.read())
}

#[test]
fn transfers_keep_the_sum_at_every_instant() {
    for workers in ["1", "4"] {
        let server = Server::start(&["--io-threads", workers]);
        let mut admin = server.raw();
        (0..ACCOUNTS).for_each(|i| drop(admin.call(&format!("SET a{i} {START}"))));
        let total = START * ACCOUNTS as i64;
        let (done, reads, failures) = (
            AtomicBool::new(false),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        std::thread::scope(|scope| {
            let (server, done, reads, failures) = (&server, &done, &reads, &failures);
            let readers = [true, true, false].map(|in_transaction| {
                scope.spawn(move || {
                    let mut client = server.raw();
                    while !done.load(SeqCst) {
                        assert_eq!(read(&mut client, in_transaction), total);
                        reads.fetch_add(1, SeqCst);
                    }
                })
            });
            let writers: Vec<_> = (0..6)
                .map(|writer| {
                    scope.spawn(move || {
                        let mut client = server.raw();
                        for i in 0..TRANSFERS {
                            let from = (writer + i) % ACCOUNTS;
                            let to = (from + 1 + i % (ACCOUNTS - 1)) % ACCOUNTS;
                            if writer % 2 == 0 {
                                transfer(&mut client, from, to, 1 + i as i64 % 7);
                            } else {
                                let amount = 1 + i as i64 % 5;
                                let n = transfer_watched(&mut client, from, to, amount);
                                failures.fetch_add(n, SeqCst);
                            }
                        }
                    })
                })
                .collect();
            let results: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
            done.store(true, SeqCst);
            results
                .into_iter()
                .for_each(|result| result.expect("it ends"));
            readers
                .into_iter()
                .for_each(|reader| reader.join().expect("it ends"));
        });
        assert_eq!(read(&mut admin, true), total);
        let (reads, failures) = (reads.load(SeqCst), failures.load(SeqCst));
        println!("{workers} workers: {reads} reads, {failures} failed tries");
        assert!(reads > 0 && failures > 0);
    }
}
