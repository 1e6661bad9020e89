//! Which crate may use which.
//!
//! The order of the layers is what keeps the life of a command one-way (DESIGN, "Crates and who may
//! use whom"). Only what ends up in the product counts: development dependencies are free.

use std::collections::BTreeMap;
use std::fs;

use super::root;

/// A crate, and the crates of ours that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("acl", &["common"]),
    ("cluster", &["common"]),
    (
        "commands",
        &[
            "acl",
            "cluster",
            "common",
            "datatypes",
            "keyspace",
            "persistence",
            "replication",
            "resp",
            "scripting",
        ],
    ),
    ("common", &[]),
    ("datatypes", &["common"]),
    ("keyspace", &["common", "datatypes"]),
    ("networking", &["common", "resp"]),
    ("persistence", &["common", "datatypes", "keyspace", "resp"]),
    ("replication", &["common", "keyspace", "resp"]),
    ("resp", &["common"]),
    ("scripting", &["common"]),
    (
        "server",
        &[
            "acl",
            "cluster",
            "commands",
            "common",
            "datatypes",
            "keyspace",
            "networking",
            "persistence",
            "replication",
            "resp",
            "scripting",
        ],
    ),
];

/// The crates of ours under `[dependencies]` (and its per-target forms) of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut counts = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            counts = section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
        } else if counts && let Some(name) = line.split(['.', '=', ' ']).next() {
            let name = name.strip_prefix("corewire-").unwrap_or(name);
            if ALLOWED.iter().any(|(ours, _)| *ours == name) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

fn manifests() -> BTreeMap<String, String> {
    fs::read_dir(root().join("crates"))
        .expect("crates folder")
        .map(|entry| entry.expect("readable folder").path())
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(path.join("Cargo.toml")).expect("a manifest");
            (name, text)
        })
        .collect()
}

#[test]
fn crates_use_only_what_the_design_allows() {
    let mut findings = Vec::new();
    for (name, manifest) in manifests() {
        let Some((_, allowed)) = ALLOWED.iter().find(|(ours, _)| *ours == name) else {
            findings.push(format!("{name} is not in the list of crates"));
            continue;
        };
        for used in dependencies(&manifest) {
            if !allowed.contains(&used.as_str()) {
                findings.push(format!("{name} must not use {used}"));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn dependency_reader_sees_every_way_to_name_a_crate() {
    let manifest = "[dependencies]\nresp.workspace = true\n\
                    keyspace = { path = \"x\" }\nlibc = \"1\"\n\
                    [dev-dependencies]\nserver.workspace = true\n\
                    [target.'cfg(unix)'.dependencies]\ncommon.workspace = true\n";
    assert_eq!(dependencies(manifest), ["resp", "keyspace", "common"]);
}
