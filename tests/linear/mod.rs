//! Linearizability: whatever many clients on many workers do, there is an order in which one
//! client could have done it alone, one command after the other, with the same replies.
//!
//! Clients run random commands on few keys (`workload.rs`): single ones, on several keys, in
//! MULTI/EXEC with and without WATCH, blocking ones. The histories are checked against a model of
//! the commands (`model.rs`) by Wing and Gong's algorithm with memory, as Porcupine does it
//! (`checker.rs`). Everything random comes from seeds; a failure prints its history.
//! `COREWIRE_LINEAR_SECONDS` makes it run longer.

mod checker;
mod model;
mod transfers;
mod waiting;
mod workload;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::support::{Server, Value, is_corewire};
use checker::Verdict;

/// Groups of clients at work at the same time, each on its own keys.
const GROUPS: usize = 4;
/// Histories after which it is enough, unless told otherwise.
const HISTORIES: u64 = 8000;
/// Time after which it is enough.
const SECONDS: u64 = 40;

#[test]
fn histories_of_many_clients_are_linearizable() {
    check_histories(|_| ());
}

/// Every command that could be long is sent to an executor, though here all are short.
#[test]
fn histories_are_linearizable_with_commands_away() {
    if !is_corewire() {
        return;
    }
    check_histories(|server| {
        let mut client = server.raw();
        assert_eq!(client.call("DEBUG AWAY-THRESHOLD 0"), Value::ok());
    });
}

fn check_histories(prepare: impl FnOnce(&Server)) {
    let given = std::env::var("COREWIRE_LINEAR_SECONDS").ok();
    let given = given.and_then(|text| text.parse::<u64>().ok());
    let (seconds, most) = given.map_or((SECONDS, HISTORIES), |seconds| (seconds, u64::MAX));
    let server = Server::start(&["--io-threads", "4", "--enable-debug-command", "local"]);
    prepare(&server);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let (next, undecided) = (AtomicU64::new(0), AtomicUsize::new(0));
    let unmasked = AtomicUsize::new(0);
    let tally = Mutex::new(workload::Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..GROUPS {
            scope.spawn(|| {
                let mut group = workload::Group::new(&server);
                while Instant::now() < deadline {
                    let seed = next.fetch_add(1, SeqCst);
                    if seed >= most {
                        break;
                    }
                    let history = group.run(seed);
                    match checker::check(&history) {
                        Verdict::Linearizable => {}
                        Verdict::TooLong => {
                            undecided.fetch_add(1, SeqCst);
                        }
                        Verdict::Violation => {
                            next.store(most, SeqCst);
                            panic!("seed {seed}:\n{}", workload::show(&history));
                        }
                    }
                    // The same backwards is no way to run commands: the checker must see that.
                    if seed % 16 == 0 {
                        let verdict = checker::check(&workload::backwards(&history));
                        unmasked.fetch_add(usize::from(verdict == Verdict::Violation), SeqCst);
                    }
                    tally.lock().unwrap().add(&history);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    let undecided = undecided.load(SeqCst);
    let unmasked = unmasked.into_inner();
    println!("{tally:?}, {undecided} undecided; {unmasked} seen to be backwards");
    assert!(
        unmasked * 16 * 2 > tally.histories,
        "the checker accepts too much"
    );
    assert!(undecided * 100 <= tally.histories, "too many are undecided");
    tally.assert_varied();
}
