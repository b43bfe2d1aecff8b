//! Verdicts kept between runs: mode 0600, names and entries keyed, each with its own time to live.
//!
//! One JSON line per entry: `{"n":name,"v":verdict,"u":until,"m":mac}`. The name is an HMAC of endpoint and secret, so
//! the file tells nothing without its key; the MAC covers the line, so nobody can write "revoked" into it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::key_source::check_private;
use super::plan::hex;
use super::protocol::ItemAnswer;
use super::settings::{CacheFile, RevokeError};
use crate::model::{UnknownReason, Verdict};

/// Most bytes of a cache that are read: about two million verdicts.
const LIMIT: u64 = 256 * 1024 * 1024;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

#[derive(Serialize, Deserialize)]
struct Line {
    n: String,
    v: String,
    u: i64,
    m: String,
}

#[derive(Clone)]
struct Entry {
    verdict: &'static str,
    until: i64,
}

/// The verdicts of one file that still hold.
pub(crate) struct Cache<'a> {
    file: &'a CacheFile,
    entries: BTreeMap<String, Entry>,
    changed: bool,
}

/// How long a verdict holds unless the service says otherwise, and the longest it may say. What does not come from the
/// service is not kept at all.
fn times(verdict: &Verdict) -> (u64, u64) {
    match verdict {
        Verdict::Revoked | Verdict::Canary => (30 * DAY, 30 * DAY),
        Verdict::NotOurs => (DAY, 30 * DAY),
        Verdict::Live => (HOUR, DAY),
        Verdict::Accepted | Verdict::Unknown(_) => (10 * MINUTE, DAY),
        Verdict::Unchecked => (0, 0),
    }
}

const NAMES: [&str; 6] = ["live", "revoked", "canary", "not_ours", "accepted", "unknown"];

fn verdict_named(name: &str) -> Verdict {
    match name {
        "live" => Verdict::Live,
        "revoked" => Verdict::Revoked,
        "canary" => Verdict::Canary,
        "not_ours" => Verdict::NotOurs,
        "accepted" => Verdict::Accepted,
        _ => Verdict::Unknown(UnknownReason("the service did not know, a short while ago".into())),
    }
}

impl<'a> Cache<'a> {
    /// Reads what still holds at this time. No file is an empty cache.
    ///
    /// # Errors
    /// The file cannot be read, or others may read it.
    pub(crate) fn open(file: &'a CacheFile, unix: i64) -> Result<Self, RevokeError> {
        let mut cache = Self { file, entries: BTreeMap::new(), changed: false };
        cache.load(unix)?;
        Ok(cache)
    }

    fn load(&mut self, unix: i64) -> Result<(), RevokeError> {
        let path = &self.file.path;
        let open = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| failed(path, &error))?,
        };
        check_private(&open, path)?;
        for line in BufReader::new(open.take(LIMIT)).split(b'\n') {
            let line = line.map_err(|error| failed(path, &error))?;
            // A broken or forged line is no verdict; the next save drops it.
            let Ok(line) = serde_json::from_slice::<Line>(&line) else { continue };
            let Some(verdict) = NAMES.iter().find(|name| **name == line.v) else { continue };
            if line.u > unix && line.m == self.mac(&line.n, verdict, line.u) {
                self.entries.entry(line.n).or_insert(Entry { verdict, until: line.u });
            }
        }
        Ok(())
    }

    fn keyed(&self, parts: &[&[u8]]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.file.key.0).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        hex(&mac.finalize().into_bytes()[..16])
    }

    fn mac(&self, name: &str, verdict: &str, until: i64) -> String {
        self.keyed(&[b"entry", name.as_bytes(), verdict.as_bytes(), &until.to_be_bytes()])
    }

    /// The name of a secret (by its SHA-256) at an endpoint.
    pub(crate) fn name(&self, endpoint: &str, digest: &[u8; 32]) -> String {
        self.keyed(&[b"name", endpoint.as_bytes(), digest])
    }

    pub(crate) fn get(&self, name: &str, unix: i64) -> Option<Verdict> {
        let entry = self.entries.get(name)?;
        (entry.until > unix).then(|| verdict_named(entry.verdict))
    }

    pub(crate) fn put(&mut self, name: String, answer: &ItemAnswer, unix: i64) {
        let (usual, most) = times(&answer.verdict);
        let seconds = answer.ttl.unwrap_or(usual).min(most);
        let until = unix.saturating_add(i64::try_from(seconds).unwrap_or(0));
        if let Some(verdict) = NAMES.iter().find(|known| **known == answer.verdict.name()) {
            self.entries.insert(name, Entry { verdict, until });
            self.changed = true;
        }
    }

    /// Writes a new file beside the old one and puts it in its place; what another run added meanwhile is kept.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn save(mut self, unix: i64) -> Result<(), RevokeError> {
        if !self.changed {
            return Ok(());
        }
        self.load(unix)?;
        let mut text = Vec::new();
        for (name, entry) in self.entries.iter().filter(|(_, entry)| entry.until > unix) {
            let m = self.mac(name, entry.verdict, entry.until);
            let line = Line { n: name.clone(), v: entry.verdict.to_owned(), u: entry.until, m };
            serde_json::to_writer(&mut text, &line).expect("strings and numbers are always JSON");
            text.push(b'\n');
        }
        replace(&self.file.path, &text)
    }
}

pub(crate) fn failed(path: &Path, error: &std::io::Error) -> RevokeError {
    RevokeError::File { path: path.display().to_string(), why: error.to_string() }
}

/// Opens for writing with mode 0600; a new file only, or at the end of an old one.
pub(crate) fn open_private(path: &Path, append: bool) -> std::io::Result<File> {
    let mut options = fs::OpenOptions::new();
    if append {
        options.append(true).create(true);
    } else {
        options.write(true).create_new(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The whole file or nothing.
pub(crate) fn replace(path: &Path, text: &[u8]) -> Result<(), RevokeError> {
    let fresh = path.with_extension(format!("tmp{}", std::process::id()));
    let written = open_private(&fresh, false)
        .and_then(|mut file| file.write_all(text).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&fresh, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&fresh);
        failed(path, &error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revoke::settings::Hidden;

    fn answer(verdict: Verdict, ttl: Option<u64>) -> ItemAnswer {
        ItemAnswer { verdict, ttl }
    }

    #[test]
    fn verdicts_hold_as_long_as_they_may() {
        let dir = tempfile::tempdir().unwrap();
        let file = CacheFile { path: dir.path().join("cache"), key: Hidden(vec![1; 32]) };
        let unknown = Verdict::Unknown(UnknownReason("x".into()));
        let table = [
            (answer(Verdict::Revoked, None), 30 * DAY),
            (answer(Verdict::Live, None), HOUR),
            (answer(unknown.clone(), None), 10 * MINUTE),
            (answer(Verdict::Live, Some(5)), 5),
            (answer(Verdict::Live, Some(u64::MAX)), DAY),
            (answer(Verdict::Revoked, Some(u64::MAX)), 30 * DAY),
            (answer(Verdict::Live, Some(0)), 0),
        ];
        for (n, (answer, seconds)) in table.iter().enumerate() {
            let mut cache = Cache::open(&file, 1000).unwrap();
            let name = cache.name("https://a.example/", &[u8::try_from(n).unwrap(); 32]);
            cache.put(name.clone(), answer, 1000);
            cache.save(1000).unwrap();
            let until = 1000 + i64::try_from(*seconds).unwrap();
            let get = |at| Cache::open(&file, at).unwrap().get(&name, at).map(|v| v.name());
            assert_eq!(get(until), None, "{answer:?}");
            if *seconds > 0 {
                assert_eq!(get(until - 1), Some(answer.verdict.name()), "{answer:?}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_it_and_nobody_forges_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = CacheFile { path: dir.path().join("cache"), key: Hidden(vec![1; 32]) };
        let mut cache = Cache::open(&file, 0).unwrap();
        let name = cache.name("https://a.example/", &[7; 32]);
        assert_ne!(name, cache.name("https://b.example/", &[7; 32]));
        cache.put(name.clone(), &answer(Verdict::Live, None), 0);
        cache.save(0).unwrap();
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&file.path).unwrap();
        assert!(!text.contains(&hex(&[7; 32])), "no plain hash");
        fs::write(&file.path, text.replace("live", "revoked")).unwrap();
        assert_eq!(Cache::open(&file, 0).unwrap().get(&name, 0), None, "forged");
        let other = CacheFile { key: Hidden(vec![2; 32]), ..file.clone() };
        fs::write(&file.path, &text).unwrap();
        assert!(Cache::open(&other, 0).unwrap().entries.is_empty(), "another key");
        fs::write(&file.path, [text.as_bytes(), b"\xff\n{}\n{\"n\":1}\n"].concat()).unwrap();
        assert!(Cache::open(&file, 0).unwrap().get(&name, 0).is_some(), "broken lines are skipped");
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Cache::open(&file, 0).is_err());
    }

    #[test]
    fn two_runs_at_once_keep_each_others_verdicts() {
        let dir = tempfile::tempdir().unwrap();
        let file = CacheFile { path: dir.path().join("cache"), key: Hidden(vec![1; 32]) };
        let mut first = Cache::open(&file, 0).unwrap();
        let mut second = Cache::open(&file, 0).unwrap();
        first.put("a".into(), &answer(Verdict::Live, None), 0);
        second.put("b".into(), &answer(Verdict::Revoked, None), 0);
        first.save(0).unwrap();
        second.save(0).unwrap();
        assert_eq!(Cache::open(&file, 0).unwrap().entries.len(), 2);
    }
}
