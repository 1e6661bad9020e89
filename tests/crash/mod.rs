//! Killed at random moments, the server loses nothing that it must not lose, and keeps nothing
//! half.
//!
//! Clients write values that tell which write they are of; each knows what was acknowledged. The
//! server is killed with SIGKILL, also while it rewrites its log, while it saves and while its disk
//! fails, started again, and asked. Twenty seconds by default; `COREWIRE_CRASH_SECONDS` says how
//! long otherwise.

mod writer;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::support::{Call, EIO, ENOSPC, FailingDisk, Server, wait_until};
use writer::{Floor, Ledger};

const CLIENTS: usize = 4;
/// Tests that share the time.
const TESTS: u32 = 6;
/// What the names of all files of the log have in them.
const LOG: &str = "aof";
/// That of their directory.
const LOG_DIR: &str = "appendonlydir";

fn time() -> Duration {
    let set = std::env::var("COREWIRE_CRASH_SECONDS").ok();
    let seconds = set.and_then(|text| text.parse().ok()).unwrap_or(20);
    Duration::from_secs(seconds) / TESTS
}

/// A cheap source of moments.
struct Moments(u64);

impl Moments {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn pause(&mut self, us_max: u64) {
        std::thread::sleep(Duration::from_micros(self.below(us_max)));
    }
}

/// What may be lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    All,
    /// What came after the last snapshot that was begun and ended.
    Snapshots,
}

/// What was going on at the moments of the kills.
#[derive(Default)]
struct Counts {
    kills: u32,
    rewriting: u32,
    saving: u32,
    failing: u32,
}

struct Trial {
    name: String,
    server: Server,
    keeps: Keeps,
    /// The disk, and what may fail on it.
    disk: Option<(FailingDisk, &'static [Call])>,
    ledgers: Vec<Ledger>,
    /// What must be there after a kill, where not everything must.
    floors: Vec<Floor>,
    moments: Moments,
    counts: Counts,
}

impl Trial {
    fn new(args: &[&str], keeps: Keeps, faults: &'static [Call]) -> Self {
        let more = ["--save", "", "--auto-aof-rewrite-percentage", "0"];
        let args = [args, &more[..]].concat();
        let disk = (!faults.is_empty()).then(|| (FailingDisk::new(), faults));
        let server = match &disk {
            Some((disk, _)) => Server::start_on(disk, &args),
            None => Server::start(&args),
        };
        wait_until("loaded", || server.info("loading") == "0");
        Self {
            name: args[..args.len() - more.len()].join(" "),
            moments: Moments(server.pid().into()),
            server,
            keeps,
            disk,
            ledgers: (0..CLIENTS).map(|_| Ledger::default()).collect(),
            floors: vec![Floor::default(); CLIENTS],
            counts: Counts::default(),
        }
    }

    /// Kills again and again.
    fn run(mut self) {
        let deadline = Instant::now() + time();
        while Instant::now() < deadline {
            let stop = AtomicBool::new(false);
            // Each client goes on where it was.
            let ledgers = std::mem::take(&mut self.ledgers);
            std::thread::scope(|scope| {
                for (client, ledger) in ledgers.iter().enumerate() {
                    let (port, stop) = (self.server.port(), &stop);
                    scope.spawn(move || writer::write(port, client, ledger, stop));
                }
                self.disturb(&ledgers);
                self.server.kill_and_restart();
                stop.store(true, SeqCst);
            });
            self.ledgers = ledgers;
            self.check();
            self.counts.kills += 1;
        }
        let Counts {
            kills,
            rewriting,
            saving,
            failing,
        } = self.counts;
        let rounds: u64 = self.ledgers.iter().map(Ledger::rounds).sum();
        println!(
            "{}: killed {kills} times in {rounds} rounds, {rewriting} times rewriting, {saving} \
             saving, {failing} with a failing disk; {} checks",
            self.name,
            kills as usize * CLIENTS
        );
        assert!(kills > 0);
    }

    /// Lets a rewrite end now and then, so that the log does not grow for ever.
    fn shorten_log(&self) {
        self.server.raw().call("BGREWRITEAOF");
        wait_until("the log is rewritten", || {
            self.server.info("aof_rewrite_in_progress") == "0"
        });
        assert_eq!(self.server.info("aof_last_bgrewrite_status"), "ok");
    }

    /// Lets a snapshot end: what was acknowledged before is there from then on.
    fn save(&mut self, ledgers: &[Ledger]) {
        let floors = ledgers.iter().map(Ledger::floor).collect();
        self.server.raw().call("BGSAVE");
        wait_until("the snapshot ends", || {
            self.server.info("rdb_bgsave_in_progress") == "0"
        });
        assert_eq!(self.server.info("rdb_last_bgsave_status"), "ok");
        self.floors = floors;
    }

    /// What goes on beside the writers, up to the moment of the kill.
    fn disturb(&mut self, ledgers: &[Ledger]) {
        self.moments.pause(150_000);
        match self.keeps {
            Keeps::All if self.counts.kills % 4 == 3 => self.shorten_log(),
            Keeps::Snapshots if self.counts.kills.is_multiple_of(2) => self.save(ledgers),
            _ => {}
        }
        let mut client = self.server.raw();
        // A few dozen keys: up to a fifth of a second for all of them.
        let delay_us = self.moments.below(4000);
        client.call(&format!("CONFIG SET rdb-key-save-delay {delay_us}"));
        let failing = self.disk.as_ref().map(|(disk, faults)| {
            let fault = faults[self.moments.below(faults.len() as u64) as usize];
            let error = [EIO, ENOSPC][self.moments.below(2) as usize];
            let part = if fault == Call::SyncDir { LOG_DIR } else { LOG };
            disk.fail(fault, part, error);
            fault
        });
        let floors: Vec<Floor> = ledgers.iter().map(Ledger::floor).collect();
        let jobs: &[&str] = match self.keeps {
            Keeps::All => &["BGREWRITEAOF", "BGREWRITEAOF", "BGSAVE", ""],
            Keeps::Snapshots => &["BGSAVE", "BGSAVE", "BGSAVE SCHEDULE", ""],
        };
        let job = jobs[self.moments.below(jobs.len() as u64) as usize];
        if !job.is_empty() {
            // With a failing disk it may be refused.
            client.call(job);
        }
        self.moments.pause(150_000);
        let is_running = |field: &str| u32::from(self.server.info(field) == "1");
        self.counts.rewriting += is_running("aof_rewrite_in_progress");
        let saving = is_running("rdb_bgsave_in_progress");
        self.counts.saving += saving;
        if job == "BGSAVE" && saving == 0 && self.server.info("rdb_last_bgsave_status") == "ok" {
            self.floors = floors;
        }
        if let (Some(fault), Some((disk, _))) = (failing, &self.disk) {
            if self.moments.below(2) == 0 {
                // It dies while the disk fails; the next one finds one that works.
                self.server.freeze();
                self.counts.failing += 1;
            }
            disk.heal(fault);
            if self.moments.below(2) == 0 {
                self.moments.pause(50_000);
            }
        }
    }

    fn check(&mut self) {
        wait_until("loaded", || self.server.info("loading") == "0");
        let mut connection = self.server.raw();
        for (client, ledger) in self.ledgers.iter().enumerate() {
            let floor = match self.keeps {
                Keeps::All => ledger.floor(),
                Keeps::Snapshots => self.floors[client],
            };
            writer::check(&mut connection, client, ledger, floor, self.disk.is_some());
        }
    }
}

fn with_log(policy: &str, preamble: &str, faults: &'static [Call]) {
    let args = ["--appendonly", "yes", "--appendfsync", policy];
    let args = [&args[..], &["--aof-use-rdb-preamble", preamble]].concat();
    Trial::new(&args, Keeps::All, faults).run();
}

#[test]
fn with_always_nothing_acknowledged_is_lost() {
    with_log("always", "yes", &[]);
}

#[test]
fn with_everysec_a_killed_process_loses_nothing_acknowledged() {
    // More than is promised: only a crash of the system may lose the last second.
    with_log("everysec", "no", &[]);
}

#[test]
fn with_no_sync_a_killed_process_loses_nothing_acknowledged() {
    with_log("no", "yes", &[]);
}

#[test]
fn with_always_nothing_acknowledged_is_lost_on_a_disk_that_fails() {
    let faults = &[
        Call::Sync,
        Call::Write,
        Call::ShortWrite(7),
        Call::ShortWrite(500),
        Call::Truncate,
        Call::Rename,
        Call::Open,
        Call::SyncDir,
    ];
    with_log("always", "no", faults);
}

#[test]
fn with_everysec_nothing_acknowledged_is_lost_on_a_disk_that_refuses_writes() {
    // A sync that fails may lose the last second.
    let faults = &[
        Call::Write,
        Call::ShortWrite(7),
        Call::ShortWrite(500),
        Call::Truncate,
        Call::Rename,
        Call::Open,
    ];
    with_log("everysec", "yes", faults);
}

#[test]
fn without_a_log_there_is_a_whole_snapshot() {
    Trial::new(&["--appendonly", "no"], Keeps::Snapshots, &[]).run();
}
