//! Scans repositories that share history as one, and tells which of them hold what was found.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    rc::Rc,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
};

use bstr::ByteSlice;

use super::{
    AuditError, damage,
    head::Holdings,
    joined::{Joined, Part},
    memory::Memory,
    result::{Held, Leak, Member, Missed, NetworkResult, Status},
    survey::Survey,
    unit::{Origin, Unit, digest16},
    verdicts,
};
use crate::{
    detect::Detector,
    filter::Allowlist,
    model::{BlobId, Finding, Fingerprint, Occurrence, Outcome, Place, Provenance},
    report::{self, Style, json},
    scan::{Observer, Scanner, Settings, Target},
    source::git::{Repo, Tips, objects::walk::WalkOptions},
};

/// How repositories are scanned.
#[derive(Clone)]
pub struct Auditor<'a> {
    /// Looks for what the rules say, as the settings say.
    pub detector: Arc<Detector>,
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
pub(crate) struct Opened {
    member: usize,
    path: PathBuf,
    repo: Repo,
    survey: Survey,
    pub(crate) tips: Tips,
}

impl Opened {
    /// Whether a message names a file among its objects.
    pub(crate) fn stores(&self, what: &[u8]) -> bool {
        self.survey.stores.iter().any(|store| what.contains_str(store.dir.join("").as_os_str().as_encoded_bytes()))
    }
}

impl Auditor<'_> {
    /// Digest of everything besides the repositories that decides what is found: rules, settings, fingerprint key, version.
    #[must_use]
    pub fn context(&self) -> String {
        let key = Fingerprint::of(&self.settings.fingerprint_key, "audit", b"which key is it");
        let Settings { detect, max_file_size, budget, exposure, .. } = self.settings;
        let rules = super::unit::hex(&self.detector.rules().digest());
        let version = env!("CARGO_PKG_VERSION");
        let allow = &self.allowed;
        digest16(
            format!("{version} {rules} {detect:?} {max_file_size} {budget:?} {exposure:?} {key} {allow}").as_bytes(),
        )
    }

    /// Scans the repositories of one network, which are at the given paths, but for what is known to hold nothing: one
    /// result, or several where not all of them belong together. `None` if the audit was stopped.
    ///
    /// # Errors
    /// If no directory of ours can be made. What is wrong with a repository is in the result.
    pub fn scan(
        &self,
        units: &[(&Unit, PathBuf)],
        memory: &mut Memory<'_>,
    ) -> Result<Option<Vec<NetworkResult>>, AuditError> {
        let mut members: Vec<Member> = units.iter().map(|(unit, _)| member(unit)).collect();
        let mut opened = Vec::new();
        for (at, (_, path)) in units.iter().enumerate() {
            match open(at, path, &mut members[at]) {
                Ok(one) => opened.push(one),
                Err(error) => fail(&mut members[at], error.to_string()),
            }
        }
        memory.recall(opened.iter().map(|one| &one.survey.sketch[..]))?;
        let (outcome, joined) = match &opened[..] {
            [] => (Outcome::default(), None),
            [one] => (self.run(&one.path, memory), None),
            several => {
                let parts: Vec<_> = several.iter().map(|one| Part { survey: &one.survey, tips: &one.tips }).collect();
                let joined = Joined::new(&self.scratch, &parts)?;
                (self.run(joined.path(), memory), Some(joined))
            }
        };
        let holdings: Vec<_> = opened.iter().map(|one| Holdings::new(&one.repo)).collect();
        let mut owners = vec![Vec::new(); outcome.skipped.len()];
        if let Some(joined) = joined.as_ref().filter(|_| !owners.is_empty() && !self.stop.load(Ordering::Relaxed)) {
            let (threads, stop) = (self.settings.tree.threads, Some(self.stop));
            let options = WalkOptions { threads, stop, memory: self.settings.memory, ..WalkOptions::default() };
            match damage::owners(&outcome.skipped, joined, &opened, &holdings, &options) {
                Some(told) => owners = told,
                // Apart, the one that is damaged is named.
                None => return self.apart(units, memory),
            }
        }
        let strangers = if joined.is_some() { strangers(&outcome, &opened, &holdings) } else { BTreeSet::new() };
        if !strangers.is_empty() {
            drop(joined);
            return self.split(units, &strangers, memory);
        }
        let held = self.held(&outcome, &opened, &holdings, joined.as_ref());
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let owners = owners.into_iter().map(|of| of.into_iter().map(|at: usize| opened[at].member as u32).collect());
        Ok(Some(vec![result(members, &outcome, held, owners.collect(), joined.is_some())]))
    }

    fn apart(
        &self,
        units: &[(&Unit, PathBuf)],
        memory: &mut Memory<'_>,
    ) -> Result<Option<Vec<NetworkResult>>, AuditError> {
        let mut results = Vec::new();
        for unit in units {
            let Some(result) = self.scan(std::slice::from_ref(unit), memory)? else { return Ok(None) };
            results.extend(result);
        }
        Ok(Some(results))
    }

    /// Those who share history together, each of the others apart.
    fn split(
        &self,
        units: &[(&Unit, PathBuf)],
        strangers: &BTreeSet<usize>,
        memory: &mut Memory<'_>,
    ) -> Result<Option<Vec<NetworkResult>>, AuditError> {
        let (strange, kin): (Vec<_>, Vec<_>) = (0..units.len()).partition(|at| strangers.contains(at));
        let take = |at: &[usize]| at.iter().map(|at| units[*at].clone()).collect::<Vec<_>>();
        let apart = self.apart(&take(&strange), memory)?;
        let (Some(mut results), Some(apart)) = (apart, self.scan(&take(&kin), memory)?) else {
            return Ok(None);
        };
        results.extend(apart.into_iter().filter(|result| !result.members.is_empty()));
        Ok(Some(results))
    }

    fn scanner<'s>(&'s self, observer: &'s dyn Observer) -> Scanner<'s> {
        Scanner::with(Arc::clone(&self.detector), self.allowlist, self.settings, observer, self.stop)
    }

    fn run(&self, path: &Path, memory: &mut Memory<'_>) -> Outcome {
        let scanner = self.scanner(self.observer);
        let (outcome, clean) = scanner.scan_unknown(path, memory.known());
        memory.learn(clean);
        outcome
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
                let holders = joined.holders(name);
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
        let outcome = self.auditor.scanner(&Silent).scan(&[Target::Bytes(bytes)]);
        let suppressed = outcome.suppressed.iter().map(|suppressed| &suppressed.finding);
        outcome.findings.iter().chain(suppressed).map(|finding| finding.fingerprint).collect()
    }
}

/// Tells nobody: these bytes have been counted.
struct Silent;

impl Observer for Silent {
    fn scanned(&self, _: u64, _: u64) {}
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
    let repo = Repo::at(path)?;
    let survey = Survey::of(&repo);
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
    result(vec![member], &Outcome::default(), Vec::new(), Vec::new(), false)
}

fn fail(member: &mut Member, why: String) {
    member.status = Status::Failed;
    member.reason = Some(report::redact::visible(why.as_bytes()).into_owned());
}

/// The id of a network.
pub(crate) fn network_id<'a>(units: impl Iterator<Item = &'a str>) -> String {
    digest16(units.collect::<Vec<_>>().join("\n").as_bytes())
}

fn result(
    mut members: Vec<Member>,
    outcome: &Outcome,
    held: Vec<Vec<Vec<Held>>>,
    owners: Vec<Vec<u32>>,
    joined: bool,
) -> NetworkResult {
    let document = report::document(outcome, &Style::default());
    let missed = document.skipped.into_iter().zip(owners);
    let missed: Vec<Missed> = missed.map(|(what, members)| Missed { what, members }).collect();
    for (at, member) in members.iter_mut().enumerate().filter(|(_, member)| member.status == Status::Ok) {
        let incomplete = missed.iter().filter(|missed| missed.what.incomplete && missed.is_of(at));
        let incomplete: Vec<&json::Skipped> = incomplete.map(|missed| &missed.what).collect();
        let Some(first) = incomplete.first() else { continue };
        member.status = Status::Partial;
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
        skipped: missed,
    }
}

/// Puts the names of refs back as they are in their repositories.
fn unjoin(at: &mut json::Occurrence) {
    if let Some((_, name)) = Joined::original(&at.place.path).filter(|_| at.place.source == "object") {
        at.place.path = name;
    }
    if let Some(commit) = &mut at.place.commit {
        let original = |name: &String| Joined::original(name).map_or_else(|| name.clone(), |(_, name)| name);
        let names: BTreeSet<String> = commit.refs.iter().map(original).collect();
        commit.refs = names.into_iter().collect();
    }
}
