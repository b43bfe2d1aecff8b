//! What the next commit would bring: index blobs that differ from HEAD (and from whatever is being merged).

use bstr::BString;

use super::super::by_id::TreeSource;
use super::super::by_id::{GitSource, TreeCache};
use super::super::error::GitError;
use super::super::parts::{CommitFields, MODE_GITLINK, MODE_TREE, canonical_mode};
use super::super::repo::Repo;
use super::super::trees::tree_diff::{ChangedFile, MAX_DEPTH, ParentTree, TreeDiff, changed_from_all};
use super::index_file::IndexFile;
use crate::model::{BlobId, Skipped};

/// What is staged.
#[derive(Clone, Debug, Default)]
pub struct Staged {
    /// Files of the index that are in no parent of the next commit at their path, sorted by path.
    pub files: Vec<ChangedFile>,
    /// Objects that could not be read; then `files` holds too much rather than too little.
    pub problems: Vec<Skipped>,
}

impl Repo {
    /// What the next commit would bring: added, modified and type-changed entries of the index. Reads the index and, of
    /// HEAD, only the directories that the index's cache of trees says have changed. Writes nothing; looks at no file
    /// of the work tree, no attribute and no filter.
    ///
    /// # Errors
    /// If the index or HEAD cannot be read.
    pub fn staged(&self) -> Result<Staged, GitError> {
        let layout = self.layout();
        let index = IndexFile::read(&layout.index, &layout.git_dir, layout.hash)?;
        let mut source = self.objects()?;
        let mut parents = Vec::new();
        let mut buf = Vec::new();
        for commit in self.next_parents()? {
            source.commit(&commit, &mut buf)?;
            parents.push(CommitFields::parse(&buf).tree);
        }
        let mut trees = TreeCache::new(source);
        let mut walk = Walk { index: &index, trees: &mut trees, files: Vec::new(), problems: Vec::new(), depth: 0 };
        walk.directory(0..index.entries.len(), 0, (!index.trees.is_empty()).then_some(0), &parents);
        let (mut files, problems) = (walk.files, walk.problems);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let partial = !problems.is_empty() && self.is_partial();
        Ok(Staged { files, problems: problems.into_iter().map(|problem| problem.into_skipped(partial)).collect() })
    }
}

struct Walk<'a, 'repo> {
    index: &'a IndexFile,
    trees: &'a mut TreeCache<GitSource<'repo>>,
    files: Vec<ChangedFile>,
    problems: Vec<GitError>,
    depth: usize,
}

impl Walk<'_, '_> {
    /// Compares the entries of a directory, whose path has `prefix` bytes, with what the parents have there.
    fn directory(
        &mut self,
        entries: std::ops::Range<usize>,
        prefix: usize,
        cached: Option<usize>,
        parents: &[Option<BlobId>],
    ) {
        if let Some((count, id)) = cached.and_then(|at| self.index.trees[at].valid) {
            // git commits what the cache says, so this is not a guess. The count guards against a stale cache.
            if count == entries.len() && parents.contains(&Some(id)) {
                return;
            }
        }
        let parents: Vec<Option<ParentTree>> = parents.iter().map(|id| self.parent(id.as_ref())).collect();
        let mut children = Children::of(self.index, cached);
        let mut at = entries.start;
        while at < entries.end {
            let name = self.index.name(&self.index.entries[at]);
            let rest = name.get(prefix..).unwrap_or_default();
            match memchr::memchr(b'/', rest) {
                Some(slash) if self.depth < MAX_DEPTH => {
                    let directory = &name[..prefix + slash + 1];
                    let group = &self.index.entries[at..entries.end];
                    let end = at + group.partition_point(|entry| self.index.name(entry).starts_with(directory));
                    let end = end.max(at + 1);
                    let below: Vec<_> =
                        parents.iter().map(|p| p.as_ref().and_then(|p| p.subtree(&rest[..slash]))).collect();
                    if rest.len() == slash + 1 {
                        self.sparse_directory(at, &below);
                    } else {
                        self.depth += 1;
                        self.directory(at..end, prefix + slash + 1, children.find(&rest[..slash]), &below);
                        self.depth -= 1;
                    }
                    at = end;
                }
                _ => {
                    self.file(at, rest, &parents);
                    at += 1;
                }
            }
        }
    }

    fn file(&mut self, at: usize, name: &[u8], parents: &[Option<ParentTree>]) {
        let entry = &self.index.entries[at];
        let mode = canonical_mode(entry.mode);
        if entry.stage != 0 || entry.intent_to_add || matches!(mode, MODE_GITLINK | MODE_TREE) {
            return;
        }
        let there = parents.iter().map(|parent| parent.as_ref().and_then(|parent| parent.get(name)));
        if let Some(old) = changed_from_all((mode, entry.id), there) {
            let path = BString::from(self.index.name(entry));
            self.files.push(ChangedFile { path, blob: entry.id, mode, old });
        }
    }

    /// A directory outside a sparse checkout, which the index holds as one entry.
    fn sparse_directory(&mut self, at: usize, parents: &[Option<BlobId>]) {
        let entry = &self.index.entries[at];
        if canonical_mode(entry.mode) == MODE_TREE && entry.stage == 0 {
            let path = self.index.name(entry);
            TreeDiff::new(self.trees, &mut self.files, &mut self.problems).below(path).compare(&entry.id, parents);
        }
    }

    fn parent(&mut self, id: Option<&BlobId>) -> Option<ParentTree> {
        match ParentTree::read(self.trees, id?) {
            Ok(tree) => Some(tree),
            Err(error) => {
                self.problems.push(error);
                None
            }
        }
    }
}

/// The directories below one of the cache of trees, by name. They are asked for in the order of the index, and stored
/// in another (shorter names first).
struct Children<'a> {
    sorted: Vec<(&'a [u8], usize)>,
}

impl<'a> Children<'a> {
    fn of(index: &'a IndexFile, parent: Option<usize>) -> Self {
        let mut sorted = Vec::new();
        if let Some(parent) = parent {
            let mut at = parent + 1;
            while at < index.trees[parent].end {
                sorted.push((index.trees[at].name(), at));
                at = index.trees[at].end;
            }
        }
        sorted.sort_unstable();
        Self { sorted }
    }

    fn find(&mut self, name: &[u8]) -> Option<usize> {
        self.sorted.binary_search_by(|(other, _)| (*other).cmp(name)).ok().map(|at| self.sorted[at].1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bstr::ByteSlice;

    use super::super::super::testing::TestRepo;
    use super::*;

    /// `status path blob` as `git diff --cached` has them; what it calls unmerged, deleted or a submodule left out.
    fn by_git(repo: &TestRepo) -> BTreeSet<String> {
        let output = repo.git(&["diff", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--diff-filter=AMT"]);
        let mut words = output.split('\0').filter(|word| !word.is_empty());
        let mut found = BTreeSet::new();
        while let Some(meta) = words.next() {
            let meta: Vec<&str> = meta.split(' ').collect();
            let path = words.next().unwrap();
            if meta[1] != "160000" {
                found.insert(format!("{} {} {path}", meta[1], meta[3]));
            }
        }
        found
    }

    fn by_us(repo: &TestRepo) -> BTreeSet<String> {
        let staged = repo.open().staged().unwrap();
        assert_eq!(staged.problems, []);
        staged.files.iter().map(|file| format!("{:06o} {} {}", file.mode, file.blob, file.path)).collect()
    }

    fn check(repo: &TestRepo) -> BTreeSet<String> {
        let want = by_git(repo);
        // Twice, because git's own check writes the trees that a split index left out.
        repo.state();
        let before = repo.state();
        let found = by_us(repo);
        assert_eq!(repo.state(), before);
        assert_eq!(found, want);
        found
    }

    fn content(repo: &TestRepo, path: &str) -> Vec<u8> {
        let staged = repo.open().staged().unwrap();
        let file = staged.files.iter().find(|file| file.path == path).expect(path);
        let mut bytes = Vec::new();
        repo.open().objects().unwrap().blob(&file.blob, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_hides_a_file_from_a_diff_does_not_hide_it_here() {
        let repo = TestRepo::new();
        repo.stage(".gitattributes", "*.nodiff -diff\n*.bin binary\n*.conv diff=x filter=y\n");
        repo.commit("attributes");
        repo.git(&["config", "diff.x.textconv", "touch ran; echo nothing"]);
        repo.git(&["config", "core.fsmonitor", "touch ran; true"]);
        let wide: Vec<u8> = "\u{feff}wide".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cases: [(&str, &[u8]); 8] = [
            ("plain", b"plain"),
            ("cleaned", b"before"),
            ("a.nodiff", b"no diff"),
            ("b.bin", b"binary"),
            ("c.conv", b"converted"),
            ("nul", b"a\0b"),
            ("utf16", &wide),
            ("na\u{ef}ve \"q\" \\ name\nx", b"odd"),
        ];
        for (path, bytes) in cases {
            repo.stage(path, bytes);
        }
        repo.write("cleaned", "after");
        std::os::unix::fs::symlink("target-of-link", repo.path.join("link")).unwrap();
        repo.git(&["add", "link"]);
        let before = repo.state();
        let _ = std::fs::remove_file(repo.path.join("ran"));
        for (path, bytes) in cases.iter().chain(&[("link", &b"target-of-link"[..])]) {
            assert_eq!(content(&repo, path).as_bstr(), bytes.as_bstr(), "{path}");
        }
        assert!(!repo.path.join("ran").exists());
        assert_eq!(repo.state(), before);
        assert_eq!(repo.open().staged().unwrap().files.len(), 9);
    }

    #[test]
    fn before_the_first_commit_everything_is_staged() {
        let repo = TestRepo::new();
        assert_eq!(by_us(&repo), BTreeSet::new());
        repo.stage("a/b/c", "1");
        repo.stage("d", "2");
        assert_eq!(by_us(&repo).len(), 2);
        repo.commit("first");
        assert_eq!(check(&repo), BTreeSet::new());
    }

    #[test]
    fn every_kind_of_change_as_git_lists_it() {
        for version in ["2", "3", "4"] {
            let repo = TestRepo::new();
            repo.git(&["config", "index.version", version]);
            for path in
                ["a/x", "a/y/z", "a-b", "a.c", "b/deep/er/file", "gone/1", "kept", "link", "mode", "moved", "swap/in"]
            {
                repo.stage(path, format!("content of {path}\n"));
            }
            repo.commit("first");
            repo.git(&["update-index", "--force-write-index", "--index-version", version]);
            assert_eq!(check(&repo), BTreeSet::new());
            let old = repo.id("HEAD:a/y/z");
            repo.stage("a/y/z", "changed");
            repo.stage("new/directory/file", "added");
            repo.git(&["rm", "-q", "-r", "gone", "swap"]);
            repo.stage("swap", "a file where a directory was");
            repo.git(&["mv", "moved", "b/moved"]);
            repo.git(&["update-index", "--chmod=+x", "mode"]);
            std::fs::remove_file(repo.path.join("link")).unwrap();
            std::os::unix::fs::symlink("elsewhere", repo.path.join("link")).unwrap();
            repo.git(&["add", "link"]);
            let gitlink = format!("160000,{},module", repo.id("HEAD"));
            repo.git(&["update-index", "--add", "--cacheinfo", &gitlink]);
            repo.write("intended", "not yet");
            repo.git(&["add", "-N", "intended"]);
            let found = check(&repo);
            assert_eq!(found.len(), 6, "{found:?}");
            let files = repo.open().staged().unwrap().files;
            let of = |path: &str| files.iter().find(|file| file.path == path).unwrap().old.clone();
            assert_eq!(of("a/y/z"), [old]);
            assert_eq!(of("swap"), []);
            assert!(files.iter().all(|file| file.path != "intended" && file.path != "module"));
        }
    }

    #[test]
    fn split_and_sparse_indexes_are_read() {
        let repo = TestRepo::new();
        for at in 0..200 {
            repo.write(&format!("d{}/f{at}", at % 7), format!("{at}"));
        }
        repo.git(&["add", "-A"]);
        repo.commit("first");
        repo.git(&["update-index", "--split-index"]);
        repo.stage("d1/f1", "changed");
        repo.git(&["rm", "-q", "d2/f2"]);
        repo.stage("d0/added", "added");
        repo.stage("zz", "added");
        assert!(std::fs::read(repo.path.join(".git/index")).unwrap().contains_str("link"));
        assert_eq!(check(&repo).len(), 3);
        repo.git(&["update-index", "--no-split-index"]);
        repo.commit("second");
        repo.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "d1"]);
        assert!(std::fs::read(repo.path.join(".git/index")).unwrap().contains_str("sdir"));
        repo.stage("d1/f8", "changed");
        assert_eq!(check(&repo).len(), 1);
        // The sparse directories now stand for trees of another commit.
        repo.git(&["commit", "-q", "-m", "third"]);
        repo.git(&["reset", "-q", "--soft", "HEAD~2"]);
        assert_eq!(check(&repo).len(), 4);
    }

    #[test]
    fn sha_256_indexes_are_read() {
        let repo = TestRepo::with(&["--object-format=sha256"]);
        repo.stage("a/b", "1");
        repo.stage("c", "2");
        repo.commit("first");
        repo.stage("a/b", "3");
        assert_eq!(check(&repo).len(), 1);
    }

    #[test]
    fn during_a_merge_only_what_is_in_no_parent() {
        let repo = TestRepo::new();
        repo.stage("both", "base\n");
        repo.commit("base");
        repo.git(&["checkout", "-q", "-b", "side"]);
        repo.stage("theirs", "from the side");
        let theirs = repo.stage("both", "side\n");
        repo.commit("side");
        repo.git(&["checkout", "-q", "main"]);
        let ours = repo.stage("both", "main\n");
        repo.commit("main");
        assert!(!repo.run(&["merge", "-q", "side"]).status.success());
        assert_eq!(by_us(&repo), BTreeSet::new());
        let resolved = repo.stage("both", "resolved\n");
        let evil = repo.stage("evil", "only in the merge");
        let files = repo.open().staged().unwrap().files;
        let found: Vec<_> = files.iter().map(|file| (file.path.to_string(), file.blob, file.old.clone())).collect();
        assert_eq!(found, [("both".into(), resolved, vec![ours, theirs]), ("evil".into(), evil, vec![])]);
        repo.commit("merged");
        assert_eq!(check(&repo), BTreeSet::new());
    }

    #[test]
    fn a_bad_index_is_an_error_and_never_a_panic() {
        let repo = TestRepo::new();
        repo.stage("a/b/c", "1");
        repo.commit("first");
        repo.stage("a/b/d", "2");
        let path = repo.path.join(".git/index");
        let good = std::fs::read(&path).unwrap();
        let opened = repo.open();
        for cut in 0..good.len() {
            std::fs::write(&path, &good[..cut]).unwrap();
            let _ = opened.staged();
        }
        for at in 0..good.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                std::fs::write(&path, &bad).unwrap();
                let _ = opened.staged();
            }
        }
        std::fs::write(&path, b"DIRC\0\0\0\x09\0\0\0\0aaaaaaaaaaaaaaaaaaaa").unwrap();
        assert!(matches!(opened.staged(), Err(GitError::Index { .. })));
    }

    /// Not a test of its own: what the hook of the next test runs, in the environment that git gives to a hook.
    #[test]
    fn in_a_hook() {
        let Some(out) = std::env::var_os("STANCH_TEST_OUT") else { return };
        let repo = Repo::from_env().unwrap();
        let staged = repo.staged().unwrap();
        let mut text = format!("index={}\n", repo.layout().index.file_name().unwrap().to_string_lossy());
        staged.files.iter().for_each(|file| text.push_str(&format!("{}\n", file.path)));
        std::fs::write(out, text).unwrap();
    }

    #[test]
    fn a_hook_sees_what_is_being_committed() {
        use std::os::unix::fs::PermissionsExt;
        let repo = TestRepo::new();
        for path in ["a", "b", "c/d"] {
            repo.stage(path, "old");
        }
        repo.commit("first");
        let (exe, out) = (std::env::current_exe().unwrap(), repo.beside("out"));
        let hook = repo.path.join(".git/hooks/pre-commit");
        let name = format!("{}::in_a_hook", module_path!().split_once("::").unwrap().1);
        let (exe, shown) = (exe.display(), out.display());
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, format!("#!/bin/sh\nSTANCH_TEST_OUT='{shown}' exec '{exe}' --exact {name} >&2\n"))
            .unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        let check = |arguments: &[&str], directory: &str, index: &str, want: &[&str]| {
            let _ = std::fs::remove_file(&out);
            let output = repo.command(&repo.path.join(directory)).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = std::fs::read_to_string(&out).unwrap();
            let mut lines = text.lines();
            let found = lines.next().unwrap();
            assert!(found.starts_with(&format!("index={index}")), "{found}");
            assert_eq!(lines.collect::<Vec<_>>(), want);
        };
        repo.stage("a", "staged");
        repo.write("b", "not staged");
        check(&["commit", "-q", "-m", "plain"], "", "index", &["a"]);
        repo.stage("a", "staged again");
        check(&["commit", "-q", "-a", "-m", "all"], "c", "index.lock", &["a", "b"]);
        repo.stage("a", "staged a third time");
        repo.write("c/d", "not staged");
        check(&["commit", "-q", "-m", "path", "--", "d"], "c", "next-index-", &["c/d"]);
        let linked = repo.beside("linked");
        repo.git(&["worktree", "add", "-q", linked.to_str().unwrap()]);
        std::fs::write(linked.join("b"), "in the linked work tree").unwrap();
        check(&["commit", "-q", "-a", "-m", "linked"], "../linked", "index.lock", &["b"]);
    }

    #[test]
    fn a_missing_tree_of_head_is_listed() {
        let repo = TestRepo::new();
        repo.stage("a/b", "1");
        repo.commit("first");
        let tree = repo.id("HEAD:a").to_string();
        repo.stage("a/c", "2");
        std::fs::remove_file(repo.path.join(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
        let staged = repo.open().staged().unwrap();
        assert_eq!(staged.files.len(), 2);
        assert_eq!(staged.problems[0].what, format!("tree {tree}"));
    }
}
