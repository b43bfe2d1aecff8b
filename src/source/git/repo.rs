//! `Repo`, `Layout`: open a repository, and where its parts lie on disk.

use std::collections::{HashSet, VecDeque};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use bstr::{BString, ByteSlice};
use git2::{ErrorCode, ObjectFormat, Repository, RepositoryOpenFlags};

use super::by_id::GitSource;
use super::error::GitError;
use super::objects::object::HashKind;
use crate::model::BlobId;

/// As deep as git itself follows alternates of alternates.
const ALTERNATES_DEPTH: usize = 5;

/// Where the parts of a repository lie.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The directory of this work tree: `HEAD`, `index`, `MERGE_HEAD`.
    pub git_dir: PathBuf,
    /// The directory that all work trees share: refs, logs, objects.
    pub common_dir: PathBuf,
    /// Top of the work tree; `None` for a bare repository.
    pub work_dir: Option<PathBuf>,
    /// The index, which hooks may have been pointed away from the usual one.
    pub index: PathBuf,
    /// Object directories: the repository's own first (in a hook that may be the quarantine), then every alternate.
    pub objects: Vec<PathBuf>,
    /// In a receiving hook, the directory that holds just what was pushed.
    pub quarantine: Option<PathBuf>,
    /// The list of commits where a shallow clone was cut off; need not exist.
    pub shallow: PathBuf,
    /// Which hash names the objects.
    pub hash: HashKind,
}

/// An open repository. A handle may move to another thread but not be shared: each worker opens its own.
pub struct Repo {
    git: Repository,
    layout: Layout,
    head: Option<BlobId>,
    /// What a merge that is under way brings in, where only its environment tells.
    merging: Vec<BlobId>,
}

impl Repo {
    /// The repository that git's environment variables name, else the one the current directory is in. The only right
    /// way in a hook: it honours `GIT_DIR`, `GIT_INDEX_FILE`, `GIT_OBJECT_DIRECTORY` and the quarantine of a push.
    ///
    /// # Errors
    /// If there is none, or it may not or cannot be opened.
    pub fn from_env() -> Result<Self, GitError> {
        set_up_libgit2();
        let here = env::var_os("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let git = Repository::open_from_env().map_err(|error| explain(error, &here))?;
        let mut layout = Layout::of(&git);
        layout.add_environment();
        // `git merge` runs pre-merge-commit before it writes MERGE_HEAD, but has named the other sides by then.
        let heads =
            env::vars_os().filter_map(|(name, _)| BlobId::from_hex(name.as_encoded_bytes().strip_prefix(b"GITHEAD_")?));
        let mut merging: Vec<BlobId> = heads.collect();
        merging.sort_unstable();
        Ok(Self { merging, ..Self::new(git, layout)? })
    }

    /// The repository at a path, or above it: a work tree, a linked work tree, a submodule, a bare repository or mirror,
    /// or a `.git` directory. Git's environment variables are not looked at.
    ///
    /// # Errors
    /// If there is none, or it may not or cannot be opened.
    pub fn at(path: &Path) -> Result<Self, GitError> {
        set_up_libgit2();
        let none: [&Path; 0] = [];
        let git = Repository::open_ext(path, RepositoryOpenFlags::empty(), none).map_err(|e| explain(e, path))?;
        let layout = Layout::of(&git);
        Self::new(git, layout)
    }

    fn new(git: Repository, mut layout: Layout) -> Result<Self, GitError> {
        layout.follow_alternates();
        let head = match git.refname_to_id("HEAD") {
            Ok(id) => BlobId::from_raw(id.as_bytes()),
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::UnbornBranch) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { git, layout, head, merging: Vec::new() })
    }

    /// libgit2's handle, for refs and configuration.
    #[must_use]
    pub fn git(&self) -> &Repository {
        &self.git
    }

    /// Where the parts lie.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The commit that HEAD names (as stored); `None` before the first commit.
    #[must_use]
    pub fn head(&self) -> Option<BlobId> {
        self.head
    }

    /// Objects by id, through libgit2.
    ///
    /// # Errors
    /// If the object database cannot be opened.
    pub fn objects(&self) -> Result<GitSource<'_>, GitError> {
        GitSource::new(&self.git)
    }

    /// Whether some objects may have been left at a remote (a partial clone).
    #[must_use]
    pub fn is_partial(&self) -> bool {
        let Ok(config) = self.git.config() else { return false };
        if config.get_string("extensions.partialclone").is_ok() {
            return true;
        }
        let Ok(mut entries) = config.entries(Some(r"^remote\..*\.promisor$")) else { return false };
        entries.next().is_some()
    }

    /// The commits where a shallow clone was cut off; empty for a full clone.
    #[must_use]
    pub fn shallow(&self) -> HashSet<BlobId> {
        let text = fs::read(&self.layout.shallow).unwrap_or_default();
        text.lines().filter_map(|line| BlobId::from_hex(line.trim())).collect()
    }

    /// The commits that the next commit will have as parents: HEAD, and what is being merged. Empty before the first.
    ///
    /// # Errors
    /// If `MERGE_HEAD` is there and cannot be read.
    pub fn next_parents(&self) -> Result<Vec<BlobId>, GitError> {
        let mut parents: Vec<BlobId> = self.head.into_iter().collect();
        let path = self.layout.git_dir.join("MERGE_HEAD");
        match fs::read(&path) {
            Ok(text) => parents.extend(text.lines().filter_map(|line| BlobId::from_hex(line.trim()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(GitError::Io { path, error }),
        }
        parents.extend(&self.merging);
        // Otherwise what is being merged would stand here twice.
        let mut seen = HashSet::new();
        parents.retain(|parent| seen.insert(*parent));
        Ok(parents)
    }
}

impl Layout {
    fn of(git: &Repository) -> Self {
        let common_dir = git.commondir().to_owned();
        Self {
            git_dir: git.path().to_owned(),
            index: git.path().join("index"),
            work_dir: git.workdir().map(Path::to_owned),
            objects: vec![common_dir.join("objects")],
            quarantine: None,
            shallow: common_dir.join("shallow"),
            common_dir,
            hash: match git.object_format() {
                ObjectFormat::Sha1 => HashKind::Sha1,
                ObjectFormat::Sha256 => HashKind::Sha256,
            },
        }
    }

    /// What git's own variables say. Relative paths are relative to the top of the work tree, where hooks run.
    fn add_environment(&mut self) {
        let top = self.work_dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(|value| top.join(value));
        if let Some(index) = variable("GIT_INDEX_FILE") {
            self.index = index;
        }
        if let Some(shallow) = variable("GIT_SHALLOW_FILE") {
            self.shallow = shallow;
        }
        self.quarantine = variable("GIT_QUARANTINE_PATH");
        if let Some(objects) = variable("GIT_OBJECT_DIRECTORY") {
            self.objects = vec![objects];
        }
        let alternates = env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
        for path in split_path_list(alternates.as_encoded_bytes()) {
            if let Ok(path) = path.to_path() {
                self.objects.push(top.join(path));
            }
        }
    }

    /// Adds the directories that `info/alternates` of each names, once each.
    fn follow_alternates(&mut self) {
        let mut seen = HashSet::new();
        let mut todo: VecDeque<(PathBuf, usize)> = self.objects.drain(..).map(|path| (path, 0)).collect();
        while let Some((path, depth)) = todo.pop_front() {
            if !seen.insert(fs::canonicalize(&path).unwrap_or_else(|_| path.clone())) {
                continue;
            }
            let list = if depth < ALTERNATES_DEPTH { fs::read(path.join("info/alternates")) } else { Ok(Vec::new()) };
            for line in list.unwrap_or_default().lines().filter(|line| !line.is_empty() && line[0] != b'#') {
                if let Ok(alternate) = unquote(line).to_path() {
                    todo.push_back((path.join(alternate), depth + 1));
                }
            }
            self.objects.push(path);
        }
    }
}

/// Splits a list of paths as git does: at the system's separator, where a path may stand in double quotes.
fn split_path_list(list: &[u8]) -> Vec<BString> {
    let separator = if cfg!(windows) { b';' } else { b':' };
    let mut paths = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    for (at, &byte) in list.iter().chain([&separator]).enumerate() {
        if byte == b'"' && (at == start || list[at - 1] != b'\\') {
            quoted = !quoted;
        } else if byte == separator && (!quoted || at == list.len()) {
            if at > start {
                paths.push(unquote(&list[start..at]));
            }
            start = at + 1;
        }
    }
    paths
}

/// A path that git may have written in double quotes with C escapes.
fn unquote(text: &[u8]) -> BString {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else { return text.into() };
    let mut path = BString::default();
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        path.push(match escaped {
            None => byte,
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(high @ b'0'..=b'3') => {
                let digits = bytes.by_ref().take(2).fold(0u8, |sum, digit| sum << 3 | (digit & 7));
                (high - b'0') << 6 | digits
            }
            Some(other) => other,
        });
    }
    path
}

/// Once per process: what libgit2 must be told before the first repository is opened.
fn set_up_libgit2() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Hashing every object it reads is half of what libgit2 costs, and git does not do it either.
        git2::opts::strict_hash_verification(false);
        // Nothing here reads an object twice; the cache would keep up to 256 MB of them.
        git2::opts::enable_caching(false);
        #[expect(unsafe_code, reason = "libgit2's options are process-wide variables")]
        // SAFETY: the variable is written here only, once, before this process opens its first repository.
        let set = unsafe { git2::opts::set_extensions(&["partialclone"]) };
        // Without it partial clones are refused at opening, with a message that names the extension.
        drop(set);
    });
}

fn explain(error: git2::Error, path: &Path) -> GitError {
    let path = path.to_owned();
    match error.code() {
        ErrorCode::NotFound => GitError::NotARepository { path },
        ErrorCode::Owner => GitError::Owner { path: fs::canonicalize(&path).unwrap_or(path) },
        _ => GitError::Unsupported { path, why: error.message().to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::super::by_id::TreeSource;
    use super::super::testing::TestRepo;
    use super::*;

    #[test]
    fn path_lists_are_split_and_unquoted_as_git_does() {
        let found = split_path_list(br#"/a:"/b:\303\251\"c":d"#);
        assert_eq!(found, ["/a", "/b:\u{e9}\"c", "d"].map(BString::from));
        assert_eq!(split_path_list(b""), Vec::<BString>::new());
    }

    #[test]
    fn every_kind_of_repository_opens() {
        let repo = TestRepo::new();
        repo.stage("dir/a", "one");
        let head = repo.commit("first");
        let (bare, shared, linked) = (repo.beside("bare"), repo.beside("shared"), repo.beside("linked"));
        repo.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
        repo.git(&["clone", "-q", "--shared", ".", shared.to_str().unwrap()]);
        repo.git(&["worktree", "add", "-q", linked.to_str().unwrap()]);
        repo.git(&["submodule", "add", "-q", bare.to_str().unwrap(), "sub"]);
        for path in ["", "dir", ".git", "sub"].map(|path| repo.path.join(path)).iter().chain([&bare, &shared, &linked])
        {
            let opened = Repo::at(path).unwrap();
            assert_eq!(opened.head(), Some(head), "{}", path.display());
            assert_eq!(opened.layout().work_dir.is_none(), *path == bare);
            let mut buf = Vec::new();
            opened.objects().unwrap().commit(&head, &mut buf).unwrap();
            assert!(opened.shallow().is_empty() && !opened.is_partial());
            assert!(opened.layout().objects.iter().all(|path| path.is_dir()), "{:?}", opened.layout());
        }
        assert_eq!(Repo::at(&shared).unwrap().layout().objects.len(), 2);
        let layout = Repo::at(&linked).unwrap().layout().clone();
        assert!(layout.index.starts_with(&layout.git_dir) && layout.git_dir != layout.common_dir);
    }

    #[test]
    fn sha_256_partial_and_shallow_clones_open() {
        let long = TestRepo::with(&["--object-format=sha256"]);
        long.stage("a", "one");
        assert_eq!(long.commit("first").as_bytes().len(), 32);
        let opened = long.open();
        assert_eq!((opened.head(), opened.layout().hash), (Some(long.id("HEAD")), HashKind::Sha256));

        let repo = TestRepo::new();
        repo.stage("a", "one");
        repo.commit("first");
        repo.stage("a", "two");
        let second = repo.commit("second");
        repo.git(&["config", "uploadpack.allowFilter", "true"]);
        let url = format!("file://{}", repo.path.display());
        let (partial, shallow) = (repo.beside("partial"), repo.beside("shallow"));
        repo.git(&["clone", "-q", "--filter=blob:none", "--no-checkout", &url, partial.to_str().unwrap()]);
        repo.git(&["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
        assert!(Repo::at(&partial).unwrap().is_partial());
        assert_eq!(Repo::at(&shallow).unwrap().shallow(), HashSet::from([second]));
    }

    #[test]
    fn what_is_no_repository_is_said_so() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(Repo::at(directory.path()), Err(GitError::NotARepository { .. })));
        assert!(matches!(Repo::at(&directory.path().join("none")), Err(GitError::NotARepository { .. })));
        let empty = TestRepo::new();
        assert_eq!(empty.open().head(), None);
    }
}
