//! What the directory looks like after each operation, and after each that failed.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::disk::RealDisk;
use crate::disk::faulty::{Faults, Faulty};

const EROFS: i32 = 30;

struct Fixture {
    root: PathBuf,
    disk: Faulty,
}

impl Fixture {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(format!("corewire-store-{}-{}", id.0, id.1));
        std::fs::create_dir(&root).unwrap();
        let disk = Faulty::new(Arc::new(RealDisk));
        Self { root, disk }
    }

    fn open(&self) -> Result<Store, StoreError> {
        let place = Place {
            root: self.root.clone(),
            dir_name: "dir".to_owned(),
            file_name: "a.aof".to_owned(),
        };
        Store::open(Arc::new(self.disk.clone()), place)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.root.join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(name)).ok()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

#[test]
fn a_missing_directory_or_manifest_is_an_empty_manifest() {
    let f = Fixture::new();
    assert!(f.open().unwrap().manifest().is_empty());
    std::fs::create_dir(f.root.join("dir")).unwrap();
    assert!(f.open().unwrap().manifest().is_empty());
}

#[test]
fn an_old_file_becomes_the_base() {
    let f = Fixture::new();
    f.put("a.aof", "old");
    assert!(f.open().unwrap().upgrade().unwrap());
    assert_eq!(f.text("dir/a.aof").as_deref(), Some("old"));
    assert_eq!(f.text("a.aof"), None);
    let manifest = f.text("dir/a.aof.manifest");
    assert_eq!(manifest.as_deref(), Some("file a.aof seq 1 type b\n"));
    assert!(!f.open().unwrap().upgrade().unwrap());
}

#[test]
fn an_interrupted_upgrade_goes_on() {
    let f = Fixture::new();
    f.put("a.aof", "old");
    f.disk.set(Faults {
        rename: Some(EROFS),
        ..Faults::default()
    });
    assert!(f.open().unwrap().upgrade().is_err());
    std::fs::write(
        f.root.join("dir/a.aof.manifest"),
        "file a.aof seq 1 type b\n",
    )
    .unwrap();
    f.disk.set(Faults::default());
    assert!(f.open().unwrap().upgrade().unwrap());
    assert_eq!(f.text("dir/a.aof").as_deref(), Some("old"));
}

#[test]
fn an_old_file_beside_a_complete_log_stays() {
    let f = Fixture::new();
    f.put("a.aof", "old");
    std::fs::create_dir(f.root.join("dir")).unwrap();
    f.put("dir/a.aof", "current");
    f.put("dir/a.aof.manifest", "file a.aof seq 1 type b\n");
    assert!(!f.open().unwrap().upgrade().unwrap());
    assert_eq!(f.text("a.aof").as_deref(), Some("old"));
}

#[test]
fn a_new_base_replaces_what_it_holds() {
    let f = Fixture::new();
    let mut store = f.open().unwrap();
    store.create_dir().unwrap();
    let mut manifest = store.manifest().clone();
    manifest.new_incr("a.aof");
    manifest.new_incr("a.aof");
    store.persist(manifest).unwrap();
    f.put("temp", "base");
    let installed = store
        .install_base(&f.root.join("temp"), true, None, 1)
        .unwrap();
    assert_eq!(installed, ("a.aof.1.base.rdb".to_owned(), None));
    assert_eq!(f.text("dir/a.aof.1.base.rdb").as_deref(), Some("base"));
    let gone = store.forget_history().unwrap();
    assert_eq!(gone, [f.root.join("dir/a.aof.1.incr.aof")]);
    let expected = "file a.aof.1.base.rdb seq 1 type b\nfile a.aof.2.incr.aof seq 2 type i\n";
    assert_eq!(f.text("dir/a.aof.manifest").as_deref(), Some(expected));
    assert_eq!(f.open().unwrap().manifest(), store.manifest());
}

#[test]
fn the_temporary_increment_gets_its_name_with_the_first_base() {
    let f = Fixture::new();
    let mut store = f.open().unwrap();
    store.create_dir().unwrap();
    let temp = store.place().temp_incr_name();
    f.put(&format!("dir/{temp}"), "commands");
    f.put("temp", "base");
    let names = store
        .install_base(&f.root.join("temp"), false, Some(&temp), 0)
        .unwrap();
    assert_eq!(
        names,
        (
            "a.aof.1.base.aof".to_owned(),
            Some("a.aof.1.incr.aof".to_owned())
        )
    );
    assert_eq!(f.text("dir/a.aof.1.incr.aof").as_deref(), Some("commands"));
}

#[test]
fn a_manifest_that_cannot_be_written_changes_nothing() {
    let f = Fixture::new();
    let mut store = f.open().unwrap();
    store.create_dir().unwrap();
    let mut manifest = store.manifest().clone();
    manifest.new_incr("a.aof");
    store.persist(manifest.clone()).unwrap();
    let before = f.text("dir/a.aof.manifest");
    let faults: [(Faults, &str); 3] = [
        (
            Faults {
                open: Some(EROFS),
                ..Faults::default()
            },
            "Can't open the AOF manifest file temp-a.aof.manifest: Read-only file system",
        ),
        (
            Faults {
                write: Some(28),
                ..Faults::default()
            },
            "Error trying to write the temporary AOF manifest file temp-a.aof.manifest: \
             No space left on device",
        ),
        (
            Faults {
                sync: Some(5),
                ..Faults::default()
            },
            "Fail to fsync the temp AOF file temp-a.aof.manifest: Input/output error.",
        ),
    ];
    for (fault, text) in faults {
        f.disk.set(fault);
        let mut changed = manifest.clone();
        changed.new_incr("a.aof");
        assert_eq!(store.persist(changed).unwrap_err().to_string(), text);
        assert_eq!(store.manifest(), &manifest);
        assert_eq!(f.text("dir/a.aof.manifest"), before);
    }
}
