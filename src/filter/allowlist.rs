//! Paths, values, rules and fingerprints that the user has allowed, each with a reason.

use std::{
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use bstr::ByteSlice;
use globset::{Glob, GlobMatcher};
use regex::bytes::Regex;

use crate::model::{Fingerprint, Suppression, UnusedAllow};

/// One `[[allow]]` entry. What it names must all fit; what it leaves open fits anything.
#[derive(Clone, Debug, Default)]
pub struct AllowEntry {
    /// Globs, of which one must match the path.
    pub paths: Vec<String>,
    /// Rule ids, of which one must be the rule.
    pub rules: Vec<String>,
    /// A regex that must match somewhere in the secret.
    pub value: Option<String>,
    /// Fingerprints, of which one must be the finding's.
    pub fingerprints: Vec<String>,
    /// Why.
    pub reason: String,
    /// `YYYY-MM-DD`: the last day on which it holds.
    pub expires: Option<String>,
    /// Whether that day is over.
    pub expired: bool,
    /// File and line, for messages.
    pub origin: String,
}

/// An entry that cannot be used.
#[derive(thiserror::Error, Debug)]
#[error("{origin}: {why}")]
pub struct AllowError {
    origin: String,
    why: String,
}

#[derive(Debug)]
struct Compiled {
    entry: AllowEntry,
    paths: Vec<GlobMatcher>,
    value: Option<Regex>,
    fingerprints: Vec<Fingerprint>,
    used: AtomicBool,
}

/// All entries.
#[derive(Debug, Default)]
pub struct Allowlist {
    entries: Vec<Compiled>,
    /// The current directory and the project's, where there is one.
    places: Option<(PathBuf, PathBuf)>,
}

impl Allowlist {
    /// Compiles the entries.
    pub fn new(entries: Vec<AllowEntry>) -> Result<Self, AllowError> {
        let entries = entries.into_iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { entries, places: None })
    }

    /// Takes paths also as seen from the project's directory, however they were reached from the current one: an entry
    /// means the same in `stanch scan .`, below the project's top and with an absolute path. Both are absolute.
    #[must_use]
    pub fn in_project(self, current: &Path, project: &Path) -> Self {
        Self { places: Some((current.to_owned(), normal(project))), ..self }
    }

    /// A path as seen from the project's directory.
    fn seen_from_project(&self, path: &[u8]) -> Option<PathBuf> {
        let (current, project) = self.places.as_ref()?;
        normal(&current.join(path.to_path().ok()?)).strip_prefix(project).ok().map(Path::to_owned)
    }

    /// Why a secret is allowed, where it is.
    #[must_use]
    pub fn check(&self, path: &[u8], rule: &str, secret: &[u8], fingerprint: Fingerprint) -> Option<Suppression> {
        let paths: Vec<PathBuf> =
            std::iter::once(path.to_path_lossy().into_owned()).chain(self.seen_from_project(path)).collect();
        let fits = |compiled: &&Compiled| compiled.fits(&paths, rule, secret, fingerprint);
        let found = self.entries.iter().find(fits)?;
        found.used.store(true, Ordering::Relaxed);
        Some(Suppression::Allowlist { entry: found.entry.origin.clone(), reason: found.entry.reason.clone() })
    }

    /// Entries to clean up: those whose day is over, and those that matched nothing although `whole`, that is all that
    /// they may be about, was looked at. `is_rule` tells whether a rule has that id.
    #[must_use]
    pub fn unused(&self, whole: bool, is_rule: &dyn Fn(&str) -> bool) -> Vec<UnusedAllow> {
        let stale = self.entries.iter().filter_map(|compiled| {
            let why = if compiled.entry.expired {
                format!("expired on {}", compiled.entry.expires.as_deref().unwrap_or("an unknown day"))
            } else if !whole || compiled.used.load(Ordering::Relaxed) {
                return None;
            } else {
                match compiled.entry.rules.iter().find(|id| !is_rule(id)) {
                    Some(id) => format!("matched nothing: there is no rule `{id}`"),
                    None => "matched nothing".to_owned(),
                }
            };
            Some(UnusedAllow { entry: compiled.entry.origin.clone(), why })
        });
        stale.collect()
    }
}

fn compile(entry: AllowEntry) -> Result<Compiled, AllowError> {
    let bad = |why: String| AllowError { origin: entry.origin.clone(), why };
    if entry.paths.is_empty() && entry.rules.is_empty() && entry.value.is_none() && entry.fingerprints.is_empty() {
        return Err(bad("an [[allow]] entry needs one of `paths`, `rules`, `value`, `fingerprints`".into()));
    }
    if entry.reason.trim().is_empty() {
        return Err(bad("an [[allow]] entry needs a `reason`".into()));
    }
    let glob =
        |text: &String| Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|error| bad(error.to_string()));
    let paths = entry.paths.iter().map(glob).collect::<Result<_, _>>()?;
    let regex = |text: &String| {
        regex::bytes::RegexBuilder::new(text).unicode(false).build().map_err(|error| bad(error.to_string()))
    };
    let value = entry.value.as_ref().map(regex).transpose()?;
    let parse = |text: &String| {
        Fingerprint::from_hex(text).ok_or_else(|| bad(format!("`{text}` is no fingerprint (32 hex digits)")))
    };
    let fingerprints = entry.fingerprints.iter().map(parse).collect::<Result<_, _>>()?;
    Ok(Compiled { paths, value, fingerprints, used: AtomicBool::new(false), entry })
}

/// Without `.` and `..`, as far as the words go: what a link points to does not matter for what a path is called.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

impl Compiled {
    fn fits(&self, paths: &[PathBuf], rule: &str, secret: &[u8], fingerprint: Fingerprint) -> bool {
        let any_path = || self.paths.iter().any(|glob| paths.iter().any(|path| glob.is_match(path)));
        !self.entry.expired
            && (self.entry.rules.is_empty() || self.entry.rules.iter().any(|id| id == rule))
            && (self.fingerprints.is_empty() || self.fingerprints.contains(&fingerprint))
            && (self.paths.is_empty() || any_path())
            && self.value.as_ref().is_none_or(|value| value.is_match(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::{AllowEntry, Allowlist};
    use crate::model::{Fingerprint, FingerprintKey};

    fn entry(change: impl FnOnce(&mut AllowEntry)) -> AllowEntry {
        let mut entry =
            AllowEntry { reason: "because".into(), origin: "stanch.toml:3".into(), ..AllowEntry::default() };
        change(&mut entry);
        entry
    }

    fn allows(change: impl FnOnce(&mut AllowEntry)) -> bool {
        let list = Allowlist::new(vec![entry(change)]).unwrap();
        let fingerprint = Fingerprint::of(&FingerprintKey::default(), "acme", b"s3cret");
        let allowed = list.check(b"tests/data/a.txt", "acme", b"s3cret", fingerprint).is_some();
        assert_eq!(list.unused(true, &|_| true).is_empty(), allowed);
        allowed
    }

    #[test]
    fn all_that_an_entry_names_must_fit() {
        assert!(allows(|e| e.paths = vec!["tests/**".into()]));
        assert!(!allows(|e| e.paths = vec!["src/**".into()]));
        assert!(allows(|e| e.rules = vec!["acme".into()]));
        assert!(allows(|e| e.value = Some("^s3".into())));
        assert!(!allows(|e| {
            e.value = Some("^s3".into());
            e.rules = vec!["other".into()];
        }));
        assert!(!allows(|e| {
            e.rules = vec!["acme".into()];
            e.expired = true;
        }));
    }

    #[test]
    fn an_entry_that_allows_everything_is_refused() {
        assert!(Allowlist::new(vec![entry(|_| ())]).unwrap_err().to_string().starts_with("stanch.toml:3: "));
        assert!(Allowlist::new(vec![entry(|e| e.fingerprints = vec!["abc".into()])]).is_err());
    }
}
