//! What changed since the audit before: fixed, new, rotated, still there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::merge::{AuditReport, SCHEMA};
use crate::report::{html, json::Finding};

/// What changed. Lists are of fingerprints, sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Trend {
    /// The file of the audit before.
    pub since: String,
    /// The score then.
    pub score_before: u8,
    /// Not there then.
    pub new: Vec<String>,
    /// There then as now.
    pub still: Vec<String>,
    /// There then and now, and revoked since.
    pub rotated: Vec<String>,
    /// Gone since.
    pub fixed: Vec<String>,
    /// Gone from the results, but so is a repository that held it, or it could not be read whole: nobody knows.
    pub unknown: Vec<String>,
}

/// The parts of a report that the next one is compared with.
#[derive(Deserialize)]
struct Before {
    schema: String,
    grade: Score,
    report: Findings,
    spread: BTreeMap<String, Held>,
}

#[derive(Deserialize)]
struct Score {
    whole: Whole,
}

#[derive(Deserialize)]
struct Whole {
    score: u8,
}

#[derive(Deserialize)]
struct Findings {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Held {
    repositories: Vec<String>,
}

impl Trend {
    /// Compares a report with the JSON of an earlier one.
    ///
    /// # Errors
    /// If that is no such JSON; says why.
    pub fn new(now: &AuditReport, before: &[u8], since: &str) -> Result<Self, String> {
        let before: Before =
            serde_json::from_slice(before).map_err(|error| format!("not an audit's report: {error}"))?;
        if before.schema != SCHEMA {
            return Err("not an audit's report of this version".to_owned());
        }
        let leaks = |findings: &[Finding]| -> BTreeMap<String, String> {
            let leaks = findings.iter().filter(|finding| finding.kind.is_leak());
            leaks.map(|finding| (finding.fingerprint.clone(), finding.verdict.clone())).collect()
        };
        let (old, new) = (leaks(&before.report.findings), leaks(&now.report.findings));
        let read = |name: &String| {
            now.repositories.iter().any(|repository| repository.name == *name && repository.status == super::Status::Ok)
        };
        let mut trend = Self { since: since.to_owned(), score_before: before.grade.whole.score, ..Self::default() };
        for (fingerprint, verdict) in &new {
            let list = match old.get(fingerprint) {
                None => &mut trend.new,
                Some(was) if was != "revoked" && verdict == "revoked" => &mut trend.rotated,
                Some(_) => &mut trend.still,
            };
            list.push(fingerprint.clone());
        }
        for fingerprint in old.keys().filter(|fingerprint| !new.contains_key(*fingerprint)) {
            let held = before.spread.get(fingerprint).map(|held| &held.repositories[..]).unwrap_or_default();
            let list = if held.iter().all(read) { &mut trend.fixed } else { &mut trend.unknown };
            list.push(fingerprint.clone());
        }
        Ok(trend)
    }

    /// As the page shows it.
    pub(crate) fn counts(&self) -> html::Trend {
        html::Trend {
            since: self.since.clone(),
            score_before: self.score_before,
            new: self.new.len() as u64,
            still: self.still.len() as u64,
            rotated: self.rotated.len() as u64,
            fixed: self.fixed.len() as u64,
        }
    }
}
