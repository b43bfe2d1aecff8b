//! The rules of the map in `src/lib.rs`, as tests.

use std::path::{Path, PathBuf};

/// Layers, from below; a module may use those of lower layers only.
const LAYERS: &[&[&str]] =
    &[&["model"], &["rules"], &["detect", "source"], &["filter", "report", "revoke"], &["scan"], &["config", "audit"]];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The part of a file before its tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned()
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_string_lossy();
    name.ends_with("tests")
        || name == "testing"
        || name == "sample"
        || name == "corpus"
        || ["fuzz", "tools"].contains(&&*name)
        || path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "cases")
}

#[test]
fn imports_point_down_only() {
    let layer_of = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let mut faults = Vec::new();
    for path in sources(&root().join("src")) {
        let relative = path.strip_prefix(root().join("src")).unwrap();
        let module = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let Some(layer) = layer_of(module.trim_end_matches(".rs")) else { continue };
        for (other_layer, names) in LAYERS.iter().enumerate() {
            for other in names.iter().filter(|other| **other != module) {
                let uses = code(&path).contains(&format!("crate::{other}::")) || grouped(&code(&path), other);
                let allowed = other_layer < layer || (layer == 5 && module == "audit" && *other == "config");
                if uses && !allowed && !is_test(&path) {
                    faults.push(format!("{} uses {other}", relative.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether `use crate::{ … other::… }` stands in the code.
fn grouped(code: &str, other: &str) -> bool {
    code.split("use crate::{").skip(1).any(|rest| {
        let group = rest.split("\n};").next().unwrap_or(rest);
        group.lines().any(|line| line.trim_start().starts_with(&format!("{other}::")))
    })
}

#[test]
fn files_say_what_they_are_and_stay_short() {
    let mut faults = Vec::new();
    for path in sources(&root().join("src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.starts_with("//! ") {
            faults.push(format!("{}: the first line does not say what the file is", path.display()));
        }
        let lines = code(&path).lines().count();
        if lines > 500 && !is_test(&path) {
            faults.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_in_the_library_prints_or_opens_sockets_out_of_its_home() {
    let mut faults = Vec::new();
    for path in sources(&root().join("src")) {
        let relative = path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
        if is_test(&path) {
            continue;
        }
        let code = code(&path);
        let home = |homes: &[&str]| homes.iter().any(|home| relative.starts_with(home));
        let rules: &[(&str, &[&str])] = &[
            ("ureq::", &["revoke/", "audit/"]),
            ("TcpStream", &["revoke/", "audit/"]),
            ("rusqlite::", &["audit/"]),
            ("clap::", &["cli/"]),
            ("ignore::", &["source/tree.rs"]),
            ("memmap2::", &["source/mapped/"]),
            ("std::env::var", &["cli/", "config/", "audit/", "source/git/repo.rs", "revoke/key_source.rs"]),
        ];
        for (word, homes) in rules {
            if code.contains(word) && !home(homes) {
                faults.push(format!("{relative} has {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
