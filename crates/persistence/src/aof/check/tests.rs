//! What the tool says of files, and what it leaves of them.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("corewire-check-aof-{}-{}", id.0, id.1));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(words: &str) -> String {
    let words: Vec<_> = words.split(' ').collect();
    let bulks = words.iter().map(|w| format!("${}\r\n{w}\r\n", w.len()));
    format!("*{}\r\n{}", words.len(), bulks.collect::<String>())
}

fn run_tool(args: &[&str], input: &str) -> (bool, String) {
    let args: Vec<_> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    let task = parse(&args).unwrap().unwrap();
    let mut out = Vec::new();
    let mut tools = Tools {
        out: &mut out,
        input: &mut input.as_bytes(),
        check_rdb: &mut |_, file, _| {
            // Stands for a snapshot of so many bytes.
            seek(file, 10)?;
            Ok(true)
        },
        progress: &mut |at, of| assert!(at <= of),
    };
    let fine = run(&task, &mut tools).unwrap();
    (fine, String::from_utf8(out).unwrap())
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_file_of_its_own_is_checked() {
    let dir = Dir::new();
    let file = dir.put(
        "a.aof",
        &(command("set foo hello") + &command("set bar world")),
    );
    let (fine, text) = run_tool(&[path(&file)], "");
    assert!(fine);
    assert!(text.starts_with("Start checking Old-Style AOF\nAOF analyzed: filename="));
    assert!(
        text.contains(", size=66, ok_up_to=66, ok_up_to_line=15, diff=0\n"),
        "{text}"
    );
    assert!(text.ends_with("is valid\n"));
    let with_rdb = dir.put("b.aof", &("REDIS00001".to_owned() + &command("set a 1")));
    let (fine, text) = run_tool(&[path(&with_rdb)], "");
    assert!(fine && text.contains("RDB preamble is OK, proceeding with AOF tail..."));
}

#[test]
fn what_is_not_well_formed_is_found_and_cut_when_allowed() {
    let good = command("set foo hello");
    for (bad, complaint) in [
        ("!!!", "format error"),
        ("*3\r\n$3\r\nset\r\n", "diff=13"),
        ("*1\r\n+x\r\n", "Expected prefix '$', got: '+'"),
        ("*1\r\n$3\r\nab", "Expected to read 5 bytes, got 2 bytes"),
        ("*1\r\n$1\r\nabcd", "Expected \\r\\n, got: 6263"),
        ("*1\n", "Expected \\r\\n, got: 0a00"),
        (&command("exec"), "Unexpected EXEC in AOF"),
        (
            &(command("multi") + &command("multi")),
            "Unexpected MULTI in AOF",
        ),
        (
            &command("multi"),
            "Reached EOF before reading EXEC for MULTI",
        ),
    ] {
        let dir = Dir::new();
        let file = dir.put("a.aof", &(good.clone() + bad));
        let (fine, text) = run_tool(&[path(&file)], "");
        assert!(!fine && text.contains(complaint), "{bad:?}: {text}");
        assert!(text.contains("is not valid. Use the --fix option to try fixing it."));
        let (fine, text) = run_tool(&["--fix", path(&file)], "n\n");
        assert!(!fine && text.ends_with("Aborting...\n"), "{text}");
        let (fine, text) = run_tool(&["--fix", path(&file)], "y\n");
        assert!(
            fine && text.contains("Successfully truncated AOF"),
            "{text}"
        );
        assert_eq!(dir.text("a.aof"), good);
    }
}

#[test]
fn only_the_last_of_several_files_is_cut() {
    let dir = Dir::new();
    let manifest = dir.put("m", "file b seq 1 type b\nfile i seq 1 type i\n");
    dir.put("b", &(command("set a 1") + &command("multi")));
    dir.put("i", &command("set a 1"));
    let (fine, text) = run_tool(&["--fix", path(&manifest)], "y\n");
    assert!(!fine && text.contains("Failed to truncate AOF b because it is not the last file"));
    dir.put("b", &command("set a 1"));
    dir.put("i", "");
    let (fine, text) = run_tool(&[path(&manifest)], "");
    assert!(fine);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("AOF analyzed"))
        .collect();
    assert_eq!(
        lines,
        [
            "Start checking Multi Part AOF",
            "Start to check BASE AOF (RESP format).",
            "BASE AOF b is valid",
            "Start to check INCR files.",
            "INCR AOF i is empty",
            "All AOF files and manifest are valid",
        ]
    );
}

#[test]
fn a_file_is_cut_to_a_moment() {
    let dir = Dir::new();
    let part = |time: u32| format!("#TS:{time}\r\n{}", command("set a 1"));
    let file = dir.put("a.aof", &(part(10) + &part(20) + &part(30)));
    let to = |time: &str| run_tool(&["--truncate-to-timestamp", time, path(&file)], "");
    let (fine, text) = to("30");
    assert!(fine && text.contains("Truncate nothing in AOF"), "{text}");
    assert!(to("25").0);
    assert_eq!(dir.text("a.aof"), part(10) + &part(20));
    let (fine, text) = to("9");
    assert!(!fine && text.contains("has nothing before timestamp 9, aborting..."));
}
