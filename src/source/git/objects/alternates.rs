//! Object directories and the ones they borrow from (`objects/info/alternates`, `gitrepository-layout`).

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use super::object::Problem;

/// Far more than anyone borrows from; stops a maze of links.
const MAX_DIRS: usize = 1024;

/// The directories given and, after them, all that they borrow from: each once, in the order found.
pub(super) fn resolve(given: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting: Vec<_> = given.iter().rev().cloned().collect();
    while let Some(dir) = waiting.pop() {
        let real = match fs::canonicalize(&dir) {
            Ok(real) => real,
            Err(error) => {
                problems.push(Problem::unreadable(&dir, &error));
                continue;
            }
        };
        if !seen.insert(real) {
            continue;
        }
        if found.len() == MAX_DIRS {
            problems.push(Problem::corrupt("too many alternate object directories").in_file(&dir.into()));
            break;
        }
        waiting.extend(borrowed(&dir, problems).into_iter().rev());
        found.push(dir);
    }
    found
}

fn borrowed(dir: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let list = dir.join("info").join("alternates");
    match fs::read(&list) {
        Ok(text) => text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
            .filter_map(|line| Some(dir.join(unquote(line).to_path().ok()?)))
            .collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Vec::new(),
        Err(error) => {
            problems.push(Problem::unreadable(&list, &error));
            Vec::new()
        }
    }
}

/// A path as git quotes it when it holds odd bytes; anything else as it is.
fn unquote(line: &[u8]) -> Vec<u8> {
    let Some(inner) = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return line.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match rest.next() {
            Some(high @ b'0'..=b'3') => {
                let mut octal = || rest.next().map_or(0, |digit| digit & 7);
                out.push((high & 3) << 6 | octal() << 3 | octal());
            }
            Some(letter) => out.push(match letter {
                b'a' => 7,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 11,
                b'f' => 12,
                b'r' => b'\r',
                other => other,
            }),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_links_once_and_tolerates_circles() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = |name: &str, borrows: &str| {
            let dir = tmp.path().join(name);
            fs::create_dir_all(dir.join("info")).unwrap();
            fs::write(dir.join("info/alternates"), borrows).unwrap();
            dir
        };
        let a = dir("a", "# note\n../b\n../gone\n");
        dir("b", "\"../c\\040d\"\n../a\n");
        dir("c d", "");
        let mut problems = Vec::new();
        let found = resolve(std::slice::from_ref(&a), &mut problems);
        assert_eq!(found, [a.clone(), a.join("../b"), a.join("../b/../c d")]);
        assert_eq!(problems.len(), 1);
    }
}
