//! The rules of the house, held by tests: which crate may use which, how long files and functions
//! get, what every file opens with, and what stays out of code that is not a test.
//!
//! The checks read the sources as text, formatted by rustfmt, and report every finding at once. A
//! file that has a good reason to differ is named in `EXCEPTIONS`, with the reason.

mod code;
mod edges;
mod shape;

use std::fs;
use std::path::{Path, PathBuf};

/// Files that a rule does not bind: path, rule, reason.
const EXCEPTIONS: &[(&str, Rule, &str)] = &[
    (
        "crates/common/src/memory.rs",
        Rule::Unsafe,
        "counts what the allocator hands out, and GlobalAlloc is an unsafe trait",
    ),
    (
        "crates/server/src/process/trace.rs",
        Rule::Unsafe,
        "walks the stack in signal handlers, where the safe walk's lock may be taken",
    ),
    (
        "crates/networking/src/affinity.rs",
        Rule::Unsafe,
        "std has no way to set a thread's affinity",
    ),
];

/// What is checked, as `EXCEPTIONS` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    FileLength,
    FunctionLength,
    Header,
    Columns,
    Panics,
    Unsafe,
}

/// One Rust file of ours.
struct Source {
    /// Relative to the workspace, with `/`.
    path: String,
    lines: Vec<String>,
    is_test: bool,
}

impl Source {
    /// The lines before the file's own tests; none where the whole file is tests.
    fn product(&self) -> &[String] {
        if self.is_test {
            return &[];
        }
        let only_declares = |at: usize| self.lines[at + 1].ends_with(';');
        let opens_tests = |at: &usize| self.lines[*at] == "#[cfg(test)]" && !only_declares(*at);
        let end = (0..self.lines.len()).find(opens_tests);
        &self.lines[..end.unwrap_or(self.lines.len())]
    }

    /// The files (without `.rs` or `/mod.rs`) of modules that this file has for its tests only.
    fn test_modules(&self) -> Vec<String> {
        let folder = match self.path.rsplit_once('/') {
            Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder,
            _ => self.path.trim_end_matches(".rs"),
        };
        let pairs = self.lines.windows(2);
        let for_tests = pairs.filter(|pair| pair[0].trim() == "#[cfg(test)]");
        let names = for_tests.filter_map(|pair| pair[1].split_once("mod ")?.1.strip_suffix(';'));
        names.map(|name| format!("{folder}/{name}")).collect()
    }

    fn is_excepted(&self, rule: Rule) -> bool {
        EXCEPTIONS
            .iter()
            .any(|(path, excepted, _)| *path == self.path && *excepted == rule)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files of the workspace.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["src", "crates", "tests", "benches", "fuzz", "xtask"] {
        collect(&root().join(folder), &mut found);
    }
    assert!(found.len() > 20, "the walk misses the sources");
    let mut sources: Vec<Source> = found.iter().map(|path| read(path)).collect();
    let test_modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let name = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let within = |module: &String| name == module || name.starts_with(&format!("{module}/"));
        let mut folders = source.path.split('/');
        source.is_test = folders.any(|folder| matches!(folder, "tests" | "benches"))
            || test_modules.iter().any(within);
    }
    sources
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    // Not every folder exists.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.expect("readable folder").path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !matches!(name, "target" | "work") {
            collect(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("readable source");
    let path = path
        .strip_prefix(root())
        .expect("below the root")
        .display()
        .to_string();
    Source {
        path,
        lines: text.lines().map(str::to_owned).collect(),
        is_test: false,
    }
}

/// Runs `check` over every file that `rule` binds; fails with all its findings.
fn hold(rule: Rule, check: impl Fn(&Source) -> Vec<String>) {
    let sources = sources();
    let findings: Vec<String> = sources
        .iter()
        .filter(|source| !source.is_excepted(rule))
        .flat_map(|source| {
            check(source)
                .into_iter()
                .map(|what| format!("{}: {what}", source.path))
        })
        .collect();
    assert!(findings.is_empty(), "{rule:?}:\n{}", findings.join("\n"));
}

#[test]
fn exceptions_name_files_that_exist() {
    for (path, rule, reason) in EXCEPTIONS {
        assert!(root().join(path).is_file(), "{path} ({rule:?}) is gone");
        assert!(!reason.is_empty(), "{path} ({rule:?}) has no reason");
    }
}
