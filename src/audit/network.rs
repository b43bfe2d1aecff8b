//! Scans repositories that share history as one, and tells which of them hold what was found.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    rc::Rc,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
};

use super::{
    AuditError,
    head::Holdings,
    joined::{Joined, Part},
    result::{Held, Leak, Member, NetworkResult, Status},
    survey::Survey,
    unit::{Origin, Unit, digest16},
    verdicts,
};
use crate::{
    filter::Allowlist,
    model::{BlobId, Finding, Fingerprint, Occurrence, Outcome, Place, Provenance, SkipReason},
    report::{self, Style, json},
    rules::RuleSet,
    scan::{Observer, Scanner, Settings, Target},
    source::git::{Repo, Tips},
};

/// How repositories are scanned.
#[derive(Clone)]
pub struct Auditor<'a> {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// What is allowed.
    pub allowlist: &'a Allowlist,
    /// What the allowlist was made of, in any form: another text means that everything is scanned again.
    pub allowed: String,
    /// How to scan.
    pub settings: &'a Settings,
    /// Hears of progress.
    pub observer: &'a dyn Observer,
    /// Ends the audit early.
    pub stop: &'a AtomicBool,
    /// Where directories of our own may be made.
    pub scratch: PathBuf,
}

/// A repository that could be opened.
struct Opened {
    member: usize,
    path: PathBuf,
    repo: Repo,
    survey: Survey,
    tips: Tips,
}

impl Auditor<'_> {
    /// Digest of everything besides the repositories that decides what is found: rules, settings, fingerprint key, version.
    #[must_use]
    pub fn context(&self) -> String {
        let key = Fingerprint::of(&self.settings.fingerprint_key, "audit", b"which key is it");
        let Settings { detect, max_file_size, budget, exposure, .. } = self.settings;
        let rules = super::unit::hex(&self.rules.digest());
        let version = env!("CARGO_PKG_VERSION");
        let allow = &self.allowed;
        digest16(
            format!("{version} {rules} {detect:?} {max_file_size} {budget:?} {exposure:?} {key} {allow}").as_bytes(),
        )
    }

    /// What the state of these repositories is now, without reading objects; empty for one that cannot be opened.
    #[must_use]
    pub fn states(&self, units: &[(&Unit, PathBuf)]) -> Vec<String> {
        units.iter().map(|(_, path)| Survey::of(path).map(|survey| survey.state).unwrap_or_default()).collect()
    }

    /// Scans the repositories of one network, which are at the given paths: one result, or one for each where one of them
    /// is damaged. `None` if the audit was stopped.
    ///
    /// # Errors
    /// If no directory of ours can be made. What is wrong with a repository is in the result.
    pub fn scan(&self, units: &[(&Unit, PathBuf)]) -> Result<Option<Vec<NetworkResult>>, AuditError> {
        let mut members: Vec<Member> = units.iter().map(|(unit, _)| member(unit)).collect();
        let mut opened = Vec::new();
        for (at, (_, path)) in units.iter().enumerate() {
            match open(at, path, &mut members[at]) {
                Ok(one) => opened.push(one),
                Err(error) => fail(&mut members[at], error.to_string()),
            }
        }
        let (outcome, joined) = match &opened[..] {
            [] => (Outcome::default(), None),
            [one] => (self.run(&one.path), None),
            several => {
                let parts: Vec<_> = several.iter().map(|one| Part { survey: &one.survey, tips: &one.tips }).collect();
                let joined = Joined::new(&self.scratch, &parts)?;
                (self.run(joined.path()), Some(joined))
            }
        };
        if joined.is_some() && outcome.skipped.iter().any(|skipped| is_damage(&skipped.reason)) {
            // One copy of an object is read, and just that one may be the damaged one. Apart, each repository is judged by
            // its own copies, and the one that is damaged is named.
            return self.apart(units);
        }
        let holdings: Vec<_> = opened.iter().map(|one| Holdings::new(&one.repo)).collect();
        let strangers = if joined.is_some() { strangers(&outcome, &opened, &holdings) } else { BTreeSet::new() };
        if !strangers.is_empty() {
            drop(joined);
            return self.split(units, &strangers);
        }
        let held = self.held(&outcome, &opened, &holdings, joined.as_ref());
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        Ok(Some(vec![result(members, &outcome, held, joined.is_some())]))
    }

    fn apart(&self, units: &[(&Unit, PathBuf)]) -> Result<Option<Vec<NetworkResult>>, AuditError> {
        let mut results = Vec::new();
        for unit in units {
            let Some(result) = self.scan(std::slice::from_ref(unit))? else { return Ok(None) };
            results.extend(result);
        }
        Ok(Some(results))
    }

    /// Those who share history together, each of the others apart.
    fn split(
        &self,
        units: &[(&Unit, PathBuf)],
        strangers: &BTreeSet<usize>,
    ) -> Result<Option<Vec<NetworkResult>>, AuditError> {
        let (strange, kin): (Vec<_>, Vec<_>) = (0..units.len()).partition(|at| strangers.contains(at));
        let take = |at: &[usize]| at.iter().map(|at| units[*at].clone()).collect::<Vec<_>>();
        let (Some(mut results), Some(apart)) = (self.apart(&take(&strange))?, self.scan(&take(&kin))?) else {
            return Ok(None);
        };
        results.extend(apart.into_iter().filter(|result| !result.members.is_empty()));
        Ok(Some(results))
    }

    fn run(&self, path: &Path) -> Outcome {
        let scanner = Scanner::new(Arc::clone(&self.rules), self.allowlist, self.settings, self.observer, self.stop);
        scanner.scan(&[Target::History(path.to_owned())])
    }

    /// For each place of each finding, the members that hold it.
    fn held(
        &self,
        outcome: &Outcome,
        opened: &[Opened],
        holdings: &[Option<Holdings<'_>>],
        joined: Option<&Joined>,
    ) -> Vec<Vec<Vec<Held>>> {
        let Some(joined) = joined else {
            let member = opened.first().map_or(0, |one| one.member as u32);
            let alone =
                |at: &Occurrence| vec![(member, at.place.provenance.commit().and_then(|commit| commit.at_head))];
            return outcome.findings.iter().map(|finding| finding.occurrences.iter().map(alone).collect()).collect();
        };
        let mut heads = Heads { auditor: self, met: HashMap::new() };
        let mut of = |finding: &Finding, at: &Occurrence| -> Vec<Held> {
            if let Provenance::Object { id: None, name, .. } = &at.place.provenance {
                let original = Joined::original(&String::from_utf8_lossy(name));
                let holders = original.map_or_else(|| joined.holders(name), |(number, _)| vec![number]);
                return holders
                    .iter()
                    .filter_map(|at| opened.get(*at as usize))
                    .map(|one| (one.member as u32, None))
                    .collect();
            }
            let ids: Vec<BlobId> = [at.place.provenance.blob(), at.place.provenance.commit().map(|commit| commit.id)]
                .into_iter()
                .flatten()
                .collect();
            let pairs = opened.iter().zip(holdings).filter_map(|(one, holdings)| Some((one, holdings.as_ref()?)));
            let holders = pairs.filter(|(_, holdings)| ids.iter().all(|id| holdings.holds(id)));
            holders
                .map(|(one, holdings)| (one.member as u32, heads.has(holdings, finding.fingerprint, &at.place)))
                .collect()
        };
        let each = |finding: &Finding| finding.occurrences.iter().map(|at| of(finding, at)).collect();
        outcome.findings.iter().map(each).collect()
    }
}

/// Members that hold a file with a secret and none of the commits that brought it in: copies without the history. When and
/// where they have it is told by their own commits only.
fn strangers(outcome: &Outcome, opened: &[Opened], holdings: &[Option<Holdings<'_>>]) -> BTreeSet<usize> {
    let mut brought: BTreeMap<BlobId, BTreeSet<BlobId>> = BTreeMap::new();
    for at in outcome.findings.iter().flat_map(|finding| &finding.occurrences) {
        if let Provenance::History { blob, commit: Some(commit), .. } = &at.place.provenance {
            brought.entry(*blob).or_default().insert(commit.id);
        }
    }
    let is_strange = |held: &Holdings<'_>| {
        brought.iter().any(|(blob, commits)| held.holds(blob) && !commits.iter().any(|commit| held.holds(commit)))
    };
    let pairs = opened.iter().zip(holdings).filter(|(_, held)| held.as_ref().is_some_and(is_strange));
    pairs.map(|(one, _)| one.member).collect()
}

/// Which secrets the files at HEAD hold; the same file in many forks is looked at once.
struct Heads<'a> {
    auditor: &'a Auditor<'a>,
    met: HashMap<BlobId, Rc<HashSet<Fingerprint>>>,
}

impl Heads<'_> {
    /// Whether HEAD's file at the place's path holds the secret; `None` for what is no file.
    fn has(&mut self, holdings: &Holdings<'_>, fingerprint: Fingerprint, place: &Place) -> Option<bool> {
        let Provenance::History { path, blob, .. } = &place.provenance else { return None };
        if !holdings.has_head() {
            return None;
        }
        let Some(now) = holdings.at(path) else { return Some(false) };
        if now == *blob {
            return Some(true);
        }
        let secrets = match self.met.get(&now) {
            Some(secrets) => Rc::clone(secrets),
            None => {
                let secrets = Rc::new(self.secrets(holdings.blob(&now)?));
                self.met.insert(now, Rc::clone(&secrets));
                secrets
            }
        };
        Some(secrets.contains(&fingerprint))
    }

    fn secrets(&self, bytes: Vec<u8>) -> HashSet<Fingerprint> {
        let Auditor { rules, allowlist, settings, stop, .. } = self.auditor;
        let outcome = Scanner::new(Arc::clone(rules), allowlist, settings, &Silent, stop).scan(&[Target::Bytes(bytes)]);
        let suppressed = outcome.suppressed.iter().map(|suppressed| &suppressed.finding);
        outcome.findings.iter().chain(suppressed).map(|finding| finding.fingerprint).collect()
    }
}

/// Tells nobody: these bytes have been counted.
struct Silent;

impl Observer for Silent {
    fn scanned(&self, _: u64, _: u64) {}
}

/// Whether bytes were lost that another copy may have.
fn is_damage(reason: &SkipReason) -> bool {
    use SkipReason::{Changed, Corrupt, Promised, Shallow, Unreadable, Vanished};
    matches!(reason, Unreadable(_) | Vanished | Changed | Corrupt(_) | Promised | Shallow(_))
}

/// A repository of which nothing is known yet.
pub(crate) fn member(unit: &Unit) -> Member {
    let url = match &unit.origin {
        Origin::Path(path) => path.to_string_lossy().into_owned(),
        Origin::Url(url) => url.clone(),
    };
    Member {
        unit: unit.unit.clone(),
        name: unit.name.clone(),
        url,
        status: Status::Ok,
        reason: None,
        state: String::new(),
        refs: 0,
        objects: 0,
        bytes: 0,
    }
}

fn open(at: usize, path: &Path, member: &mut Member) -> Result<Opened, crate::source::git::GitError> {
    let survey = Survey::of(path)?;
    let repo = Repo::at(path)?;
    let tips = repo.tips()?;
    member.state.clone_from(&survey.state);
    (member.refs, member.objects, member.bytes) = (survey.refs, survey.objects, survey.bytes);
    Ok(Opened { member: at, path: path.to_owned(), repo, survey, tips })
}

/// The result for a repository that could not even be opened or cloned.
#[must_use]
pub fn failed(unit: &Unit, why: &str) -> NetworkResult {
    let mut member = member(unit);
    fail(&mut member, why.to_owned());
    result(vec![member], &Outcome::default(), Vec::new(), false)
}

fn fail(member: &mut Member, why: String) {
    member.status = Status::Failed;
    member.reason = Some(report::redact::visible(why.as_bytes()).into_owned());
}

/// The id of a network.
pub(crate) fn network_id<'a>(units: impl Iterator<Item = &'a str>) -> String {
    digest16(units.collect::<Vec<_>>().join("\n").as_bytes())
}

fn result(mut members: Vec<Member>, outcome: &Outcome, held: Vec<Vec<Vec<Held>>>, joined: bool) -> NetworkResult {
    let document = report::document(outcome, &Style::default());
    let incomplete: Vec<&json::Skipped> = document.skipped.iter().filter(|skipped| skipped.incomplete).collect();
    for member in members.iter_mut().filter(|member| member.status == Status::Ok && !incomplete.is_empty()) {
        member.status = Status::Partial;
        let first = incomplete[0];
        let more = if incomplete.len() > 1 { format!(" and {} more", incomplete.len() - 1) } else { String::new() };
        member.reason = Some(format!("{}: {}{more}", first.what, first.detail));
    }
    let hashes = outcome.findings.iter().map(verdicts::hash);
    let leaks = document.findings.into_iter().zip(held).zip(hashes);
    let mut leaks: Vec<Leak> = leaks.map(|((finding, held), hash)| Leak { finding, held, hash }).collect();
    if joined {
        leaks.iter_mut().flat_map(|leak| &mut leak.finding.occurrences).for_each(unjoin);
    }
    leaks.sort_by(|a, b| a.finding.fingerprint.cmp(&b.finding.fingerprint));
    NetworkResult {
        network: network_id(members.iter().map(|member| member.unit.as_str())),
        members,
        commits: outcome.coverage.commits,
        rules: document.rules,
        leaks,
        suppressed: document.summary.suppressed,
        skipped: document.skipped,
    }
}

/// Puts the names of refs back as they are in their repositories.
fn unjoin(at: &mut json::Occurrence) {
    if let Some((_, name)) = Joined::original(&at.place.path).filter(|_| at.place.source == "object") {
        at.place.path = name;
    }
    if let Some(commit) = &mut at.place.commit {
        let names: BTreeMap<String, ()> = commit
            .refs
            .drain(..)
            .map(|name| Joined::original(&name).map_or(name, |(_, name)| name))
            .map(|name| (name, ()))
            .collect();
        commit.refs = names.into_keys().collect();
    }
}
