//! Real repositories for tests, made with `git` in a cleaned environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::repo::Repo;
use crate::model::BlobId;

/// A work tree in a temporary directory; gone when dropped.
pub(super) struct TestRepo {
    _directory: TempDir,
    pub(super) path: PathBuf,
    clock: std::cell::Cell<i64>,
}

impl TestRepo {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    /// With further options for `git init`.
    pub(super) fn with(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("repo");
        std::fs::create_dir(&path).unwrap();
        let repo = Self { _directory: directory, path, clock: std::cell::Cell::new(1_700_000_000) };
        repo.git(&[&["init", "-q", "-b", "main"], options].concat());
        repo
    }

    /// A directory beside the work tree.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(name)
    }

    /// `git` with no configuration but ours, each call a minute later than the last.
    pub(super) fn command(&self, directory: &Path) -> Command {
        self.clock.set(self.clock.get() + 60);
        let date = format!("{} +0200", self.clock.get());
        let mut command = Command::new("git");
        command.current_dir(directory).env_clear();
        for name in ["PATH", "TMPDIR"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
            .envs([("HOME", directory.as_os_str()), ("GIT_CONFIG_NOSYSTEM", "1".as_ref())])
            .envs([("GIT_AUTHOR_NAME", "A U Thor"), ("GIT_AUTHOR_EMAIL", "author@example.com")])
            .envs([("GIT_COMMITTER_NAME", "C O Mitter"), ("GIT_COMMITTER_EMAIL", "committer@example.com")])
            .envs([("GIT_AUTHOR_DATE", date.as_str()), ("GIT_COMMITTER_DATE", date.as_str())])
            .envs([("GIT_CONFIG_COUNT", "4"), ("GIT_CONFIG_KEY_0", "protocol.file.allow")])
            .envs([("GIT_CONFIG_VALUE_0", "always"), ("GIT_CONFIG_KEY_1", "gc.auto")])
            .envs([("GIT_CONFIG_VALUE_1", "0"), ("GIT_CONFIG_KEY_2", "core.autocrlf")])
            .envs([("GIT_CONFIG_VALUE_2", "false"), ("GIT_CONFIG_KEY_3", "advice.detachedHead")])
            .env("GIT_CONFIG_VALUE_3", "false");
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.command(&self.path).args(arguments).output().unwrap()
    }

    /// Standard output without the last line end; panics if git fails.
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
    }

    pub(super) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Writes and stages a file, and gives its blob.
    pub(super) fn stage(&self, path: &str, bytes: impl AsRef<[u8]>) -> BlobId {
        self.write(path, bytes);
        self.git(&["add", "-f", "--", path]);
        self.id(&format!(":{path}"))
    }

    /// Commits what is staged.
    pub(super) fn commit(&self, message: &str) -> BlobId {
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.id("HEAD")
    }

    pub(super) fn id(&self, revision: &str) -> BlobId {
        BlobId::from_hex(self.git(&["rev-parse", revision]).as_bytes()).unwrap()
    }

    pub(super) fn open(&self) -> Repo {
        Repo::at(&self.path).unwrap()
    }

    /// What must be the same after a scan as before it.
    pub(super) fn state(&self) -> String {
        let fsck = self.run(&["fsck", "--full"]);
        let text = [fsck.stdout, fsck.stderr].concat();
        format!("{}\n{}", self.git(&["count-objects", "-v"]), String::from_utf8_lossy(&text))
    }
}
