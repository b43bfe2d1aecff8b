//! Findings that were already known: a committed file that names them without holding any secret.
//!
//! An entry names a secret by value, so moved lines and renamed files stay quiet. Its id is the finding's fingerprint where
//! the user has a fingerprint key of his own; else a keyed hash of it under a random salt in the file's head, so that two
//! projects' files cannot be compared and no table of hashes made beforehand helps.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Deserialize;
use toml::Spanned;

use super::{is_date, peers::PeerList};
use crate::model::{
    Finding, Fingerprint, FingerprintKey, Note, Outcome, Provenance, Suppressed, Suppression, UnusedAllow,
};

/// The only version there is.
const VERSION: u32 = 1;

const NO_BASELINE: &str = "it is no list of known findings that is read here: neither one of stanch's, nor a .gitleaksignore, a \
                           JSON report of gitleaks, a .secrets.baseline or a baseline of Kingfisher";

/// For scans of the file itself.
const NO_SECRET: &str = "# stanch:allow no secret";

const HEAD: &str = "# What `stanch` found and somebody decided to live with for now. Written by `stanch baseline`; `reason`, `owner` and\n\
                    # `expires` are for you to fill in. It holds no secret, and no hash that could be looked up in a table.\n";

/// A baseline that cannot be used.
#[derive(thiserror::Error, Debug)]
#[error("{file}:{line}: {why}")]
pub struct BaselineError {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong, and the cure.
    pub why: String,
}

/// One known secret.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// Id of the rule that found it.
    pub rule: String,
    /// Paths at which it was when the file was written, sorted.
    pub paths: BTreeSet<String>,
    /// Why it is there; may be empty.
    pub reason: String,
    /// Who looks after it; may be empty.
    pub owner: String,
    /// `YYYY-MM-DD`: the last day on which it is kept quiet.
    pub expires: Option<String>,
    /// Line in the file, from 1; 0 for one that is not in a file yet.
    pub line: usize,
}

/// A baseline file of our own.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// Its name, for messages.
    pub name: String,
    /// Known secrets by id.
    pub known: BTreeMap<Fingerprint, Known>,
    salt: Option<[u8; 16]>,
    check: Fingerprint,
    today: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKnown {
    id: String,
    rule: String,
    #[serde(default)]
    paths: BTreeSet<String>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    owner: String,
    expires: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u32,
    salt: Option<String>,
    check: String,
    #[serde(default)]
    known: Vec<Spanned<RawKnown>>,
}

fn check_of(key: &FingerprintKey) -> Fingerprint {
    Fingerprint::of(key, "stanch/baseline/key-check", b"")
}

impl Baseline {
    /// An empty one. `salt` is random, and `None` where the user has a fingerprint key.
    #[must_use]
    pub fn new(name: &str, salt: Option<[u8; 16]>, key: &FingerprintKey, today: &str) -> Self {
        Self { name: name.to_owned(), known: BTreeMap::new(), salt, check: check_of(key), today: today.to_owned() }
    }

    /// Reads a file's text. `key` is the run's fingerprint key, `today` a date as `YYYY-MM-DD`.
    ///
    /// # Errors
    /// If the text is no baseline, or was made with another key.
    pub fn parse(name: &str, text: &str, key: &FingerprintKey, today: &str) -> Result<Self, BaselineError> {
        let line_of =
            |offset: usize| text.as_bytes()[..offset.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let bad = |line: usize, why: String| BaselineError { file: name.to_owned(), line, why };
        let raw: Raw = toml::from_str(text).map_err(|error| match text.contains("check = ") {
            true => bad(error.span().map_or(1, |span| line_of(span.start)), error.message().to_owned()),
            false => bad(1, NO_BASELINE.to_owned()),
        })?;
        if raw.version != VERSION {
            return Err(bad(1, format!("version {} is not one that this program reads ({VERSION})", raw.version)));
        }
        let salt = raw.salt.map(|salt| {
            Fingerprint::from_hex(&salt).ok_or_else(|| bad(1, "`salt` is 32 hexadecimal digits".to_owned()))
        });
        let salt = salt.transpose()?.map(|salt| *salt.as_bytes());
        let mut baseline = Self::new(name, salt, key, today);
        if raw.check != baseline.check.to_string()[..16] {
            let why = "it was made with another fingerprint key; give that one, or make the file anew with `stanch baseline create --force`";
            return Err(bad(1, why.to_owned()));
        }
        for entry in raw.known {
            let line = line_of(entry.span().start);
            let RawKnown { id, rule, paths, reason, owner, expires } = entry.into_inner();
            let id = Fingerprint::from_hex(&id).ok_or_else(|| bad(line, "`id` is 32 hexadecimal digits".to_owned()))?;
            if let Some(day) = expires.as_ref().filter(|day| !is_date(day)) {
                return Err(bad(line, format!("`expires` is a date as YYYY-MM-DD, not `{day}`")));
            }
            baseline.known.insert(id, Known { rule, paths, reason, owner, expires, line });
        }
        Ok(baseline)
    }

    /// The file's text: sorted by place, so that a change of one entry is a change of its lines only.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = HEAD.to_owned();
        let _ = writeln!(text, "version = {VERSION}");
        if let Some(salt) = self.salt {
            let _ = writeln!(text, "salt = \"{:032x}\" {NO_SECRET}", u128::from_be_bytes(salt));
        }
        let _ = writeln!(text, "check = \"{}\" {NO_SECRET}", &self.check.to_string()[..16]);
        let mut sorted: Vec<_> = self.known.iter().collect();
        sorted.sort_by_key(|(id, known)| (&known.paths, &known.rule, *id));
        for (id, known) in sorted {
            let _ = write!(text, "\n[[known]]\nid = \"{id}\"\nrule = {}\n", quoted(&known.rule));
            let paths: Vec<String> = known.paths.iter().map(|path| quoted(path)).collect();
            match &paths[..] {
                [] => {}
                [path] => text.push_str(&format!("paths = [{path}]\n")),
                paths => text.push_str(&format!("paths = [\n  {},\n]\n", paths.join(",\n  "))),
            }
            let _ = write!(text, "reason = {}\nowner = {}\n", quoted(&known.reason), quoted(&known.owner));
            if let Some(expires) = &known.expires {
                let _ = writeln!(text, "expires = {}", quoted(expires));
            }
        }
        text
    }

    /// The id of a finding in this file.
    #[must_use]
    pub fn id(&self, fingerprint: Fingerprint) -> Fingerprint {
        match &self.salt {
            Some(salt) => Fingerprint::of(&FingerprintKey::new(salt), "stanch/baseline", fingerprint.as_bytes()),
            None => fingerprint,
        }
    }

    /// Whether its day is over.
    #[must_use]
    pub fn is_expired(&self, known: &Known) -> bool {
        known.expires.as_deref().is_some_and(|day| day < self.today.as_str())
    }

    /// Takes in a finding; what people wrote about one that is known stays.
    pub fn learn(&mut self, finding: &Finding) {
        let known = self.known.entry(self.id(finding.fingerprint)).or_default();
        known.rule.clone_from(&finding.rule.id);
        known.paths = paths(finding);
    }

    /// Takes from `outcome` what this file knows. Gives what is worth saying, and marks in `used` what was found.
    fn apply(&self, outcome: &mut Outcome, used: &mut BTreeSet<Fingerprint>) -> Vec<String> {
        let mut news = Vec::new();
        for mut finding in std::mem::take(&mut outcome.findings) {
            let id = self.id(finding.fingerprint);
            let Some(known) = self.known.get(&id).filter(|known| !self.is_expired(known)) else {
                outcome.findings.push(finding);
                continue;
            };
            used.insert(id);
            if let Some(place) = new_place(&finding, known) {
                let first = known.paths.first().map_or("", String::as_str);
                let said =
                    format!("a secret that {} knows from {first} is now at {place} too ({})", self.name, known.rule);
                finding.notes.push(Note::from(said.clone()));
                news.push(said);
            }
            let why =
                Suppression::Baseline { file: format!("{}:{}", self.name, known.line), reason: known.reason.clone() };
            outcome.suppressed.push(Suppressed { finding, why });
        }
        news
    }

    fn unused(&self, used: &BTreeSet<Fingerprint>, whole: bool) -> Vec<UnusedAllow> {
        let stale = self.known.iter().filter_map(|(id, known)| {
            let why = if self.is_expired(known) {
                format!("expired on {}", known.expires.as_deref().unwrap_or_default())
            } else if whole && !used.contains(id) {
                "no longer found; `stanch baseline prune` takes it out".to_owned()
            } else {
                return None;
            };
            Some(UnusedAllow { entry: format!("{}:{}", self.name, known.line), why })
        });
        let mut stale: Vec<UnusedAllow> = stale.collect();
        stale.sort();
        stale
    }
}

/// A path that the entry does not name and that is no rename of one that it does.
fn new_place(finding: &Finding, known: &Known) -> Option<String> {
    let now = paths(finding);
    let new: Vec<&String> = now.difference(&known.paths).collect();
    let gone = known.paths.difference(&now).count();
    // A tree shows what is gone as well, so as many new paths as old ones are renames. A change shows only what it brings.
    let is_tree = finding.occurrences.iter().all(|at| matches!(at.place.provenance, Provenance::File { .. }));
    let renamed = if is_tree { gone } else { 0 };
    (new.len() > renamed).then(|| new.last().map(|path| (*path).clone())).flatten()
}

/// The distinct paths of a finding, as they may be shown.
fn paths(finding: &Finding) -> BTreeSet<String> {
    let path = |at: &crate::model::Occurrence| shown(&at.place.path());
    finding.occurrences.iter().map(path).collect()
}

/// A path as text: from the top, without what a terminal would act on.
pub(super) fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let text = text.strip_prefix("./").unwrap_or(&text);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// All baselines of a run, our own and the peers'.
#[derive(Debug, Default)]
pub struct Baselines {
    own: Vec<Baseline>,
    peers: Vec<PeerList>,
}

impl Baselines {
    /// Adds a file of whatever kind, told by its name and its content.
    ///
    /// # Errors
    /// If it is of no kind that we read.
    pub fn add(&mut self, name: &str, bytes: &[u8], key: &FingerprintKey, today: &str) -> Result<(), BaselineError> {
        if let Some(list) = PeerList::parse(name, bytes)? {
            self.peers.push(list);
        } else {
            let text = std::str::from_utf8(bytes).map_err(|_| BaselineError {
                file: name.to_owned(),
                line: 1,
                why: "it is no text".to_owned(),
            })?;
            self.own.push(Baseline::parse(name, text, key, today)?);
        }
        Ok(())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.peers.is_empty()
    }

    /// Suppresses what is known. `whole` says that all places were looked at, so that an entry that fits nothing is stale.
    /// Gives what is worth saying: new places of known secrets.
    pub fn apply(&self, outcome: &mut Outcome, whole: bool) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut news = Vec::new();
        for baseline in &self.own {
            let mut used = BTreeSet::new();
            news.extend(baseline.apply(outcome, &mut used));
            outcome.unused_allows.extend(baseline.unused(&used, whole));
        }
        for list in &self.peers {
            list.apply(outcome, whole);
        }
        outcome.suppressed.sort_by(|a, b| order(a).cmp(&order(b)));
        news
    }
}

/// As a scan sorts what it suppressed.
fn order(suppressed: &Suppressed) -> impl Ord + '_ {
    let first = suppressed.finding.occurrences.first().map(|first| (&first.place, first.location));
    (first, &suppressed.finding.rule.id, suppressed.finding.fingerprint, &suppressed.why)
}
