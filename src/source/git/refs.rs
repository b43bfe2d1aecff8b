//! Everything in a repository that points at an object: refs, reflogs, heads of work trees, what a merge or rebase left.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};

use super::error::GitError;
use super::repo::Repo;
use crate::model::{BlobId, SkipReason, Skipped};

/// How an object is held on to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TipKind {
    /// A branch, tag, remote-tracking branch, note, stash, pull request or other ref, or a detached HEAD.
    Ref,
    /// A line of a reflog; its name is `ref@{n}`, with `n` counted from the newest.
    Reflog,
    /// `ORIG_HEAD`, `MERGE_HEAD`, a rebase that was not finished: gone with the next command.
    Pseudo,
    /// Nothing: a commit that only the object database has. It has no name.
    Dangling,
}

/// A name and the object it leads to, which may be of any kind or missing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tip {
    /// How it is held.
    pub kind: TipKind,
    /// Full name.
    pub name: BString,
    /// The object.
    pub id: BlobId,
}

/// All tips of a repository.
#[derive(Clone, Debug, Default)]
pub struct Tips {
    /// Sorted by kind, then by name.
    pub tips: Vec<Tip>,
    /// Names of refs, live or known from their reflogs only, sorted: text to scan.
    pub names: Vec<BString>,
    /// Messages of reflogs, each once, sorted: text too (`pull https://user:password@…` ends up there).
    pub reflog_messages: Vec<BString>,
    /// Refs that could not be read.
    pub problems: Vec<Skipped>,
}

/// Stops a ref database that fails without end.
const MAX_BROKEN_REFS: usize = 1000;

impl Repo {
    /// All that points at an object: refs of every name (notes, stash, replacements and pull requests are refs),
    /// both sides of every line of every reflog, heads of linked work trees, and what unfinished commands left.
    ///
    /// # Errors
    /// If the refs cannot be listed at all.
    pub fn tips(&self) -> Result<Tips, GitError> {
        let mut collect = Collect::default();
        self.refs(&mut collect)?;
        let common = &self.layout().common_dir;
        let mut homes = vec![(PathBuf::from(common), String::new())];
        for path in sorted_entries(&common.join("worktrees")) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            homes.push((path, format!("worktrees/{name}/")));
        }
        for (home, prefix) in homes {
            collect.heads(&home, &prefix);
            collect.reflogs(&home.join("logs"), &prefix);
            if !prefix.is_empty() {
                collect.loose(&home.join("refs"), &format!("{prefix}refs"));
            }
        }
        let Collect { mut tips, names, messages, problems } = collect;
        tips.sort();
        tips.dedup();
        Ok(Tips { tips, names: names.into_iter().collect(), reflog_messages: messages.into_iter().collect(), problems })
    }

    fn refs(&self, collect: &mut Collect) -> Result<(), GitError> {
        for reference in self.git().references()? {
            let reference = match reference {
                Ok(reference) => reference,
                Err(error) => {
                    let reason = SkipReason::Corrupt(error.message().to_owned());
                    collect.problems.push(Skipped { what: "ref".into(), reason, asked: false });
                    if collect.problems.len() >= MAX_BROKEN_REFS {
                        break;
                    }
                    continue;
                }
            };
            let name = BString::from(reference.name_bytes());
            collect.names.insert(name.clone());
            match reference.target().and_then(|id| BlobId::from_raw(id.as_bytes())) {
                Some(id) => collect.tips.push(Tip { kind: TipKind::Ref, name, id }),
                None => collect.names.extend(reference.symbolic_target_bytes().map(BString::from)),
            }
        }
        // libgit2 passes over a file that holds no id without a word.
        for (_, name) in files_below(&self.layout().common_dir.join("refs"), "refs") {
            if !name.ends_with(b".lock") && !collect.names.contains(&name) {
                let reason = SkipReason::Corrupt("a ref that holds no object id".to_owned());
                collect.problems.push(Skipped { what: name, reason, asked: false });
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Collect {
    tips: Vec<Tip>,
    names: BTreeSet<BString>,
    messages: BTreeSet<BString>,
    problems: Vec<Skipped>,
}

impl Collect {
    /// `HEAD` and the files beside it that hold ids.
    fn heads(&mut self, home: &Path, prefix: &str) {
        const UNFINISHED: [&str; 3] = ["rebase-merge", "rebase-apply", "sequencer"];
        for path in sorted_entries(home) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if UNFINISHED.contains(&name.as_str()) {
                for inner in sorted_entries(&path) {
                    let file = inner.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    self.head(&inner, format!("{prefix}{name}/{file}").as_str().into(), TipKind::Pseudo);
                }
            } else if name == "HEAD" {
                self.head(&path, format!("{prefix}{name}").as_str().into(), TipKind::Ref);
            } else if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
                self.head(&path, format!("{prefix}{name}").as_str().into(), TipKind::Pseudo);
            }
        }
    }

    /// A file of ids, one at the start of each line, or of the name of a ref.
    fn head(&mut self, path: &Path, name: &BStr, kind: TipKind) {
        let Some(text) = small_file(path) else { return };
        if let Some(target) = text.strip_prefix(b"ref:") {
            self.names.insert(target.trim().into());
            return;
        }
        for word in text.lines().filter_map(|line| line.fields().next()) {
            if let Some(id) = BlobId::from_hex(word) {
                self.tips.push(Tip { kind, name: name.into(), id });
            }
        }
    }

    /// Refs of one work tree alone (`refs/bisect`, `refs/worktree`).
    fn loose(&mut self, directory: &Path, name: &str) {
        for (path, name) in files_below(directory, name) {
            self.names.insert(name.clone());
            self.head(&path, name.as_bstr(), TipKind::Ref);
        }
    }

    fn reflogs(&mut self, directory: &Path, prefix: &str) {
        for (path, name) in files_below(directory, prefix.trim_end_matches('/')) {
            let text = match fs::read(&path) {
                Ok(text) => text,
                Err(error) => {
                    let error = GitError::Io { path, error };
                    self.problems.push(error.into_skipped(false));
                    continue;
                }
            };
            self.names.insert(name.clone());
            self.reflog(name.as_bstr(), &text);
        }
    }

    /// Each line holds the old id, the new id, who, when, a tab and a message. The old id counts too: lines may have
    /// been deleted between two others, or before the first.
    fn reflog(&mut self, name: &BStr, text: &[u8]) {
        let mut met = HashSet::new();
        for (number, line) in text.lines().rev().enumerate() {
            let (ids, message) = line.split_once_str("\t").unwrap_or((line, b""));
            if !message.is_empty() {
                self.messages.insert(message.into());
            }
            let mut words = ids.fields();
            let old = words.next().and_then(BlobId::from_hex);
            let new = words.next().and_then(BlobId::from_hex);
            for (id, number) in [(new, number), (old, number + 1)] {
                let Some(id) = id.filter(|id| id.as_bytes().iter().any(|&byte| byte != 0)) else { continue };
                if met.insert(id) {
                    self.tips.push(Tip { kind: TipKind::Reflog, name: format!("{name}@{{{number}}}").into(), id });
                }
            }
        }
    }
}

/// No file that holds ids or the name of a ref is longer; `FETCH_HEAD` of thousands of refs may be.
const HEAD_BYTES: u64 = 16 << 20;

fn small_file(path: &Path) -> Option<Vec<u8>> {
    let meta = fs::symlink_metadata(path).ok()?;
    // A HEAD may be a symbolic link to a ref, in very old repositories.
    let is_file = meta.is_file() || (meta.is_symlink() && fs::metadata(path).ok()?.is_file());
    if !is_file || meta.len() > HEAD_BYTES {
        return None;
    }
    fs::read(path).ok()
}

fn sorted_entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Plain files below a directory with their names from there, no link followed.
fn files_below(directory: &Path, name: &str) -> Vec<(PathBuf, BString)> {
    let mut files = Vec::new();
    let mut todo = vec![(directory.to_owned(), BString::from(name))];
    while let Some((directory, name)) = todo.pop() {
        for path in sorted_entries(&directory) {
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            let mut name = name.clone();
            if !name.is_empty() {
                name.push(b'/');
            }
            name.extend_from_slice(path.file_name().unwrap_or_default().as_encoded_bytes());
            if meta.is_dir() {
                todo.push((path, name));
            } else if meta.is_file() {
                files.push((path, name));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::super::testing::TestRepo;
    use super::*;

    fn has(tips: &Tips, kind: TipKind, name: &str, id: BlobId) -> bool {
        tips.tips.contains(&Tip { kind, name: name.into(), id })
    }

    #[test]
    fn every_way_to_hold_an_object_is_listed() {
        let repo = TestRepo::new();
        repo.stage("a", "one");
        let first = repo.commit("first");
        repo.git(&["notes", "add", "-m", "a note"]);
        repo.git(&["tag", "-a", "-m", "tag", "v1"]);
        repo.git(&["update-ref", "refs/pull/7/head", &first.to_string()]);
        repo.git(&["update-ref", "refs/remotes/origin/x", &first.to_string()]);
        repo.write("a", "stashed");
        repo.git(&["stash", "-q"]);
        let older = repo.id("stash");
        repo.write("a", "stashed again");
        repo.git(&["stash", "-q"]);
        repo.stage("a", "two");
        let second = repo.commit("second");
        repo.git(&["commit", "-q", "--amend", "-m", "amended"]);
        let amended = repo.id("HEAD");
        repo.git(&["replace", &second.to_string(), &amended.to_string()]);
        let linked = repo.beside("linked");
        repo.git(&["worktree", "add", "-q", "--detach", linked.to_str().unwrap(), &first.to_string()]);
        repo.git(&["-C", linked.to_str().unwrap(), "update-ref", "refs/worktree/mine", &second.to_string()]);
        repo.git(&["pack-refs", "--all"]);
        repo.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/unborn"]);
        let tips = repo.open().tips().unwrap();
        let refs = [
            ("refs/heads/main", amended),
            ("refs/notes/commits", repo.id("refs/notes/commits")),
            ("refs/tags/v1", repo.id("v1")),
            ("refs/pull/7/head", first),
            ("refs/remotes/origin/x", first),
            ("refs/stash", repo.id("stash")),
            (&format!("refs/replace/{second}"), amended),
            ("worktrees/linked/HEAD", first),
            ("worktrees/linked/refs/worktree/mine", second),
        ];
        for (name, id) in refs {
            assert!(has(&tips, TipKind::Ref, name, id), "{name}");
        }
        assert!(has(&tips, TipKind::Reflog, "refs/stash@{1}", older));
        assert!(has(&tips, TipKind::Reflog, "HEAD@{1}", second));
        assert!(has(&tips, TipKind::Reflog, "refs/heads/main@{1}", second));
        assert!(has(&tips, TipKind::Pseudo, "ORIG_HEAD", repo.id("ORIG_HEAD")));
        assert!(tips.names.contains(&"refs/heads/unborn".into()) && tips.names.contains(&"refs/heads/alias".into()));
        assert!(tips.reflog_messages.contains(&"commit (amend): amended".into()));
        assert_eq!(tips.problems, []);
    }

    #[test]
    fn the_old_side_of_a_reflog_line_counts() {
        let mut collect = Collect::default();
        let [a, b, c] = ["a", "b", "c"].map(|digit| digit.repeat(40));
        let text = format!("{a} {b} X <x> 1 +0000\tone\n{c} {b} X <x> 1 +0000\ttwo\nnonsense\n");
        collect.reflog("r".into(), text.as_bytes());
        let found: Vec<_> = collect.tips.iter().map(|tip| (tip.name.to_string(), tip.id.to_string())).collect();
        assert_eq!(found, [("r@{1}".into(), b), ("r@{2}".into(), c), ("r@{3}".into(), a)]);
        assert_eq!(collect.messages.len(), 2);
    }

    #[test]
    fn a_broken_ref_is_told_and_the_rest_is_listed() {
        let repo = TestRepo::new();
        repo.stage("a", "one");
        let first = repo.commit("first");
        repo.write(".git/refs/heads/broken", "not an id\n");
        let tips = repo.open().tips().unwrap();
        assert!(has(&tips, TipKind::Ref, "refs/heads/main", first));
        assert_eq!(
            tips.problems.iter().map(|problem| problem.what.to_string()).collect::<Vec<_>>(),
            ["refs/heads/broken"]
        );
    }
}
