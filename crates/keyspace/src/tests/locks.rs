//! Deferral: nobody waits out of order, and no wake-up is lost.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

struct Notify(Mutex<Sender<()>>);

impl Waker for Notify {
    fn wake(&self) {
        // The receiver may have got its lock and gone.
        let _ = self.0.lock().unwrap().send(());
    }
}

#[test]
fn sets_are_sorted_and_distinct() {
    let mut set = ShardSet::default();
    [3, 1, 3, 2]
        .into_iter()
        .for_each(|i| set.insert(ShardId(i)));
    let mut union = ShardSet::one(ShardId(0));
    union.union(&set);
    assert_eq!(union, ShardSet::Some((0..4).map(ShardId).collect()));
    union.union(&ShardSet::All);
    assert_eq!(union, ShardSet::All);
}

#[test]
fn a_busy_shard_parks_the_caller_and_wakes_it_when_free() {
    let ks = keyspace();
    let (sender, receiver) = channel();
    let waker: Arc<dyn Waker> = Arc::new(Notify(Mutex::new(sender)));
    let held = ks.lock_one(ShardId(1));
    let set = ShardSet::All;
    assert!(ks.try_lock(&set).is_none());
    assert!(ks.try_lock_or_park(&set, &|| Arc::clone(&waker)).is_err());
    assert!(
        ks.try_lock(&ShardSet::one(ShardId(0))).is_some(),
        "others were let go"
    );
    assert!(receiver.try_recv().is_err());
    drop(held);
    assert!(receiver.recv_timeout(Duration::from_secs(5)).is_ok());
    assert!(ks.try_lock_or_park(&set, &|| Arc::clone(&waker)).is_ok());
}

/// Each thread increments under locks that it gets by parking only: a lost wake-up would hang it.
#[test]
fn no_wake_up_is_lost() {
    let ks = keyspace();
    let done = AtomicUsize::new(0);
    let (threads, rounds) = if cfg!(miri) { (3, 20) } else { (6, 4_000) };
    thread::scope(|scope| {
        for t in 0..threads {
            let (ks, done) = (&ks, &done);
            scope.spawn(move || {
                for i in 0..rounds {
                    let mut set = ShardSet::one(ShardId((t + i) as u32 % 2));
                    if i % 3 == 0 {
                        set.insert(ShardId(1));
                    }
                    let (sender, receiver) = channel();
                    let waker: Arc<dyn Waker> = Arc::new(Notify(Mutex::new(sender)));
                    let guard = loop {
                        match ks.try_lock_or_park(&set, &|| Arc::clone(&waker)) {
                            Ok(guard) => break guard,
                            Err(Parked) => receiver
                                .recv_timeout(Duration::from_secs(60))
                                .expect("a parked caller is woken"),
                        }
                    };
                    if i % 64 == 0 {
                        thread::yield_now();
                    }
                    done.fetch_add(1, SeqCst);
                    drop(guard);
                }
            });
        }
    });
    assert_eq!(done.load(SeqCst), threads * rounds);
}

#[test]
fn an_unlocked_shard_or_unknown_database_gives_nothing() {
    let ks = keyspace();
    let mut locked = ks.lock_one(ShardId(2));
    assert!(locked.contains(ShardId(2)) && !locked.contains(ShardId(1)));
    assert!(locked.db(ShardId(2), DbId(0)).is_some());
    assert!(locked.db(ShardId(2), DbId(1)).is_none(), "not used yet");
    assert!(locked.db_mut(ShardId(2), DbId(1)).is_some());
    assert!(locked.db(ShardId(2), DbId(1)).is_some());
    assert!(locked.db(ShardId(1), DbId(0)).is_none());
    assert!(locked.db_mut(ShardId(2), DbId(2)).is_none());
}

/// As above, with threads that wait instead of parking, and ones that only try.
#[test]
fn those_who_wait_get_their_turn() {
    let ks = keyspace();
    let (threads, rounds) = if cfg!(miri) { (3, 20) } else { (4, 4_000) };
    let mut total = 0;
    let counts: Vec<usize> = thread::scope(|scope| {
        let spawn = |t: usize| {
            let ks = &ks;
            scope.spawn(move || {
                let set = ShardSet::one(ShardId(0));
                let mut count = 0;
                for _ in 0..rounds {
                    let locked = match t % 2 {
                        0 => Some(ks.lock(&set)),
                        _ => ks.try_lock(&set),
                    };
                    count += usize::from(locked.is_some());
                }
                count
            })
        };
        let handles: Vec<_> = (0..threads).map(spawn).collect();
        handles.into_iter().map(|h| h.join().unwrap()).collect()
    });
    for (t, count) in counts.iter().enumerate() {
        assert!(*count == rounds || t % 2 == 1);
        total += count;
    }
    assert!(total >= rounds * threads / 2);
}
