//! A directory of its own, a cleaned environment, and the program run in it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A directory to work in.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::with_prefix("stanch-it").unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file, making its directories.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A command in this directory that sees nothing of the machine's configuration.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path().join("no home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C").env("TZ", "UTC");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "A U Thor").env(format!("GIT_{who}_EMAIL"), "author@example.com");
            command.env(format!("GIT_{who}_DATE"), "2024-05-06T07:08:09+0200");
        }
        command
    }

    /// Runs the program.
    pub(crate) fn stanch(&self, arguments: &[&str]) -> Ran {
        self.stanch_with(arguments, |_| ())
    }

    /// Runs the program, with a change to the command.
    pub(crate) fn stanch_with(&self, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_stanch"));
        command.args(arguments);
        change(&mut command);
        let output = command.output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The findings of a run with a JSON report, as (rule, path, line).
    pub(crate) fn findings(&self, arguments: &[&str]) -> Vec<(String, String, u64)> {
        let ran = self.stanch(&[arguments, &["--report", "json"]].concat());
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no report: {ran:?}"));
        let mut found = Vec::new();
        for finding in report["findings"].as_array().unwrap() {
            for occurrence in finding["occurrences"].as_array().unwrap() {
                let path = occurrence["place"]["path"].as_str().unwrap_or_default().to_owned();
                found.push((
                    finding["rule"].as_str().unwrap().to_owned(),
                    path,
                    occurrence["line"].as_u64().unwrap_or(0),
                ));
            }
        }
        found.sort();
        found
    }

    /// Runs git; its output without the last line break.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = self.command("git").args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

/// A GitHub token that no one ever issued, with its checksum right; another for each `seed`.
pub(crate) fn github_token(seed: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1;
    let mut body = String::new();
    for _ in 0..30 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        body.push(char::from(DIGITS[(state >> 33) as usize % 62]));
    }
    let mut sum = crc32fast::hash(body.as_bytes());
    let mut tail = Vec::new();
    for _ in 0..6 {
        tail.push(DIGITS[sum as usize % 62]);
        sum /= 62;
    }
    tail.reverse();
    format!("{}{body}{}", ["gh", "p_"].concat(), String::from_utf8(tail).unwrap())
}
