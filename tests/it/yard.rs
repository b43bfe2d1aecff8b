//! A directory of its own, real repositories in it, and the program in a cleaned environment.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// A directory that is gone when this is dropped; home and everything are in it.
pub(crate) struct Yard {
    directory: TempDir,
}

/// What a program said, as text.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Panics unless it ended with this code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }
}

/// A key that rules find, made at run time so that none stands here.
pub(crate) fn key(seed: u32) -> String {
    let mut state = u64::from(seed) * 2_654_435_761 + 12345;
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(letters[(state >> 33) as usize % 32])
    };
    let tail: String = (0..16).map(|_| next()).collect();
    format!("{}{tail}", ["AK", "IA"].concat())
}

impl Yard {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("home")).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program that sees nothing of this machine but its programs; ours is on its PATH.
    pub(crate) fn command(&self, program: &str, directory: &Path) -> Command {
        let ours = Path::new(env!("CARGO_BIN_EXE_stanch")).parent().unwrap().display().to_string();
        let mut command = Command::new(program);
        command.current_dir(directory).env_clear().stdin(Stdio::null());
        command
            .env("PATH", format!("{ours}:{}", std::env::var("PATH").unwrap_or_default()))
            .env("HOME", self.path("home"))
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("NO_COLOR", "1"), ("TZ", "UTC"), ("LC_ALL", "C")])
            .envs([("GIT_AUTHOR_NAME", "A U Thor"), ("GIT_AUTHOR_EMAIL", "author@example.com")])
            .envs([("GIT_COMMITTER_NAME", "C O Mitter"), ("GIT_COMMITTER_EMAIL", "committer@example.com")])
            .envs([
                ("GIT_CONFIG_COUNT", "2"),
                ("GIT_CONFIG_KEY_0", "protocol.file.allow"),
                ("GIT_CONFIG_VALUE_0", "always"),
            ])
            .envs([("GIT_CONFIG_KEY_1", "advice.detachedHead"), ("GIT_CONFIG_VALUE_1", "false")]);
        command
    }

    /// A repository with a work tree.
    pub(crate) fn repo(&self, name: &str) -> Repo<'_> {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        let repo = Repo { yard: self, path };
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    /// One that is there already.
    pub(crate) fn at(&self, name: &str) -> Repo<'_> {
        Repo { yard: self, path: self.path(name) }
    }
}

/// A repository in a yard.
pub(crate) struct Repo<'y> {
    pub(crate) yard: &'y Yard,
    pub(crate) path: PathBuf,
}

impl Repo<'_> {
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Said {
        Said::of(&self.yard.command(program, &self.path).args(arguments).output().unwrap())
    }

    /// git, whatever comes of it.
    pub(crate) fn try_git(&self, arguments: &[&str]) -> Said {
        self.run("git", arguments)
    }

    /// git, which has to succeed.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let said = self.run("git", arguments);
        assert_eq!(said.code, 0, "git {arguments:?}: {}{}", said.out, said.err);
        said.out.trim_end().to_owned()
    }

    pub(crate) fn stanch(&self, arguments: &[&str]) -> Said {
        self.run(env!("CARGO_BIN_EXE_stanch"), arguments)
    }

    pub(crate) fn stanch_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let mut command = self.yard.command(env!("CARGO_BIN_EXE_stanch"), &self.path);
        Said::of(&command.args(arguments).envs(environment.iter().copied()).output().unwrap())
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path.join(path)).unwrap()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path.join(path).symlink_metadata().is_ok()
    }

    pub(crate) fn script(&self, path: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(path, text);
        std::fs::set_permissions(self.path.join(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes, stages and commits a file, without any hook, and gives the commit.
    pub(crate) fn commit(&self, path: &str, bytes: impl AsRef<[u8]>) -> String {
        self.write(path, bytes);
        self.git(&["add", "-f", "--", path]);
        self.git(&["commit", "-q", "--no-verify", "-m", &format!("change {path}")]);
        self.git(&["rev-parse", "HEAD"])
    }
}
