//! The file and the disk may fail in any way: what is durable is a prefix of the log that ends with
//! a whole unit, and everything gets there once the disk works again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::disk::faulty::{Faults, Faulty};
use crate::disk::{Disk, RealDisk};

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

struct Fixture {
    disk: Faulty,
    path: PathBuf,
    appender: Appender,
}

impl Fixture {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("corewire-appender-{}-{}", id.0, id.1));
        let disk = Faulty::new(Arc::new(RealDisk));
        let file = disk.open(&path, true).unwrap();
        let appender = Appender::new(file, 0, 100);
        Self {
            disk,
            path,
            appender,
        }
    }

    fn add(&mut self, unit: &[u8]) {
        let offset = self.appender.added() + unit.len() as u64;
        self.appender.add(|tail| {
            tail.extend_from_slice(unit);
            offset
        });
    }

    fn content(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    fn fail(&self, faults: Faults) {
        self.disk.set(faults);
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[test]
fn offsets_follow_the_log() {
    let mut f = Fixture::new();
    f.add(b"abc");
    assert_eq!(f.appender.written(), 100);
    f.appender.write().unwrap();
    assert_eq!((f.appender.written(), f.appender.durable()), (103, 100));
    f.appender.sync().unwrap();
    assert_eq!((f.appender.durable(), f.appender.size()), (103, 3));
    assert_eq!(f.content(), b"abc");
}

#[test]
fn what_is_not_for_the_file_counts_as_written_with_what_is_before() {
    let mut f = Fixture::new();
    f.appender.add(|_| 110);
    assert_eq!((f.appender.written(), f.appender.durable()), (110, 110));
    f.add(b"abc");
    f.appender.add(|_| 120);
    assert_eq!((f.appender.added(), f.appender.written()), (120, 110));
    f.appender.write().unwrap();
    assert_eq!((f.appender.written(), f.appender.durable()), (120, 110));
    f.appender.sync().unwrap();
    assert_eq!(f.appender.durable(), 120);
}

#[test]
fn a_short_write_is_cut_off_and_written_again() {
    let mut f = Fixture::new();
    f.add(b"first");
    f.appender.write().unwrap();
    f.add(b"second");
    f.fail(Faults {
        write: Some(ENOSPC),
        space: 2,
        ..Faults::default()
    });
    let error = f.appender.write().unwrap_err();
    let AppendError::Short {
        written,
        wanted,
        cut,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((written, wanted, cut.is_ok()), (2, 6, true));
    assert_eq!(f.content(), b"first");
    f.fail(Faults::default());
    f.appender.write().unwrap();
    assert_eq!(f.content(), b"firstsecond");
}

#[test]
fn what_cannot_be_cut_off_at_once_is_before_the_next_write() {
    let mut f = Fixture::new();
    f.add(b"unit");
    f.fail(Faults {
        write: Some(ENOSPC),
        space: 1,
        set_len: Some(EIO),
        ..Faults::default()
    });
    assert!(f.appender.write().is_err());
    assert_eq!(f.content(), b"u");
    assert!(f.appender.write().is_err());
    f.fail(Faults::default());
    f.appender.write().unwrap();
    assert_eq!(f.content(), b"unit");
}

#[test]
fn after_a_failed_sync_everything_since_the_last_good_one_is_written_again() {
    let mut f = Fixture::new();
    f.add(b"safe");
    f.appender.write().unwrap();
    f.appender.sync().unwrap();
    f.add(b"doubtful");
    f.appender.write().unwrap();
    f.fail(Faults {
        sync: Some(EIO),
        ..Faults::default()
    });
    assert!(f.appender.sync().is_err());
    assert_eq!(f.appender.written(), 104);
    // The system dropped what it could not write, and the next sync has nothing to complain of.
    f.disk.lose_unsynced().unwrap();
    f.fail(Faults::default());
    f.appender.write().unwrap();
    f.appender.sync().unwrap();
    assert_eq!(f.appender.durable(), 112);
    assert_eq!(f.content(), b"safedoubtful");
}

#[test]
fn writing_goes_on_while_a_sync_is_going_on_elsewhere() {
    let mut f = Fixture::new();
    f.add(b"one");
    f.appender.write().unwrap();
    let handle = f.appender.begin_sync().unwrap().unwrap();
    assert!(f.appender.begin_sync().unwrap().is_none());
    f.add(b"two");
    f.appender.write().unwrap();
    let result = handle.sync();
    f.appender.end_sync(&result);
    assert_eq!((f.appender.durable(), f.appender.written()), (103, 106));
}

#[derive(Clone, Debug)]
enum Step {
    Add(usize),
    Write,
    Sync,
    BeginSync,
    EndSync(bool),
    Fault(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..20usize).prop_map(Step::Add),
        Just(Step::Write),
        Just(Step::Sync),
        Just(Step::BeginSync),
        any::<bool>().prop_map(Step::EndSync),
        any::<u8>().prop_map(Step::Fault),
    ];
    prop::collection::vec(step, 1..60)
}

fn faults(bits: u8) -> Faults {
    let code = |bit: u8| (bits >> bit & 1 != 0).then_some(EIO);
    Faults {
        write: code(0),
        space: usize::from(bits >> 4),
        short: usize::from(bits >> 5 & 3),
        sync: code(1),
        set_len: code(2),
        ..Faults::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_durable_part_is_always_a_prefix_of_whole_units(steps in steps()) {
        let mut f = Fixture::new();
        let (mut log, mut handle) = (Vec::new(), None);
        let mut next = 0_u8;
        for step in steps {
            match step {
                Step::Add(len) => {
                    next = next.wrapping_add(1);
                    let unit = vec![next; len];
                    f.add(&unit);
                    log.extend(unit);
                }
                Step::Write => drop(f.appender.write()),
                Step::Sync => drop(f.appender.sync()),
                Step::BeginSync => {
                    if let Some(h) = f.appender.begin_sync().unwrap() {
                        handle = Some(h);
                    }
                }
                Step::EndSync(fails) => {
                    if let Some(handle) = handle.take().filter(|_| f.appender.is_syncing()) {
                        let result = match fails {
                            true => Err(io::ErrorKind::Other.into()),
                            false => handle.sync(),
                        };
                        f.appender.end_sync(&result);
                    }
                }
                Step::Fault(bits) => f.fail(faults(bits)),
            }
            let durable = (f.appender.durable() - 100) as usize;
            let content = f.content();
            prop_assert!(content.len() >= durable);
            prop_assert_eq!(&content[..durable], &log[..durable]);
        }
        f.fail(Faults::default());
        f.appender.write().unwrap();
        f.appender.sync().unwrap();
        f.disk.lose_unsynced().unwrap();
        prop_assert_eq!(f.content(), log);
    }
}
