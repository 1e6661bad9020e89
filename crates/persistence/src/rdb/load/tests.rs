//! Whole files: what is saved is loaded, and what is broken is refused.

use super::load as load_one;
use super::*;
use crate::cut::Cut;
use crate::disk::faulty::{Faults, Faulty};
use crate::disk::{Disk, RealDisk};
use crate::rdb::file::{FileError, Place, replace};
use crate::rdb::primitive::Compression;
use crate::rdb::save::{Clocks, Progress, SaveError, SaveOptions, write_rdb};
use crate::rdb::{ReadSource, SliceSource};
use keyspace::{
    Effects, Keyspace, KeyspaceConfig, OnDuplicate, StrValue, Value as KeyValue, ValueRef,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

type State = BTreeMap<(u32, Vec<u8>), (String, Option<i64>)>;

fn keyspace() -> Arc<Keyspace> {
    Arc::new(Keyspace::new(KeyspaceConfig {
        databases: 4,
        shards: 4,
    }))
}

fn save_options() -> SaveOptions {
    SaveOptions {
        compression: Compression::Lzf,
        checksum: true,
        aux: vec![("redis-ver", "7.0.15".into())],
        functions: vec![b"some code".to_vec()],
        clocks: Clocks::Unsaved,
        now_ms: 0,
    }
}

fn load_options() -> LoadOptions {
    LoadOptions {
        limits: Limits::default(),
        check: Check::Shape,
        now_ms: 1000,
        skip_expired: true,
        checksum: true,
        databases: 4,
        clocks: TakeClocks::Idle,
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Events for Notes {
    fn aux(&self, name: &[u8], value: &[u8]) {
        self.note(format!("{}={}", name.escape_ascii(), value.escape_ascii()));
    }

    fn function(&self, code: Vec<u8>) {
        self.note(format!("function {}", code.escape_ascii()));
    }

    fn empty_key(&self, key: &[u8]) {
        self.note(format!("empty {}", key.escape_ascii()));
    }

    fn no_checksum(&self) {
        self.note("no checksum".into());
    }

    fn progress(&self, _: u64) -> bool {
        true
    }
}

/// Sets or changes a key; the state of everything is the model.
fn change(ks: &Keyspace, key: &[u8], db: u32, f: impl FnOnce(&mut keyspace::Write<'_>)) {
    let hash = ks.hash(key);
    let shard = ks.shard_of(hash);
    let mut locked = ks.lock_one(shard);
    let mut effects = Effects::at(0);
    let mut write = locked
        .db_mut(shard, DbId(db))
        .unwrap()
        .write(hash, key, &mut effects);
    f(&mut write);
    write.commit_silent();
}

fn state(ks: &Keyspace) -> State {
    let locked = ks.lock_all();
    let mut state = State::new();
    for db in 0..4 {
        for entry in locked.dbs(DbId(db)).flat_map(|part| part.iter()) {
            let value = match entry.value() {
                ValueRef::Str(text) => text.to_vec().escape_ascii().to_string(),
                ValueRef::Set(set) => {
                    let mut members = Vec::new();
                    set.for_each(|member| members.push(format!("{member:?}")));
                    members.sort();
                    members.join(",")
                }
                other => format!("{other:?}"),
            };
            state.insert((db, entry.key().to_vec()), (value, entry.expire_at()));
        }
    }
    state
}

fn saved(ks: &Arc<Keyspace>, options: &SaveOptions) -> Vec<u8> {
    let mut bytes = Vec::new();
    let cut = Cut::begin(ks, || {});
    let len = write_rdb(cut, &mut bytes, options, &Progress::default(), &|| false).unwrap();
    assert_eq!(len, bytes.len() as u64);
    bytes
}

fn loaded(bytes: &[u8], helpers: usize) -> Result<(State, Vec<String>, Loaded), LoadError> {
    let (ks, counters, notes) = (keyspace(), Loaded::default(), Notes::default());
    let insert = |entry: NewEntry<'_>| ks.load(entry, OnDuplicate::Refuse, 1000);
    let source = ReadSource::new(bytes, true);
    let options = load_options();
    load_parallel(source, &options, &counters, &notes, (helpers, &insert))?;
    Ok((state(&ks), notes.0.into_inner().unwrap(), counters))
}

fn filled() -> Arc<Keyspace> {
    let ks = keyspace();
    for i in 0..3000 {
        let expire_at = (i % 3 == 0).then_some(i64::from(i) + 500);
        change(&ks, format!("key:{i}").as_bytes(), i % 3, |w| match i % 4 {
            0 => w.set_with_expiry(KeyValue::int(i.into()), expire_at),
            1 => w.set_with_expiry(KeyValue::plain(&vec![b'x'; i as usize]), expire_at),
            2 => {
                let mut set = datatypes::Set::new();
                for member in 0..i % 40 * (1 + i % 20) {
                    set.add(format!("m{member}").as_bytes(), &Limits::default().set);
                }
                set.add(b"one", &Limits::default().set);
                w.set_with_expiry(KeyValue::Set(set), expire_at);
            }
            _ => {
                let text = format!("text {i}").into_bytes();
                w.set_with_expiry(KeyValue::Str(StrValue::Buffer(text, true)), expire_at);
            }
        });
    }
    ks
}

#[test]
fn a_file_holds_what_the_keyspace_held_for_any_number_of_threads() {
    let ks = filled();
    let bytes = saved(&ks, &save_options());
    let mut expected = state(&ks);
    let all = expected.len();
    expected.retain(|_, (_, at)| at.is_none_or(|at| at >= 1000));
    for helpers in [0, 1, 3] {
        let (state, notes, counters) = loaded(&bytes, helpers).unwrap();
        assert!(state == expected);
        assert_eq!(notes, ["redis-ver=7.0.15", "function some code"]);
        assert_eq!(counters.keys.into_inner() as usize, expected.len());
        assert_eq!(counters.expired.into_inner() as usize, all - expected.len());
    }
}

#[test]
fn every_truncation_and_every_changed_byte_is_noticed() {
    let ks = keyspace();
    for (key, value) in [("a", "1"), ("b", "a longer value of some words"), ("c", "")] {
        change(&ks, key.as_bytes(), 1, |w| {
            w.set(KeyValue::plain(value.as_bytes()));
        });
    }
    let bytes = saved(&ks, &save_options());
    for len in 0..bytes.len() {
        assert!(loaded(&bytes[..len], 0).is_err(), "{len}");
        assert!(loaded(&bytes[..len], 2).is_err(), "{len}");
    }
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 0x55;
        assert!(loaded(&broken, 0).is_err(), "{at}");
        assert!(loaded(&broken, 1).is_err(), "{at}");
    }
}

#[test]
fn a_checksum_of_zero_is_not_checked() {
    let options = SaveOptions {
        checksum: false,
        ..save_options()
    };
    let bytes = saved(&filled(), &options);
    let (_, notes, _) = loaded(&bytes, 0).unwrap();
    assert_eq!(notes.last().unwrap(), "no checksum");
}

#[test]
fn a_key_twice_is_an_error_unless_it_may_replace() {
    let ks = keyspace();
    change(&ks, b"k", 0, |w| w.set(KeyValue::int(7)));
    let bytes = saved(&ks, &save_options());
    let load = |duplicate| {
        let source = ReadSource::new(&bytes[..], true);
        let insert = |entry: NewEntry<'_>| ks.load(entry, duplicate, 0);
        let (counters, notes) = (Loaded::default(), Notes::default());
        load_one(source, &load_options(), &counters, &notes, insert).map(drop)
    };
    let error = load(OnDuplicate::Refuse).unwrap_err();
    assert_eq!(error.to_string(), "RDB has duplicated key 'k' in DB 0");
    load(OnDuplicate::Replace).unwrap();
}

#[test]
fn what_follows_the_file_is_left_in_the_source() {
    let mut bytes = saved(&filled(), &save_options());
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let (counters, notes) = (Loaded::default(), Notes::default());
    let source = ReadSource::new(&bytes[..], true);
    let source = load(source, &load_options(), &counters, &notes, |_| true).unwrap();
    let (rest, read) = source.into_parts();
    assert_eq!([&read[..], rest].concat(), b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn other_formats_and_later_versions_are_refused() {
    for (header, text) in [
        ("REDIX0010", "Wrong signature trying to load DB from file"),
        ("REDIS0099", "Can't handle RDB format version 99"),
    ] {
        let error = loaded(header.as_bytes(), 0).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    let error = Records::open(SliceSource::new(b"REDI")).unwrap_err();
    assert!(matches!(error, Error::Truncated));
}

#[test]
fn what_modules_and_imports_leave_in_a_file_is_refused_by_name() {
    // A number of a module's name and version, in the long form.
    let id = b"graphdata"
        .iter()
        .fold(0u64, |id, letter| id << 6 | u64::from(letter - b'a' + 26))
        << 10;
    let id = [&b"\x81"[..], &id.to_be_bytes()].concat();
    for (header, body, text) in [
        (
            "REDIS0010",
            [&b"\xF7"[..], &id, b"\x02\x01\x02\x05\x00"].concat(),
            "The RDB file contains AUX module data I can't load: no matching module 'graphdata'",
        ),
        (
            "REDIS0010",
            [&b"\x07\x01k"[..], &id, b"\x05\x01x\x00"].concat(),
            "The RDB file contains module data I can't load: no matching module type 'graphdata'",
        ),
        (
            "REDIS0013",
            b"\xF3\x01\0\0\0\0\0\x00\x01k\x01v".to_vec(),
            "what a module has kept beside a key is not supported",
        ),
        (
            "VALKEY080",
            b"\xF3\x01x\x00".to_vec(),
            "the import of a slot that was going on is not supported",
        ),
    ] {
        let file = [header.as_bytes(), &body, b"\xFF\0\0\0\0\0\0\0\0"].concat();
        for helpers in [0, 1] {
            let error = loaded(&file, helpers).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }
}

/// The cut is of one instant, although writers change everything meanwhile.
#[test]
fn a_file_written_under_concurrent_writers_is_the_state_of_the_cut() {
    for seed in 0..if cfg!(miri) { 1 } else { 6 } {
        let ks = filled();
        let cut = Cut::begin(&ks, || {});
        let at_cut = state(&ks);
        let writers: Vec<_> = (0..2u64)
            .map(|writer| {
                let ks = Arc::clone(&ks);
                std::thread::spawn(move || {
                    let mut random = seed * 2 + writer + 1;
                    for round in 0..3000 {
                        random = random
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1);
                        let (i, what) = ((random >> 33) % 4000, random >> 60);
                        let key = format!("key:{i}");
                        change(&ks, key.as_bytes(), (i % 3) as u32, |w| match what {
                            0..=3 => drop(w.remove()),
                            4..=6 => drop(w.set_expiry(Some(round))),
                            7..=9 => match w.value_mut() {
                                Some(keyspace::ValueMut::Set(set)) => {
                                    set.add(key.as_bytes(), &Limits::default().set);
                                }
                                _ => w.set(KeyValue::int(5)),
                            },
                            _ => w.set(KeyValue::plain(b"another value")),
                        });
                        if round == 2000 && writer == 0 {
                            ks.lock_all().swap(DbId(0), DbId(1));
                        }
                        if round == 2500 && writer == 1 {
                            ks.lock_all().flush(DbId(2), false);
                        }
                    }
                })
            })
            .collect();
        let mut bytes = Vec::new();
        let progress = Progress::default();
        write_rdb(cut, &mut bytes, &save_options(), &progress, &|| false).unwrap();
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        let mut options = load_options();
        options.skip_expired = false;
        let (other, counters, notes) = (keyspace(), Loaded::default(), Notes::default());
        let source = ReadSource::new(&bytes[..], true);
        let insert = |entry: NewEntry<'_>| other.load(entry, OnDuplicate::Refuse, 0);
        load(source, &options, &counters, &notes, insert).unwrap();
        let loaded = state(&other);
        assert_eq!(loaded.len(), at_cut.len());
        assert!(loaded == at_cut, "seed {seed}");
    }
}

/// A key of the shard of another.
fn neighbour_of(ks: &Keyspace, key: &[u8]) -> Vec<u8> {
    let shard_of = |key: &[u8]| ks.shard_of(ks.hash(key));
    (0..)
        .map(|i: u32| format!("neighbour{i}").into_bytes())
        .find(|other| shard_of(other) == shard_of(key))
        .unwrap()
}

/// Writes to the keyspace in the middle of what it is given, and notes how long the pieces are.
struct Meddling<'a> {
    ks: &'a Keyspace,
    neighbour: &'a [u8],
    pieces: Vec<usize>,
    taken: Vec<u8>,
}

impl std::io::Write for Meddling<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = KeyValue::int(self.pieces.len() as i64);
        change(self.ks, self.neighbour, 0, |w| w.set(count));
        self.pieces.push(bytes.len());
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A value of any size goes out in pieces of the buffer's size, compressible or not; its shard is
/// not locked meanwhile, and only the value itself is not to be changed.
#[test]
fn a_large_value_is_written_in_pieces_while_others_go_on() {
    let noise: Vec<u8> = (0..3_000_000u64)
        .map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 37) as u8)
        .collect();
    let text = b"what is said again and again, ".repeat(500_000);
    for large in [Some(noise), Some(text), None] {
        let ks = keyspace();
        let key = b"large".as_slice();
        change(&ks, key, 0, |w| match &large {
            Some(bytes) => w.set(KeyValue::plain(bytes)),
            None => {
                let limits = Limits::default().set;
                let mut set = datatypes::Set::with_hint(b"member", 50_000, &limits);
                let members = (0..50_000).map(|i| format!("member {i}"));
                members.for_each(|text| assert!(set.add(text.as_bytes(), &limits)));
                w.set(KeyValue::Set(set));
            }
        });
        let expected = state(&ks);
        let neighbour = neighbour_of(&ks, key);
        let mut out = Meddling {
            ks: &ks,
            neighbour: &neighbour,
            pieces: Vec::new(),
            taken: Vec::new(),
        };
        let cut = Cut::begin(&ks, || {});
        let progress = Progress::default();
        write_rdb(cut, &mut out, &save_options(), &progress, &|| false).unwrap();
        assert!(out.pieces.len() > 2, "{:?}", out.pieces);
        assert!(out.pieces.iter().all(|&len| len <= 128 << 10));
        assert!(loaded(&out.taken, 0).unwrap().0 == expected);
    }
}

/// Calling off is seen before a large value is through.
#[test]
fn saving_a_large_value_can_be_called_off() {
    let ks = keyspace();
    let noise: Vec<u8> = (0..3_000_000u64)
        .map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 37) as u8)
        .collect();
    change(&ks, b"large", 0, |w| w.set(KeyValue::plain(&noise)));
    let looks = AtomicU64::new(0);
    let cancelled = || looks.fetch_add(1, Relaxed) >= 3;
    let mut bytes = Vec::new();
    let (cut, progress) = (Cut::begin(&ks, || {}), Progress::default());
    let result = write_rdb(cut, &mut bytes, &save_options(), &progress, &cancelled);
    assert!(matches!(result, Err(SaveError::Cancelled)));
    assert!(bytes.len() < 1 << 20);
}

/// Redis 7.0 can load what it knows the types of; from a version that it does not know it is told
/// at the first line.
#[test]
fn the_header_states_the_oldest_version_that_has_the_types() {
    let ks = filled();
    assert_eq!(&saved(&ks, &save_options())[..9], b"REDIS0010");
    let limits = Limits::default().hash;
    change(&ks, b"expiring", 2, |w| {
        let mut hash = datatypes::Hash::new();
        let at = datatypes::hash::Expiry::At(1 << 40);
        hash.put(b"field", b"value", at, &limits);
        w.set(KeyValue::Hash(hash));
    });
    let bytes = saved(&ks, &save_options());
    assert_eq!(&bytes[..9], b"REDIS0012");
    assert!(loaded(&bytes, 0).is_ok());
    ks.lock_all().swap(DbId(2), DbId(3));
    assert_eq!(&saved(&ks, &save_options())[..9], b"REDIS0012");
    ks.lock_all().flush(DbId(3), true);
    assert_eq!(&saved(&ks, &save_options())[..9], b"REDIS0010");
}

#[test]
fn a_cut_that_is_called_off_leaves_no_trace() {
    let ks = filled();
    let cut = Cut::begin(&ks, || {});
    let result = write_rdb(
        cut,
        &mut Vec::new(),
        &save_options(),
        &Progress::default(),
        &|| true,
    );
    assert!(matches!(result, Err(SaveError::Cancelled)));
    let again = saved(&ks, &save_options());
    assert!(loaded(&again, 0).is_ok());
}

fn temp_dir(name: &str) -> std::path::PathBuf {
    let name = format!("corewire-{name}-{}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A full disk, a failing sync or rename: the old file stays, the temporary one does not.
#[test]
fn the_old_file_survives_every_failure_of_the_disk() {
    let dir = temp_dir("rdb-faults");
    let disk = Faulty::new(Arc::new(RealDisk));
    let ks = filled();
    let place = Place {
        dir: &dir,
        name: "dump.rdb",
        temp: "temp-1.rdb",
        sync_as_it_grows: true,
        naming: None,
    };
    let save = || {
        replace(&disk, place, |out| {
            let (cut, progress) = (Cut::begin(&ks, || {}), Progress::default());
            write_rdb(cut, out, &save_options(), &progress, &|| false)
        })
    };
    save().unwrap();
    let old = std::fs::read(dir.join("dump.rdb")).unwrap();
    change(&ks, b"new", 0, |w| w.set(KeyValue::int(1)));
    let none = Faults::default();
    let (nospc, io) = (Some(28), Some(5));
    for (faults, step) in [
        (Faults { open: io, ..none }, "open"),
        (
            Faults {
                write: nospc,
                ..none
            },
            "rdbSaveRio",
        ),
        (
            Faults {
                write: nospc,
                space: 100_000,
                ..none
            },
            "rdbSaveRio",
        ),
        (Faults { sync: io, ..none }, "fsync"),
        (Faults { rename: io, ..none }, "rename"),
    ] {
        disk.set(faults);
        let found = match save().unwrap_err() {
            FileError::Open(_) => "open",
            FileError::Rename(_) => "rename",
            FileError::Write(step, _) => step,
            FileError::Cancelled => "cancelled",
        };
        assert_eq!(found, step);
        assert_eq!(std::fs::read(dir.join("dump.rdb")).unwrap(), old);
        assert!(disk.size(&dir.join("temp-1.rdb")).is_err());
    }
    disk.set(Faults {
        short: 1000,
        ..none
    });
    save().unwrap();
    let new = std::fs::read(dir.join("dump.rdb")).unwrap();
    assert!(
        loaded(&new, 1)
            .unwrap()
            .0
            .contains_key(&(0, b"new".to_vec()))
    );
    std::fs::remove_dir_all(dir).unwrap();
}
