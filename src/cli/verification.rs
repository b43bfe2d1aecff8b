//! The revocation check after a scan: flags become settings, findings become questions, answers become verdicts.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use stanch::{
    model::{Finding, Kind, Outcome},
    revoke::{
        self, Answers, CacheFile, CheckingKey, Disclosure, Hidden, KeySource, Mode, Question, Recipient, Settings,
        SigningKey, Silent, provider,
    },
};

use super::{
    args::webhook::{Patience, Send, WebhookArgs},
    message,
};

/// Asks as the flags say. Returns whether a required answer is missing.
pub(crate) fn run(args: &WebhookArgs, scanned: &[PathBuf], rules: &[u8], outcome: &mut Outcome) -> Result<bool> {
    let questions: Vec<Question> = outcome.findings.iter().filter(|finding| is_asked(finding)).map(question).collect();
    let mut missing = false;
    if args.url.is_some() {
        let mut settings = settings(args, scanned)?;
        settings.rules = rules.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut questions = questions.clone();
        if !args.include_location {
            questions.iter_mut().for_each(|question| question.places.clear());
        }
        if args.dry_run {
            message::say(&revoke::dry_run(&questions, &settings)?);
        } else {
            missing |= note(&revoke::check(&questions, &settings, &Silent)?, outcome, args.required);
        }
    }
    if args.verify {
        let catalogue = provider::Catalogue::builtin()?;
        let mut settings = provider::ProviderSettings::new(mode(args.patience));
        settings.transport.guard.allow_private = args.allow_private;
        settings.required = args.required;
        if args.dry_run {
            let operation = revoke::Operation::Check;
            message::say(&provider::dry_run_at_providers(&questions, &catalogue, &settings, operation));
        } else {
            let answers = provider::verify_at_providers(&questions, &catalogue, &settings, &Silent)?;
            missing |= note(&answers, outcome, args.required);
        }
    }
    Ok(missing)
}

/// Asks the providers to revoke what was found, or says what would be sent. Returns whether something was not revoked.
pub(crate) fn revoke(args: &WebhookArgs, really: bool, outcome: &mut Outcome) -> Result<bool> {
    let questions: Vec<Question> = outcome.findings.iter().filter(|finding| is_asked(finding)).map(question).collect();
    let catalogue = provider::Catalogue::builtin()?;
    let mut settings = provider::ProviderSettings::new(mode(args.patience));
    settings.transport.guard.allow_private = args.allow_private;
    if really && !args.dry_run {
        let answers = provider::revoke_at_providers(&questions, &catalogue, &settings, &Silent)?;
        return Ok(note(&answers, outcome, true));
    }
    let operation = revoke::Operation::Revoke;
    message::say(&provider::dry_run_at_providers(&questions, &catalogue, &settings, operation));
    message::say("nothing was sent; give --yes to revoke");
    Ok(false)
}

fn note(answers: &Answers, outcome: &mut Outcome, required: bool) -> bool {
    revoke::apply(&answers.verdicts, &mut outcome.findings);
    let report = &answers.report;
    let (failed, reasons) = (report.failed, &report.reasons);
    let mut line = format!("asked about {} secrets: {} answered, {failed} not", report.asked, report.answered);
    if report.spooled > 0 {
        line.push_str(&format!(", {} kept for `stanch webhook flush`", report.spooled));
    }
    for (reason, count) in reasons {
        line.push_str(&format!("\n  {count} × {reason}"));
    }
    for warning in &report.warnings {
        line.push_str(&format!("\n  {warning}"));
    }
    message::say(&line);
    required && !report.is_complete()
}

fn is_asked(finding: &Finding) -> bool {
    matches!(finding.rule.kind, Kind::Secret)
}

/// Formats of a vendor with a prefix have the entropy that a fingerprint needs; what the judge found may be a password.
fn question(finding: &Finding) -> Question {
    Question {
        fingerprint: finding.fingerprint,
        secret: finding.secret.clone(),
        partner: finding.partner.clone(),
        rule: finding.rule.clone(),
        strong: finding.probability.is_none()
            && finding.rule.provider != "generic"
            && finding.secret.expose().len() >= 16,
        count: finding.occurrences.len(),
        places: finding.occurrences.iter().map(|occurrence| occurrence.place.path().to_string()).collect(),
    }
}

fn mode(patience: Patience) -> Mode {
    match patience {
        Patience::Hook => Mode::Hook,
        Patience::Ci => Mode::Ci,
        Patience::Audit => Mode::Audit,
    }
}

/// What the flags say of the webhook.
pub(crate) fn settings(args: &WebhookArgs, scanned: &[PathBuf]) -> Result<Settings> {
    let url = args.url.as_deref().context("name the service: --webhook URL")?;
    let mut settings = Settings::new(url, mode(args.patience));
    settings.disclosure = disclosure(args, scanned)?;
    if let Some(source) = &args.key {
        settings.signing = SigningKey::parse_all(&KeySource::parse(source).read(scanned)?)?;
    }
    if let Some(source) = &args.response_key {
        settings.response_keys = CheckingKey::parse_all(&KeySource::parse(source).read(scanned)?)?;
        settings.require_signed_response = true;
    }
    if let (Some(path), Some(source)) = (&args.cache, &args.cache_key) {
        let key = Hidden(KeySource::parse(source).read(scanned)?.into_bytes());
        settings.cache = Some(CacheFile { path: path.clone(), key });
    }
    settings.include_places = args.include_location;
    settings.transport.guard.allow_private = args.allow_private;
    settings.transport.guard.http_loopback = args.http_loopback;
    settings.spool.clone_from(&args.spool);
    settings.required = args.required;
    Ok(settings)
}

fn disclosure(args: &WebhookArgs, scanned: &[PathBuf]) -> Result<Disclosure> {
    Ok(match args.send {
        Send::Fingerprint => Disclosure::Fingerprint,
        Send::Prefix => Disclosure::Prefix,
        Send::Hmac => {
            let source = args.hmac_key.as_deref().context("--webhook-send hmac needs --webhook-hmac-key")?;
            Disclosure::Hmac(Hidden(KeySource::parse(source).read(scanned)?.into_bytes()))
        }
        Send::Plaintext if args.plaintext_rules.is_empty() => {
            bail!("--webhook-send plaintext needs the rules that may be sent in clear: --webhook-plaintext-rule RULE")
        }
        Send::Plaintext => Disclosure::Plaintext(args.plaintext_rules.iter().cloned().collect()),
        Send::Sealed => {
            let key = args.recipient.as_deref().context("--webhook-send sealed needs --webhook-recipient")?;
            Disclosure::Sealed(Recipient::parse(key)?)
        }
    })
}
