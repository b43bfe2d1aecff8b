//! The revocation check after a scan: findings become questions, answers become verdicts.

mod providers;
mod settings;

use std::path::PathBuf;

use anyhow::{Result, bail};
use stanch::{
    audit::{self, NetworkResult},
    model::{Outcome, Verdict},
    report::json::Verification,
    revoke::{self, Answers, Disclosure, Operation, Question, Silent, VerificationReport, provider},
};

pub(crate) use self::settings::{settings, test_settings};
use super::{
    args::{RuleArgs, webhook::WebhookArgs},
    message,
};

/// What was scanned, and by which rules.
pub(crate) struct Scanned<'a> {
    pub(crate) paths: &'a [PathBuf],
    pub(crate) rules: &'a RuleArgs,
    pub(crate) digest: &'a [u8],
}

/// What came of asking.
#[derive(Default)]
pub(crate) struct Asked {
    /// A required answer is missing.
    pub(crate) missing: bool,
    /// The count for the report; `None` where nobody was asked.
    pub(crate) count: Option<Verification>,
}

impl Asked {
    fn note(&mut self, answers: &Answers, outcome: &mut Outcome) {
        revoke::apply(&answers.verdicts, &mut outcome.findings);
        self.add(&answers.report);
    }

    fn add(&mut self, report: &VerificationReport) {
        self.missing |= report.fails_requirement();
        add(self.count.get_or_insert_default(), report);
        message::say(&words(report));
    }
}

/// Asks as the flags say.
pub(crate) fn run(args: &WebhookArgs, scanned: &Scanned<'_>, outcome: &mut Outcome) -> Result<Asked> {
    let questions: Vec<Question> = outcome.findings.iter().map(Question::of).collect();
    let mut asked = Asked::default();
    if args.url.is_some() {
        webhook(args, scanned, &questions, Operation::Check, outcome, &mut asked)?;
    }
    if args.verify {
        let (catalogue, settings) = providers::settings(args, scanned)?;
        if args.dry_run {
            message::say(&provider::dry_run_at_providers(&questions, &catalogue, &settings, Operation::Check)?);
        } else {
            asked.note(&provider::verify_at_providers(&questions, &catalogue, &settings, &Silent)?, outcome);
        }
    }
    Ok(asked)
}

/// Has revoked what was found, by the webhook if there is one, else by the providers; or says what would be sent. What was
/// not revoked counts as missing.
pub(crate) fn revoke(args: &WebhookArgs, scanned: &Scanned<'_>, really: bool, outcome: &mut Outcome) -> Result<Asked> {
    let questions: Vec<Question> = outcome.findings.iter().map(Question::of).collect();
    let mut asked = Asked::default();
    let args = &WebhookArgs { dry_run: args.dry_run || !really, ..args.clone() };
    if args.url.is_some() {
        webhook(args, scanned, &questions, Operation::Revoke, outcome, &mut asked)?;
    } else {
        let (catalogue, settings) = providers::settings(args, scanned)?;
        if args.dry_run {
            message::say(&provider::dry_run_at_providers(&questions, &catalogue, &settings, Operation::Revoke)?);
        } else {
            asked.note(&provider::revoke_at_providers(&questions, &catalogue, &settings, &Silent)?, outcome);
        }
    }
    if args.dry_run {
        message::say("nothing was sent; give --yes to revoke");
    }
    let verdicts = outcome.findings.iter().map(|finding| &finding.verdict);
    let mut verdicts = verdicts.filter(|verdict| **verdict != Verdict::Unchecked);
    asked.missing |= verdicts.any(|verdict| !matches!(verdict, Verdict::Revoked | Verdict::Accepted));
    Ok(asked)
}

/// Asks a service about what an audit found. An audit keeps no secret, so it asks by hashes only.
pub(crate) fn audit(args: &WebhookArgs, rules: String, results: &mut [NetworkResult]) -> Result<Asked> {
    let mut asked = Asked::default();
    if args.verify {
        bail!("an audit keeps no secret, so it cannot ask the providers; ask a service of yours: --webhook URL");
    }
    if args.url.is_none() {
        return Ok(asked);
    }
    let mut settings = settings(args, &[])?;
    if matches!(settings.disclosure, Disclosure::Plaintext(_) | Disclosure::Sealed(_)) {
        bail!("an audit keeps no secret, so it cannot send any; it asks by fingerprint, hmac or prefix");
    }
    settings.rules = rules;
    let (questions, weak) = audit::verdicts::questions(results);
    if args.dry_run {
        message::say(&revoke::dry_run(&questions, &settings)?);
        return Ok(asked);
    }
    let answers = revoke::check(&questions, &settings, &Silent)?;
    audit::verdicts::apply(&answers.verdicts, results);
    asked.add(&answers.report);
    if let Some(count) = asked.count.as_mut().filter(|_| weak > 0) {
        count.not_sent += weak as u64;
        message::say(&format!("  {weak} not asked about: too weak, their fingerprints could be guessed"));
    }
    Ok(asked)
}

fn webhook(
    args: &WebhookArgs,
    scanned: &Scanned<'_>,
    questions: &[Question],
    operation: Operation,
    outcome: &mut Outcome,
    asked: &mut Asked,
) -> Result<()> {
    let mut settings = settings(args, scanned.paths)?;
    settings.operation = operation;
    settings.rules = scanned.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if args.dry_run {
        message::say(&revoke::dry_run(questions, &settings)?);
    } else {
        asked.note(&revoke::check(questions, &settings, &Silent)?, outcome);
    }
    Ok(())
}

fn add(count: &mut Verification, report: &VerificationReport) {
    count.asked += report.asked as u64;
    count.answered += report.answered as u64;
    count.failed += report.failed as u64;
    count.from_cache += report.from_cache as u64;
    count.spooled += report.spooled as u64;
    count.skipped_by_breaker += report.skipped_by_breaker as u64;
    count.not_sent += report.not_sent.len() as u64;
    for (reason, failed) in &report.reasons {
        *count.reasons.entry(reason.clone()).or_default() += *failed as u64;
    }
}

/// What came of asking, for people.
pub(crate) fn words(report: &VerificationReport) -> String {
    let mut text = format!("asked about {} secrets: {} answered, {} not", report.asked, report.answered, report.failed);
    if report.from_cache > 0 {
        text.push_str(&format!(", {} known from before", report.from_cache));
    }
    if report.spooled > 0 {
        text.push_str(&format!(", {} kept for `stanch webhook flush`", report.spooled));
    }
    for (reason, count) in &report.reasons {
        text.push_str(&format!("\n  {count} × {reason}"));
    }
    let mut not_sent: Vec<&str> = report.not_sent.iter().map(|left| left.reason).collect();
    not_sent.sort_unstable();
    for group in not_sent.chunk_by(|a, b| a == b) {
        text.push_str(&format!("\n  {} not asked about: {}", group.len(), group[0]));
    }
    for warning in &report.warnings {
        text.push_str(&format!("\n  {warning}"));
    }
    if report.gone {
        text.push_str("\n  the service is gone for good (410): take it out of the settings");
    }
    text
}
