//! Asking a webhook: plan, cache, deliver, spool, report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::adapters::Shape;
use super::answers::{Answers, Observer, VerificationReport};
use super::cache::Cache;
use super::client::{Client, Reply};
use super::deliver::{Delivered, Dialect, Fate, Message, deliver};
use super::lane::{GiveUp, Lane};
use super::plan::{Item, Plan, Question, message_id, plan, scan_name};
use super::protocol::{self, Expected, ItemAnswers, Known};
use super::settings::{RevokeError, Settings};
use super::sign::sign;
use super::spool::{self, Spooled};
use crate::model::{Fingerprint, Note, Secret, Severity, UnknownReason, Verdict};

/// `stanch-webhook/1`.
pub(crate) struct Native<'a> {
    settings: &'a Settings,
    scan: &'a str,
    items: &'a [Item],
}

impl<'a> Native<'a> {
    pub(crate) fn new(settings: &'a Settings, scan: &'a str, items: &'a [Item]) -> Self {
        Self { settings, scan, items }
    }
}

pub(crate) fn signed_headers(settings: &Settings, id: &str, body: &[u8], unix: i64) -> Vec<(String, String)> {
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("webhook-id".to_owned(), id.to_owned()),
        ("webhook-timestamp".to_owned(), unix.to_string()),
        ("idempotency-key".to_owned(), format!("\"{id}\"")),
    ];
    if !settings.signing.is_empty() {
        headers.push(("webhook-signature".to_owned(), sign(&settings.signing, id, unix, body)));
    }
    headers
}

impl Dialect for Native<'_> {
    fn encode(&self, items: &[usize]) -> Message {
        let chosen: Vec<&Item> = items.iter().map(|&n| &self.items[n]).collect();
        let unix = self.settings.transport.world.unix();
        Message {
            id: message_id(self.settings, self.scan, &chosen, unix),
            url: self.settings.endpoint.clone(),
            method: "POST",
            body: protocol::body(self.settings, self.scan, &chosen, unix),
            items: items.to_vec(),
        }
    }

    fn headers(&self, message: &Message, unix: i64) -> Vec<(String, String)> {
        signed_headers(self.settings, &message.id, &message.body, unix)
    }

    fn decode(&self, message: &Message, reply: &Reply) -> Result<ItemAnswers, String> {
        let known: Vec<_> = message
            .items
            .iter()
            .map(|&n| &self.items[n])
            .map(|item| Known { id: &item.id, fp: &item.fp, digest: Some(&item.digest) })
            .collect();
        protocol::answers(&Expected { id: &message.id, items: &known }, reply, self.settings)
    }
}

/// Asks the webhook about every secret once. Failures of network and service are verdicts and counts, never errors.
///
/// # Errors
/// Settings that make no sense; nothing was sent then.
pub fn check(questions: &[Question], settings: &Settings, observer: &dyn Observer) -> Result<Answers, RevokeError> {
    settings.validate()?;
    let world = &settings.transport.world;
    let scan = scan_name(settings);
    let mut plan = plan(questions, settings, &scan)?;
    let mut answers = Answers::default();
    let mut cache = match (&settings.cache, settings.operation) {
        (Some(file), super::settings::Operation::Check) => {
            Cache::open(file, world.unix()).map_err(|e| answers.report.warnings.push(e.to_string())).ok()
        }
        _ => None,
    };
    let transport = settings.shape.transport(settings);
    let deadline = world.elapsed() + transport.budget.total;
    let lane = Lane::new(Arc::new(Client::new(&transport)?), &transport, deadline);
    if let Err(give_up) = settings.shape.narrow(&mut plan, settings, &lane) {
        answers.report.warnings.push(format!("the service does not say which kinds it takes: {}", give_up.reason()));
    }
    answers.report.distinct = plan.items.len();
    answers.report.required = settings.required;
    from_cache(&mut plan, cache.as_ref(), settings, &mut answers);
    let dialect = settings.shape.dialect(settings, &scan, &plan.items);
    let messages: Vec<_> = settings.shape.batches(&plan.items, settings).iter().map(|b| dialect.encode(b)).collect();
    let progress = |done, total| observer.progress(done, total);
    let in_flight = transport.rate.in_flight;
    let delivered = deliver(messages, plan.items.len(), dialect.as_ref(), &lane, in_flight, &progress);
    collect(&plan.items, &delivered, cache.as_mut(), settings, &mut answers);
    spool_unsent(&plan.items, delivered, settings, &mut answers.report);
    answers.report.not_sent = std::mem::take(&mut plan.not_sent);
    tally(&lane, &mut answers.report);
    if let Some(Err(error)) = cache.map(|cache| cache.save(world.unix())) {
        answers.report.warnings.push(error.to_string());
    }
    Ok(answers)
}

pub(crate) fn tally(lane: &Lane, report: &mut VerificationReport) {
    report.requests += lane.requests.load(Ordering::Relaxed);
    report.retries += lane.retries.load(Ordering::Relaxed);
    report.gone |= lane.is_gone();
}

/// Takes out of the plan what an earlier run knows.
fn from_cache(plan: &mut Plan, cache: Option<&Cache<'_>>, settings: &Settings, answers: &mut Answers) {
    let Some(cache) = cache else { return };
    let unix = settings.transport.world.unix();
    plan.items.retain(|item| {
        let Some(verdict) = cache.get(&cache.name(&settings.endpoint, &item.digest), unix) else { return true };
        answers.report.from_cache += 1;
        answers.verdicts.extend(item.asks.iter().map(|ask| (*ask, verdict.clone())));
        false
    });
}

/// Fates become verdicts and counts.
pub(crate) fn collect(
    items: &[Item],
    delivered: &Delivered,
    mut cache: Option<&mut Cache<'_>>,
    settings: &Settings,
    answers: &mut Answers,
) {
    let unix = settings.transport.world.unix();
    for (item, fate) in items.iter().zip(&delivered.fates) {
        answers.report.asked += 1;
        let verdict = match fate {
            Some(Fate::Answered(answer)) => {
                answers.report.answered += 1;
                if let Some(cache) = cache.as_deref_mut() {
                    cache.put(cache.name(&settings.endpoint, &item.digest), answer, unix);
                }
                answer.verdict.clone()
            }
            Some(Fate::Failed(give_up)) => failed(give_up, &mut answers.report),
            None => failed(&GiveUp::Broken("never sent".into()), &mut answers.report),
        };
        answers.verdicts.extend(item.asks.iter().map(|ask| (*ask, verdict.clone())));
    }
}

pub(crate) fn failed(give_up: &GiveUp, report: &mut VerificationReport) -> Verdict {
    let reason = give_up.reason();
    report.failed_because(reason.clone());
    report.skipped_by_breaker += usize::from(*give_up == GiveUp::CircuitOpen);
    Verdict::Unknown(UnknownReason(reason))
}

fn spool_unsent(items: &[Item], delivered: Delivered, settings: &Settings, report: &mut VerificationReport) {
    let (Some(path), Shape::Stanch) = (&settings.spool, &settings.shape) else { return };
    let mut lines = Vec::new();
    let mut count = 0;
    for (message, give_up) in delivered.unsent {
        // A secret in clear is never written to disk; and the answer to a prefix cannot be matched without the secret.
        let keep = |item: &Item| !item.plain && !item.fp.starts_with("prefix:");
        if !give_up.is_worth_spooling() || !message.items.iter().all(|&n| keep(&items[n])) {
            continue;
        }
        count += message.items.len();
        lines.push(Spooled {
            v: 1,
            endpoint: settings.endpoint.clone(),
            operation: settings.operation.name().to_owned(),
            id: message.id,
            at: settings.transport.world.unix(),
            why: give_up.reason(),
            body: String::from_utf8_lossy(&message.body).into_owned(),
        });
    }
    match spool::append(path, &lines) {
        Ok(0) => report.spooled = count,
        Ok(left_out) => {
            report.warnings.push(format!("{}: full, {left_out} messages left out", path.display()));
        }
        Err(error) => report.warnings.push(error.to_string()),
    }
}

/// What [`check`] would send, byte for byte, without sending it: request line, headers, body. What changes with every
/// attempt (timestamp, signature) is described instead; a secret in clear is replaced by its length, for this text is
/// printed.
///
/// # Errors
/// Settings that make no sense.
pub fn dry_run(questions: &[Question], settings: &Settings) -> Result<String, RevokeError> {
    settings.validate()?;
    let scan = scan_name(settings);
    let mut plan = plan(questions, settings, &scan)?;
    for item in &mut plan.items {
        if item.plain {
            item.secret = Secret::new(format!("({} bytes in clear)", item.secret.expose().len()).as_bytes());
        }
    }
    let dialect = settings.shape.dialect(settings, &scan, &plan.items);
    let mut text = String::new();
    for batch in settings.shape.batches(&plan.items, settings) {
        let message = dialect.encode(&batch);
        text.push_str(&format!("{} {}\n", message.method, message.url));
        for (name, value) in dialect.headers(&message, settings.transport.world.unix()) {
            let shown = match name.to_ascii_lowercase().as_str() {
                "webhook-timestamp" => "(seconds since 1970, of the attempt)".to_owned(),
                "webhook-signature" => {
                    let kinds: Vec<_> = value.split(' ').filter_map(|s| s.split(',').next()).collect();
                    format!("({}, made for every attempt)", kinds.join(" "))
                }
                "content-type"
                | "webhook-id"
                | "idempotency-key"
                | "x-github-api-version"
                | "github-public-key-identifier" => value,
                // Whatever else a service wants may be a key of ours.
                _ => "(hidden)".to_owned(),
            };
            text.push_str(&format!("{name}: {shown}\n"));
        }
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&message.body));
        text.push_str("\n\n");
    }
    for left in &plan.not_sent {
        text.push_str(&format!("# not sent: {} {}: {}\n", left.rule, left.fingerprint, left.reason));
    }
    Ok(text)
}

/// Fills verdicts into the findings that they are about. What is revoked is of low severity at most; nothing is hidden.
pub fn apply(verdicts: &BTreeMap<Fingerprint, Verdict>, findings: &mut [crate::model::Finding]) {
    for finding in findings {
        let Some(verdict) = verdicts.get(&finding.fingerprint) else { continue };
        finding.verdict = verdict.clone();
        if *verdict == Verdict::Revoked && finding.severity > Severity::Low {
            let note = format!("{} severity before it was revoked", finding.severity.name());
            finding.notes.push(Note(note.into()));
            finding.severity = Severity::Low;
        }
    }
}
