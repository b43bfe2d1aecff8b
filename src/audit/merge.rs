//! The results of all repositories become one report: each secret once, whatever the order they came in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    result::{Held, Missed, NetworkResult, Status},
    spread::{First, Spread, environments, service},
    trend::Trend,
};
use crate::{
    model::Exposure,
    report::{
        grade::{Grade, Mark, grade},
        html,
        json::{self, Document, Finding, Occurrence},
        plural,
    },
};

/// The value of `schema` in every report of this version.
pub(crate) const SCHEMA: &str = "stanch/audit/v1";

/// A repository of the report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Repository {
    /// Its id.
    pub unit: String,
    /// For people.
    pub name: String,
    /// URL or path.
    pub url: String,
    /// How far it was read.
    pub status: Status,
    /// Why no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Names that point at an object.
    pub refs: u64,
    /// Entries of its packs, and loose objects.
    pub objects: u64,
    /// Bytes of its packs.
    pub bytes: u64,
    /// Number of leaks.
    pub leaks: u64,
    /// 0 to 100.
    pub score: u8,
    /// `A` to `F`.
    pub letter: char,
}

/// The whole audit.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AuditReport {
    /// `SCHEMA`.
    pub schema: &'static str,
    /// For people.
    pub title: String,
    /// Whether every repository was read whole.
    pub complete: bool,
    /// The grade of all together.
    pub grade: Grade,
    /// Sorted by name.
    pub repositories: Vec<Repository>,
    /// By fingerprint.
    pub spread: BTreeMap<String, Spread>,
    /// Against an audit before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trend: Option<Trend>,
    /// The findings. Paths begin with the repository's name.
    pub report: Document,
}

/// Makes the report. The order of `results` does not matter, nor does it that one of them is there twice. `missing` are
/// names of repositories that were asked for and are in none of them.
#[must_use]
pub fn report(
    title: &str,
    run: json::Run,
    results: impl IntoIterator<Item = NetworkResult>,
    missing: &[String],
) -> AuditReport {
    let results = distinct(results);
    let mut repositories: Vec<Repository> = Vec::new();
    let mut document = empty(run);
    let mut secrets: BTreeMap<String, Merged> = BTreeMap::new();
    let mut rules = BTreeMap::new();
    for result in results.into_values() {
        rules.extend(result.rules.iter().map(|rule| (rule.id.clone(), rule.clone())));
        document.coverage.commits += result.commits;
        for (by, count) in &result.suppressed {
            *document.summary.suppressed.entry(by.clone()).or_default() += count;
        }
        repositories.extend(rated(&result, &document.run));
        let names: Vec<String> = result.members.iter().map(|member| member.name.clone()).collect();
        document.skipped.extend(result.skipped.iter().map(|missed| placed_skip(missed, &names)));
        for leak in result.leaks {
            let merged = secrets.entry(leak.finding.fingerprint.clone()).or_default();
            merged.add(leak.finding, &leak.held, &names);
        }
    }
    repositories.extend(missing.iter().map(|name| lost(name)));
    repositories.sort_by(|a, b| (&a.name, &a.unit).cmp(&(&b.name, &b.unit)));
    document.rules = rules.into_values().collect();
    let (findings, spread) = finish(secrets);
    document.findings = findings;
    count(&mut document, &repositories);
    let complete = repositories.iter().all(|repository| repository.status == Status::Ok);
    document.complete = complete;
    AuditReport {
        schema: SCHEMA,
        title: title.to_owned(),
        complete,
        grade: grade(&document),
        repositories,
        spread,
        trend: None,
        report: document,
    }
}

impl AuditReport {
    /// What the HTML page shows besides the findings.
    #[must_use]
    pub fn overview(&self) -> html::Overview {
        let state = |repository: &Repository| match (&repository.reason, repository.status) {
            (_, Status::Ok) => "complete".to_owned(),
            (Some(reason), status) => format!("{}: {reason}", status.name()),
            (None, status) => status.name().to_owned(),
        };
        let repository = |repository: &Repository| html::Repository {
            name: repository.name.clone(),
            score: repository.score,
            letter: repository.letter,
            leaks: repository.leaks,
            state: state(repository),
        };
        let numbers: BTreeMap<&str, usize> =
            self.repositories.iter().enumerate().map(|(at, repository)| (repository.name.as_str(), at)).collect();
        let numbered = |names: &[String]| names.iter().filter_map(|name| numbers.get(name.as_str()).copied()).collect();
        let spread = |spread: &Spread| html::Spread {
            repositories: numbered(&spread.repositories),
            at_head: numbered(&spread.at_head),
            environments: spread.environments.clone(),
        };
        html::Overview {
            title: self.title.clone(),
            repositories: self.repositories.iter().map(repository).collect(),
            spread: self.spread.iter().map(|(fingerprint, one)| (fingerprint.clone(), spread(one))).collect(),
            trend: self.trend.as_ref().map(Trend::counts),
        }
    }
}

/// Each network once. Of two results the more complete one stays; of two equal ones, the one that sorts first.
fn distinct(results: impl IntoIterator<Item = NetworkResult>) -> BTreeMap<String, NetworkResult> {
    let mut all: BTreeMap<String, NetworkResult> = BTreeMap::new();
    let rank = |result: &NetworkResult| {
        let bad: Vec<Status> = result.members.iter().map(|member| member.status).collect();
        (bad.into_iter().max(), serde_json::to_vec(result).unwrap_or_default())
    };
    for result in results {
        match all.get(&result.network) {
            Some(known) if *known == result || rank(known) <= rank(&result) => {}
            _ => {
                all.insert(result.network.clone(), result);
            }
        }
    }
    all
}

fn empty(run: json::Run) -> Document {
    Document {
        schema: json::SCHEMA.to_owned(),
        run,
        complete: true,
        summary: json::Summary::default(),
        coverage: json::Coverage::default(),
        stats: json::Stats::default(),
        verification: None,
        rules: Vec::new(),
        findings: Vec::new(),
        suppressed: Vec::new(),
        skipped: Vec::new(),
        unused_allows: Vec::new(),
    }
}

/// The members of a network, each with its own grade.
fn rated(result: &NetworkResult, run: &json::Run) -> Vec<Repository> {
    let mark = |number: usize| -> Mark {
        let mut document = Document { rules: result.rules.clone(), ..empty(run.clone()) };
        for leak in result.leaks.iter().filter(|leak| leak.finding.kind.is_leak()) {
            let is_held = |held: &Vec<Held>| holders(held).any(|(member, _)| member as usize == number);
            let places = leak.finding.occurrences.iter().zip(&leak.held).filter(|(_, held)| is_held(held));
            let occurrences: Vec<Occurrence> = places.map(|(at, _)| brief(at)).collect();
            if !occurrences.is_empty() {
                document.findings.push(Finding {
                    occurrences,
                    secret: String::new(),
                    notes: Vec::new(),
                    ..without_places(&leak.finding)
                });
            }
        }
        grade(&document).whole
    };
    let rate = |(number, member): (usize, &super::result::Member)| {
        let mark = mark(number);
        Repository {
            unit: member.unit.clone(),
            name: member.name.clone(),
            url: member.url.clone(),
            status: member.status,
            reason: member.reason.clone(),
            refs: member.refs,
            objects: member.objects,
            bytes: member.bytes,
            leaks: mark.leaks,
            score: mark.score,
            letter: mark.letter,
        }
    };
    result.members.iter().enumerate().map(rate).collect()
}

fn without_places(finding: &Finding) -> Finding {
    Finding {
        rule: finding.rule.clone(),
        fingerprint: finding.fingerprint.clone(),
        verdict: finding.verdict.clone(),
        verdict_reason: None,
        secret: String::new(),
        secret_bytes: None,
        partner: None,
        notes: Vec::new(),
        occurrences: Vec::new(),
        ..*finding
    }
}

/// A place as far as the grade looks at it.
fn brief(at: &Occurrence) -> Occurrence {
    let commit = at.place.commit.as_ref().map(|commit| json::Commit {
        id: String::new(),
        author: String::new(),
        email: String::new(),
        date: commit.date.clone(),
        summary: String::new(),
        at_head: None,
        removed_by: None,
        refs: Arc::default(),
    });
    let place = json::Place { path: at.place.path.clone(), commit, ..json::Place::default() };
    Occurrence { place, original: None, decoded: Vec::new(), excerpt: json::Excerpt::default(), ..*at }
}

/// The holders of a place; where none could be told, the first member answers for it.
fn holders(held: &[Held]) -> impl Iterator<Item = Held> + '_ {
    held.iter().copied().chain(held.is_empty().then_some((0, None)))
}

fn lost(name: &str) -> Repository {
    Repository {
        unit: String::new(),
        name: name.to_owned(),
        url: String::new(),
        status: Status::Failed,
        reason: Some("there is no result: the audit was stopped, or a shard is missing".to_owned()),
        refs: 0,
        objects: 0,
        bytes: 0,
        leaks: 0,
        score: 100,
        letter: 'A',
    }
}

fn placed_skip(missed: &Missed, names: &[String]) -> json::Skipped {
    let names: Vec<&String> = (0..).zip(names).filter(|(at, _)| missed.is_of(*at)).map(|(_, name)| name).collect();
    let of = match &names[..] {
        [one] => (*one).clone(),
        [first, rest @ ..] => format!("{first} and {}", plural(rest.len() as u64, "fork", "forks")),
        [] => String::new(),
    };
    json::Skipped { what: format!("{of}: {}", missed.what.what), what_bytes: None, ..missed.what.clone() }
}

/// One secret, from all repositories.
#[derive(Default)]
struct Merged {
    finding: Option<Finding>,
    occurrences: Vec<Occurrence>,
    repositories: BTreeSet<String>,
    at_head: BTreeSet<String>,
    environments: BTreeSet<&'static str>,
    services: BTreeSet<String>,
    first: Option<(i64, First)>,
    last: Option<(i64, String)>,
}

impl Merged {
    fn add(&mut self, mut finding: Finding, held: &[Vec<Held>], names: &[String]) {
        let occurrences = std::mem::take(&mut finding.occurrences);
        for (at, held) in occurrences.into_iter().zip(held) {
            let mut holders: Vec<(&String, Option<bool>)> =
                holders(held).filter_map(|(member, at_head)| Some((names.get(member as usize)?, at_head))).collect();
            holders.sort();
            let Some((name, _)) = holders.first() else { continue };
            for (name, at_head) in &holders {
                self.repositories.insert((*name).clone());
                self.environments.extend(environments(name));
                self.services.insert(service(name, &at.place.path));
                if *at_head == Some(true) {
                    self.at_head.insert((*name).clone());
                }
            }
            self.environments.extend(environments(&at.place.path));
            self.date(&at, name);
            let states: BTreeSet<bool> = holders.iter().filter_map(|(_, at_head)| *at_head).collect();
            self.occurrences.push(placed(at, name, states.last().copied()));
        }
        self.finding = Some(match self.finding.take() {
            None => finding,
            Some(known) => joined(known, finding),
        });
    }

    fn date(&mut self, at: &Occurrence, name: &str) {
        let Some((commit, seconds)) =
            at.place.commit.as_ref().and_then(|commit| Some((commit, seconds(&commit.date)?)))
        else {
            return;
        };
        let first = First { date: commit.date.clone(), repository: name.to_owned(), commit: commit.id.clone() };
        let first = (seconds, first);
        if self.first.as_ref().is_none_or(|known| first < *known) {
            self.first = Some(first);
        }
        let last = (seconds, commit.date.clone());
        if self.last.as_ref().is_none_or(|known| last > *known) {
            self.last = Some(last);
        }
    }
}

/// A place, as the whole report names it.
fn placed(mut at: Occurrence, repository: &str, at_head: Option<bool>) -> Occurrence {
    let place = &mut at.place;
    if let Some(raw) = place.path_bytes.take().and_then(|text| STANDARD.decode(text).ok()) {
        place.path_bytes = Some(STANDARD.encode([repository.as_bytes(), b"/", &raw].concat()));
    }
    place.path = if place.path.is_empty() { repository.to_owned() } else { format!("{repository}/{}", place.path) };
    if let Some(commit) = &mut place.commit {
        commit.at_head = at_head.or(commit.at_head);
        if commit.at_head == Some(true) {
            commit.removed_by = None;
        }
    }
    at
}

/// What two results say of the same secret: the worst of both.
fn joined(a: Finding, b: Finding) -> Finding {
    // Whichever came first, the same one lends what cannot be joined.
    let key = |f: &Finding| (f.rule.clone(), f.secret.clone(), f.partner.clone(), f.verdict_reason.clone());
    let (mut a, b) = if key(&a) <= key(&b) { (a, b) } else { (b, a) };
    a.severity = a.severity.max(b.severity);
    a.confidence = a.confidence.max(b.confidence);
    a.exposure = a.exposure.max(b.exposure);
    a.probability = match (a.probability, b.probability) {
        (Some(x), Some(y)) => Some(x.max(y)),
        (x, y) => x.or(y),
    };
    if verdict_rank(&b.verdict) > verdict_rank(&a.verdict) {
        a.verdict = b.verdict;
        a.verdict_reason = b.verdict_reason;
    }
    a.partner = a.partner.or(b.partner);
    let notes: BTreeSet<String> = a.notes.into_iter().chain(b.notes).collect();
    a.notes = notes.into_iter().collect();
    a
}

fn verdict_rank(verdict: &str) -> u8 {
    match verdict {
        "live" => 7,
        "canary" => 6,
        "accepted" => 5,
        "revoked" => 4,
        "not_ours" => 3,
        "unknown" => 2,
        _ => 1,
    }
}

/// All secrets, the worst and widest spread first.
fn finish(secrets: BTreeMap<String, Merged>) -> (Vec<Finding>, BTreeMap<String, Spread>) {
    let mut findings = Vec::new();
    let mut spreads = BTreeMap::new();
    for (fingerprint, merged) in secrets {
        let Some(mut finding) = merged.finding else { continue };
        let mut occurrences: Vec<_> = merged.occurrences.into_iter().map(|at| (order(&at), at)).collect();
        occurrences.sort_by(|a, b| a.0.cmp(&b.0));
        occurrences.dedup_by(|a, b| a.1 == b.1);
        finding.occurrences = occurrences.into_iter().map(|(_, at)| at).collect();
        let spread = Spread {
            repositories: merged.repositories.into_iter().collect(),
            at_head: merged.at_head.into_iter().collect(),
            environments: merged.environments.into_iter().map(str::to_owned).collect(),
            services: merged.services.into_iter().collect(),
            first_leak: merged.first.map(|(_, first)| first),
            last_seen: merged.last.map(|(_, date)| date),
        };
        let rank = (
            !finding.kind.is_leak(),
            std::cmp::Reverse((
                finding.severity,
                spread.repositories.len(),
                spread.environments.len(),
                spread.services.len(),
            )),
            fingerprint.clone(),
        );
        spreads.insert(fingerprint, spread);
        findings.push((rank, finding));
    }
    findings.sort_by(|a, b| a.0.cmp(&b.0));
    (findings.into_iter().map(|(_, finding)| finding).collect(), spreads)
}

/// The earliest first; then by where it is, to the last detail.
fn order(at: &Occurrence) -> (i64, String, Exposure, String) {
    let seconds = at.place.commit.as_ref().and_then(|commit| seconds(&commit.date)).unwrap_or(i64::MAX);
    (seconds, at.place.path.clone(), at.exposure, serde_json::to_string(at).unwrap_or_default())
}

/// Seconds since 1970 of a date as reports write it.
fn seconds(date: &str) -> Option<i64> {
    match date.strip_prefix('@') {
        Some(seconds) => seconds.parse().ok(),
        None => date.parse::<jiff::Timestamp>().ok().map(|at| at.as_second()),
    }
}

fn count(document: &mut Document, repositories: &[Repository]) {
    document.skipped.sort_by(|a, b| (&a.what, &a.reason, &a.detail).cmp(&(&b.what, &b.reason, &b.detail)));
    for finding in &document.findings {
        if finding.kind.is_leak() {
            document.summary.leaks += 1;
            document.summary.places += finding.occurrences.len() as u64;
            *document.summary.by_severity.entry(finding.severity.name().to_owned()).or_default() += 1;
        } else {
            document.summary.information += 1;
        }
    }
    for skipped in &document.skipped {
        *document.summary.skipped.entry(skipped.reason.clone()).or_default() += 1;
    }
    document.coverage.asked = vec![format!("history of {} repositories", repositories.len())];
    document.coverage.items = repositories.iter().map(|repository| repository.objects).sum();
    document.coverage.bytes = repositories.iter().map(|repository| repository.bytes).sum();
}
