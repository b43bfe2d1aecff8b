//! Risk score and A–F grade of a report, by category, and what to do first.
//!
//! # How the score is made
//!
//! Every leak costs points:
//!
//! `severity × exposure × verdict × confidence × probability × age × spread`
//!
//! | factor | values |
//! |---|---|
//! | severity | critical 40, high 20, medium 8, low 2, info 0 |
//! | exposure | shipped 1.5, history 1.0, private tree 0.6 |
//! | verdict | live 1.5; unchecked, unknown, accepted 1.0; not ours 0.2; revoked 0.1; canary 0 |
//! | confidence | high 1.0, medium 0.7, low 0.3 |
//! | probability | what the judge says, to a tenth; 1.0 for rules without a judge |
//! | age | 1.0, and 0.1 more for each whole year since the first commit that has it, at most 1.5 |
//! | spread | 1.0 for one file; 0.2 more for each doubling of the number of files, at most 2.0 |
//!
//! The score is `100 × 80 / (80 + points)`: 100 without leaks, 94 with one medium leak in a private tree, 67 with one
//! critical leak in the history, 0 never. A live leak of at least high severity caps it at 59.
//!
//! A from 90, B from 80, C from 70, D from 60, F below. Age counts from the end of the run, or from the newest commit
//! in the report where the run has no date, so that the same report always has the same grade. Leaks found do not say
//! how many were missed: an incomplete report has a grade too, and says that it is incomplete.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::json::{Document, Finding};
use crate::model::{Confidence, Exposure, Severity};

/// Points at which the score is 50.
const HALF: u64 = 80;
/// The best score with a live leak of high or critical severity.
const LIVE_CAP: u8 = 59;
/// Points are counted in thousandths, so that no sum depends on the order of its parts.
const UNIT: u64 = 1000;

/// The grade of a whole report or of a part of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Mark {
    /// 0 (worst) to 100.
    pub score: u8,
    /// `A` to `D`, or `F`.
    pub letter: char,
    /// Thousandths of points that the leaks cost.
    pub points: u64,
    /// Number of leaks.
    pub leaks: u64,
}

/// A rule whose leaks are to be revoked, and what that would bring.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Action {
    /// Id of the rule.
    pub rule: String,
    /// Number of leaks.
    pub leaks: u64,
    /// Thousandths of points that they cost.
    pub points: u64,
    /// The score when they are gone.
    pub score_after: u8,
}

/// The grade of a report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Grade {
    /// All of it.
    pub whole: Mark,
    /// By the category of the rules.
    pub categories: BTreeMap<String, Mark>,
    /// Leaks by OWASP API Security Top 10 reference.
    pub owasp: BTreeMap<String, u64>,
    /// Leaks by CWE reference.
    pub cwe: BTreeMap<String, u64>,
    /// What to do, in the order of effect.
    pub actions: Vec<Action>,
}

#[derive(Default)]
struct Sum {
    points: u64,
    leaks: u64,
    live: bool,
}

impl Sum {
    fn add(&mut self, finding: &Finding, points: u64) {
        self.points += points;
        self.leaks += 1;
        self.live |= finding.verdict == "live" && finding.severity >= Severity::High;
    }

    fn score(&self) -> u8 {
        let score = (100 * HALF * UNIT + (HALF * UNIT + self.points) / 2) / (HALF * UNIT + self.points);
        let score = score.min(100) as u8;
        if self.live { score.min(LIVE_CAP) } else { score }
    }

    fn mark(&self) -> Mark {
        let score = self.score();
        let letter = match score {
            90.. => 'A',
            80.. => 'B',
            70.. => 'C',
            60.. => 'D',
            _ => 'F',
        };
        Mark { score, letter, points: self.points, leaks: self.leaks }
    }
}

/// Grades a report, as this module's documentation says.
#[must_use]
pub fn grade(document: &Document) -> Grade {
    let now = document.run.ended.as_deref().and_then(year_month).or_else(|| newest(document));
    let (mut whole, mut categories, mut rules) = (Sum::default(), BTreeMap::new(), BTreeMap::new());
    let (mut owasp, mut cwe) = (BTreeMap::new(), BTreeMap::new());
    for finding in document.findings.iter().filter(|finding| finding.kind.is_leak()) {
        let points = points(finding, now);
        whole.add(finding, points);
        let rule = document.rule(&finding.rule);
        let category = rule.map(|rule| rule.category.as_str()).filter(|name| !name.is_empty()).unwrap_or("other");
        categories.entry(category.to_owned()).or_insert_with(Sum::default).add(finding, points);
        rules.entry(finding.rule.clone()).or_insert_with(Vec::new).push((finding, points));
        for (counts, name) in [(&mut owasp, rule.map(|rule| &rule.owasp)), (&mut cwe, rule.map(|rule| &rule.cwe))] {
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                *counts.entry(name.clone()).or_insert(0) += 1;
            }
        }
    }
    let live = rules.iter().map(|(rule, leaks)| (rule.clone(), is_live(leaks))).collect();
    let mut actions: Vec<Action> = rules.iter().map(|(rule, leaks)| action(rule, leaks, &whole, &live)).collect();
    actions.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.rule.cmp(&b.rule)));
    let categories = categories.iter().map(|(name, sum)| (name.clone(), sum.mark())).collect();
    Grade { whole: whole.mark(), categories, owasp, cwe, actions }
}

fn is_live(leaks: &[(&Finding, u64)]) -> bool {
    leaks.iter().any(|(finding, _)| finding.verdict == "live" && finding.severity >= Severity::High)
}

fn action(rule: &str, leaks: &[(&Finding, u64)], whole: &Sum, live: &BTreeMap<String, bool>) -> Action {
    let points = leaks.iter().map(|(_, points)| points).sum();
    let others_live = live.iter().any(|(other, live)| *live && other != rule);
    let after = Sum { points: whole.points - points, leaks: 0, live: others_live };
    Action { rule: rule.to_owned(), leaks: leaks.len() as u64, points, score_after: after.score() }
}

/// Thousandths of points; every factor is a whole number of tenths, so the result is exact but for one rounding down.
fn points(finding: &Finding, now: Option<u32>) -> u64 {
    let severity = match finding.severity {
        Severity::Critical => 40,
        Severity::High => 20,
        Severity::Medium => 8,
        Severity::Low => 2,
        Severity::Info => 0,
    };
    let exposure = match finding.exposure {
        Exposure::Shipped => 15,
        Exposure::History => 10,
        Exposure::Private => 6,
    };
    let verdict = match finding.verdict.as_str() {
        "live" => 15,
        "not_ours" => 2,
        "revoked" => 1,
        "canary" => 0,
        _ => 10,
    };
    let confidence = match finding.confidence {
        Confidence::High => 10,
        Confidence::Medium => 7,
        Confidence::Low => 3,
    };
    let probability = (finding.probability.unwrap_or(1.0).clamp(0.0, 1.0) * 10.0).round() as u64;
    let chance = confidence * probability;
    severity * exposure * verdict * chance * age(finding, now) * spread(finding) * UNIT / 1_000_000
}

/// Tenths: 10 to 15.
fn age(finding: &Finding, now: Option<u32>) -> u64 {
    let commits = finding.occurrences.iter().filter_map(|at| at.place.commit.as_ref());
    let first = commits.filter_map(|commit| year_month(&commit.date)).min();
    let (Some(first), Some(now)) = (first, now) else { return 10 };
    10 + u64::from(now.saturating_sub(first) / 12).min(5)
}

/// Tenths: 10 to 20.
fn spread(finding: &Finding) -> u64 {
    let files: BTreeSet<&str> = finding.occurrences.iter().map(|at| at.place.path.as_str()).collect();
    10 + u64::from(files.len().max(1).ilog2() * 2).min(10)
}

fn newest(document: &Document) -> Option<u32> {
    let places = document.findings.iter().flat_map(|finding| &finding.occurrences);
    places.filter_map(|at| at.place.commit.as_ref()).filter_map(|commit| year_month(&commit.date)).max()
}

/// Months since the year 0, of an RFC 3339 date.
fn year_month(date: &str) -> Option<u32> {
    let year: u32 = date.get(..4)?.parse().ok()?;
    let month: u32 = date.get(5..7)?.parse().ok()?;
    Some(year * 12 + month)
}

#[cfg(test)]
mod tests {
    use super::grade;
    use crate::{
        model::{Exposure, Kind, Outcome, Severity, Verdict},
        report::{Style, document, sample},
    };

    fn check(severity: Severity, exposure: Exposure, verdict: Verdict, files: usize, expect: (u8, char)) {
        let rule = sample::rule("vendor-key", "Vendor key", severity, Kind::Secret);
        let place = |n: usize| sample::occurrence(sample::file(format!("f{n}").as_bytes()), 1, "", b"x1y2z3", "");
        let mut finding = sample::finding(&rule, b"x1y2z3", (0..files).map(place).collect());
        finding.exposure = exposure;
        finding.verdict = verdict;
        let outcome = Outcome { findings: vec![finding], ..Outcome::default() };
        let mark = grade(&document(&outcome, &Style::default())).whole;
        assert_eq!((mark.score, mark.letter), expect);
    }

    #[test]
    fn the_documented_examples_hold() {
        check(Severity::Medium, Exposure::Private, Verdict::Unchecked, 1, (94, 'A'));
        check(Severity::Critical, Exposure::History, Verdict::Unchecked, 1, (67, 'D'));
        check(Severity::High, Exposure::History, Verdict::Live, 1, (59, 'F'));
        check(Severity::Critical, Exposure::Shipped, Verdict::Revoked, 1, (93, 'A'));
        check(Severity::Critical, Exposure::Shipped, Verdict::Canary, 1, (100, 'A'));
        check(Severity::Critical, Exposure::History, Verdict::Unchecked, 8, (56, 'F'));
        let empty = grade(&document(&Outcome::default(), &Style::default()));
        assert_eq!((empty.whole.score, empty.whole.letter), (100, 'A'));
    }

    #[test]
    fn actions_come_in_the_order_of_effect() {
        let grade = grade(&document(&sample::outcome(), &Style::default()));
        let order: Vec<&str> = grade.actions.iter().map(|action| action.rule.as_str()).collect();
        assert_eq!(order, ["github-pat", "aws-secret-key", "generic-password", "jwt"]);
        assert_eq!(grade.whole.letter, 'F', "a live token");
        assert!(grade.actions[0].score_after > grade.whole.score);
        assert_eq!(grade.cwe["CWE-798"], 4);
        assert_eq!(grade.categories["vcs"].leaks, 4);
    }
}
