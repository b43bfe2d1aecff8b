//! Clones by the system's git, in an environment where nothing of the user's, the machine's or the server's choosing runs.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    temp_dir::TempDir,
    unit::{CloneUrl, digest16},
};

/// Most bytes of git's own messages that are kept.
const MESSAGES: u64 = 64 << 10;
/// Most bytes of a list of refs: a mirror with a million pull requests has less.
const REFS: u64 = 256 << 20;

/// A token and the one origin (scheme and host) it is for.
#[derive(Clone)]
pub struct Credential {
    /// For instance `https://github.com`.
    pub origin: String,
    /// User name that goes with the token, for instance `x-access-token`.
    pub user: String,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({})", self.origin)
    }
}

/// How to clone.
#[derive(Clone, Debug)]
pub struct Cloner {
    /// Where clones are made.
    pub scratch: PathBuf,
    /// What opens private repositories.
    pub credential: Option<Credential>,
    /// All refs, pull requests as well, and not only branches and tags.
    pub mirror: bool,
    /// Bytes that one clone may take on the disk; 0 for any. There are at most `jobs` and one more at a time.
    pub disk_budget: u64,
    /// Clones under way or waiting to be scanned at a time.
    pub jobs: usize,
    /// Longest time for one repository.
    pub patience: Duration,
}

/// A clone, gone when this is dropped.
#[derive(Debug)]
pub struct Clone {
    dir: TempDir,
}

impl Clone {
    /// The bare repository.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("repository.git")
    }
}

impl Cloner {
    /// The digest of a remote's refs.
    ///
    /// # Errors
    /// Says why the remote did not answer, without credentials.
    pub fn refs(&self, url: &str) -> Result<String, String> {
        let url = CloneUrl::parse(url).ok_or("no URL that may be cloned")?;
        let mut command = self.git(&url);
        command.arg("ls-remote").arg("--quiet").arg("--").arg(url.shown());
        let child =
            command.stdout(Stdio::piped()).spawn().map_err(|error| format!("git cannot be started: {error}"))?;
        let listed = self.wait(child, &AtomicBool::new(false), None)?;
        let wanted = |line: &&[u8]| {
            let name = line.split(|b| *b == b'\t').nth(1).unwrap_or_default();
            self.mirror || name == b"HEAD" || name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/")
        };
        let mut lines: Vec<&[u8]> = listed.split(|b| *b == b'\n').filter(wanted).collect();
        lines.sort_unstable();
        Ok(digest16(&[format!("mirror {}\n", self.mirror).as_bytes(), &lines.join(&b'\n')].concat()))
    }

    /// Clones a repository.
    ///
    /// # Errors
    /// Says why it could not be cloned, without credentials.
    pub fn clone(&self, url: &str, stop: &AtomicBool) -> Result<Clone, String> {
        let url = CloneUrl::parse(url).ok_or("no URL that may be cloned")?;
        let clone = Clone { dir: TempDir::new(&self.scratch).map_err(|error| error.to_string())? };
        let mut command = self.git(&url);
        command.arg("clone").arg("--quiet").arg(if self.mirror { "--mirror" } else { "--bare" });
        command.args(["--no-recurse-submodules", "--no-local", "--template=", "--"]).arg(url.shown()).arg(clone.path());
        let child = command.stdout(Stdio::null()).spawn().map_err(|error| format!("git cannot be started: {error}"))?;
        self.wait(child, stop, Some(clone.dir.path()))?;
        Ok(clone)
    }

    /// Git with nothing but what we give it.
    fn git(&self, url: &CloneUrl) -> Command {
        let mut command = Command::new("git");
        command.env_clear();
        // Certificates and ssh's agent are the machine's; everything that could choose a program is not passed on.
        for name in [
            "PATH",
            "LANG",
            "SSH_AUTH_SOCK",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "https_proxy",
            "HTTPS_PROXY",
            "no_proxy",
            "NO_PROXY",
            "SystemRoot",
            "TMPDIR",
        ] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if url.scheme == "ssh" {
            if let Some(home) = std::env::var_os("HOME") {
                command.env("HOME", home);
            }
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        } else {
            command.env("HOME", &self.scratch);
        }
        let settings = self.settings(url);
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (number, (key, value)) in settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), key).env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null");
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
            .env("GIT_ATTR_NOSYSTEM", "1");
        command.current_dir(&self.scratch).stdin(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Git's configuration, all of it.
    fn settings(&self, url: &CloneUrl) -> Vec<(String, String)> {
        let mut settings: Vec<(String, String)> = [
            ("core.hooksPath", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("protocol.allow", "never"),
            ("protocol.ext.allow", "never"),
            ("protocol.file.allow", "never"),
            (&format!("protocol.{}.allow", url.scheme), "always"),
            ("credential.helper", ""),
            ("submodule.recurse", "false"),
            ("transfer.bundleURI", "false"),
            ("fetch.fsckObjects", "false"),
            ("gc.auto", "0"),
            // libcurl sends our header after a redirect, wherever that leads.
            ("http.followRedirects", if self.credential_for(url).is_some() { "false" } else { "initial" }),
            ("http.lowSpeedLimit", "1000"),
            ("http.lowSpeedTime", "60"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        if let Some(credential) = self.credential_for(url) {
            let basic = STANDARD.encode(format!("{}:{}", credential.user, credential.token));
            settings.push((format!("http.{}/.extraHeader", url.origin()), format!("Authorization: Basic {basic}")));
        }
        settings
    }

    fn credential_for(&self, url: &CloneUrl) -> Option<&Credential> {
        self.credential.as_ref().filter(|credential| credential.origin == url.origin())
    }

    /// Waits for git, reads what it says, and ends it when it takes too long or too much. Returns its output.
    fn wait(&self, mut child: Child, stop: &AtomicBool, growing: Option<&Path>) -> Result<Vec<u8>, String> {
        let read = |pipe: Option<Box<dyn Read + Send>>, limit: u64| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                if let Some(mut pipe) = pipe {
                    let _ = pipe.by_ref().take(limit).read_to_end(&mut bytes);
                    // What is over the limit is thrown away, so that git does not hang on a full pipe.
                    let _ = std::io::copy(&mut pipe, &mut std::io::sink());
                }
                bytes
            })
        };
        let errors = read(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>), MESSAGES);
        let output = read(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>), REFS);
        let started = Instant::now();
        let mut pause = Duration::from_millis(2);
        let ended = loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break if status.success() { Ok(()) } else { Err(String::new()) };
            }
            let over = growing.filter(|_| self.disk_budget > 0).is_some_and(|dir| size(dir) > self.disk_budget);
            let why = if stop.load(Ordering::Relaxed) {
                "the audit was stopped"
            } else if started.elapsed() > self.patience {
                "the clone took too long"
            } else if over {
                "the clone is larger than the disk budget"
            } else {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(200));
                continue;
            };
            let _ = child.kill();
            let _ = child.wait();
            break Err(why.to_owned());
        };
        let said = errors.join().unwrap_or_default();
        let output = output.join().unwrap_or_default();
        match ended {
            Ok(()) => Ok(output),
            Err(why) if !why.is_empty() => Err(why),
            Err(_) => Err(format!("git: {}", self.scrubbed(&String::from_utf8_lossy(&said)))),
        }
    }

    /// The last lines of what git said, without the token, whole or encoded, and without user names in URLs.
    fn scrubbed(&self, text: &str) -> String {
        let mut text = text.trim().replace('\n', "; ");
        if let Some(credential) = &self.credential {
            let basic = STANDARD.encode(format!("{}:{}", credential.user, credential.token));
            for secret in [credential.token.as_str(), basic.as_str()].into_iter().filter(|secret| !secret.is_empty()) {
                text = text.replace(secret, "********");
            }
        }
        let mut shown = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("://") {
            let (before, after) = rest.split_at(at + 3);
            shown.push_str(before);
            let end = after.find(['/', ' ', '\'', '"']).unwrap_or(after.len());
            rest = after[..end].rfind('@').map_or(after, |at| &after[at + 1..]);
        }
        shown.push_str(rest);
        let start = shown.char_indices().rev().nth(399).map_or(0, |(at, _)| at);
        shown[start..].to_owned()
    }
}

/// Bytes of all files below a directory.
fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let one = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::{Cloner, Credential};

    fn cloner() -> Cloner {
        let credential = Credential { origin: "https://h.example".into(), user: "u".into(), token: "hush-hush".into() };
        Cloner {
            scratch: std::env::temp_dir(),
            credential: Some(credential),
            mirror: false,
            disk_budget: 0,
            jobs: 2,
            patience: std::time::Duration::from_secs(10),
        }
    }

    #[test]
    fn the_token_goes_to_its_host_by_the_environment_only() {
        let cloner = cloner();
        let of = |url: &str| cloner.git(&super::CloneUrl::parse(url).unwrap());
        let has_token = |command: &std::process::Command| {
            command
                .get_envs()
                .any(|(_, value)| value.is_some_and(|value| value.to_string_lossy().contains("Authorization")))
        };
        let ours = of("https://h.example/o/r");
        assert!(has_token(&ours));
        assert!(!ours.get_args().any(|arg| arg.to_string_lossy().contains("hush")));
        assert!(!has_token(&of("https://other.example/o/r")));
        assert!(!has_token(&of("https://h.example.evil/o/r")));
        assert!(!has_token(&of("ssh://git@h.example/o/r")));
    }

    #[test]
    fn messages_are_scrubbed() {
        let text =
            cloner().scrubbed("fatal: unable to access 'https://me:hush-hush@h.example/o/r/': x\nline two hush-hush");
        assert_eq!(text, "fatal: unable to access 'https://h.example/o/r/': x; line two ********");
    }
}
