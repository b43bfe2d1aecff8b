//! What a service is asked about an audit's findings, each secret once whatever repositories hold it, and what becomes of
//! the answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    result::{Hash, Leak, NetworkResult},
    unit::hex,
};
use crate::{
    model::{Finding, Fingerprint, RuleInfo, Severity, Verdict},
    report::json,
    revoke::{Question, Subject, guess_proof},
};

/// What is kept of a finding's secret.
pub(crate) fn hash(finding: &Finding) -> Option<Hash> {
    match guess_proof(finding)? {
        Subject::Hashed { sha256, len } => Some(Hash { sha256: hex(&sha256), len }),
        Subject::Whole(_) => None,
    }
}

/// What can be asked about the secrets of these results, each once. Also how many findings cannot be asked about, for their
/// secrets could be guessed from any hash and none was kept.
#[must_use]
pub fn questions(results: &[NetworkResult]) -> (Vec<Question>, usize) {
    let mut questions: BTreeMap<Fingerprint, Question> = BTreeMap::new();
    let mut weak: BTreeSet<&str> = BTreeSet::new();
    for result in results {
        let rules: BTreeMap<&str, &json::Rule> = result.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
        for leak in result.leaks.iter().filter(|leak| leak.finding.kind.is_leak()) {
            let rule = rules.get(leak.finding.rule.as_str());
            let Some(question) = rule.and_then(|rule| question(leak, rule)) else {
                weak.insert(&leak.finding.fingerprint);
                continue;
            };
            let names: Vec<&str> = result.members.iter().map(|member| member.name.as_str()).collect();
            let known = questions.entry(question.fingerprint).or_insert(question);
            known.count += leak.held.iter().map(|held| held.len().max(1)).sum::<usize>();
            known.places.extend(leak.finding.occurrences.iter().zip(&leak.held).map(|(at, held)| {
                let name =
                    held.first().and_then(|(member, _)| names.get(*member as usize)).copied().unwrap_or_default();
                format!("{name}/{}", at.place.path)
            }));
        }
    }
    (questions.into_values().collect(), weak.len())
}

fn question(leak: &Leak, rule: &json::Rule) -> Option<Question> {
    let hash = leak.hash.as_ref()?;
    let digits = (0..64).step_by(2).map(|at| u8::from_str_radix(hash.sha256.get(at..at + 2)?, 16).ok());
    let sha256 = digits.collect::<Option<Vec<u8>>>()?.try_into().ok()?;
    let rule = RuleInfo {
        id: rule.id.clone(),
        name: rule.name.clone(),
        provider: rule.provider.clone(),
        category: rule.category.clone(),
        severity: rule.severity,
        kind: leak.finding.kind,
        remediation: String::new(),
        references: Vec::new(),
        tags: Vec::new(),
        owasp: String::new(),
        cwe: String::new(),
    };
    Some(Question {
        fingerprint: Fingerprint::from_hex(&leak.finding.fingerprint)?,
        secret: Subject::Hashed { sha256, len: hash.len },
        partner: None,
        rule: Arc::new(rule),
        strong: true,
        count: 0,
        places: Vec::new(),
    })
}

/// Fills verdicts in. What is revoked is of low severity at most; nothing is hidden.
pub fn apply(verdicts: &BTreeMap<Fingerprint, Verdict>, results: &mut [NetworkResult]) {
    for leak in results.iter_mut().flat_map(|result| &mut result.leaks) {
        let finding = &mut leak.finding;
        let verdict = Fingerprint::from_hex(&finding.fingerprint).and_then(|name| verdicts.get(&name));
        let Some(verdict) = verdict else { continue };
        verdict.name().clone_into(&mut finding.verdict);
        finding.verdict_reason = match verdict {
            Verdict::Unknown(reason) => Some(crate::report::redact::visible(reason.0.as_bytes()).into_owned()),
            _ => None,
        };
        if *verdict == Verdict::Revoked && finding.severity > Severity::Low {
            finding.notes.push(format!("{} severity before it was revoked", finding.severity.name()));
            finding.severity = Severity::Low;
        }
    }
}
