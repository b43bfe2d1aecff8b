//! Each secret once to its own provider: a lane for every host, several hosts at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::call::{Call, Prepared};
use super::template::Parts;
use super::{Catalogue, aws};
use crate::model::{Fingerprint, Kind, Verdict};
use crate::revoke::answers::{Answers, Observer};
use crate::revoke::cache::Cache;
use crate::revoke::client::{Client, Reply};
use crate::revoke::deliver::{Delivered, Dialect, Fate, Message, deliver};
use crate::revoke::guard::Refused;
use crate::revoke::lane::{GiveUp, Lane};
use crate::revoke::plan::{NotSent, Question, barred};
use crate::revoke::protocol::{ItemAnswer, ItemAnswers};
use crate::revoke::settings::{CacheFile, Mode, Operation, Rate, RevokeError, Transport};
use crate::revoke::webhook::{failed, tally};

/// Hosts that are asked at the same time.
const HOSTS: usize = 4;

/// How providers are asked.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The client.
    pub transport: Transport,
    /// Rule id, host or provider → another origin, for self-hosted instances: `gitlab` → `https://gitlab.example.com`.
    pub endpoints: BTreeMap<String, String>,
    /// Verdicts kept between runs.
    pub cache: Option<CacheFile>,
    /// An incomplete verification makes the run incomplete.
    pub required: bool,
}

impl ProviderSettings {
    /// Two requests per second and host, one at a time: a verifier must never look like credential stuffing.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        let mut transport = Transport::new(mode);
        transport.rate = Rate { per_second: 2.0, burst: 2, in_flight: 1 };
        Self { transport, endpoints: BTreeMap::new(), cache: None, required: false }
    }

    fn validate(&self) -> Result<(), RevokeError> {
        for origin in self.endpoints.values() {
            self.transport.guard.check_url(origin).map_err(|refused| RevokeError::endpoint(origin, &refused))?;
            if origin.contains(['?', '#', '{', '}']) {
                let refused = Refused::Url("a provider's endpoint is scheme, host and at most a path");
                return Err(RevokeError::endpoint(origin, &refused));
            }
        }
        Ok(())
    }
}

/// Asks the providers whether secrets work.
///
/// # Errors
/// Settings that make no sense; nothing was sent then.
pub fn verify_at_providers(
    questions: &[Question],
    catalogue: &Catalogue,
    settings: &ProviderSettings,
    observer: &dyn Observer,
) -> Result<Answers, RevokeError> {
    run(questions, catalogue, settings, Operation::Check, observer)
}

/// Revokes secrets at their providers. It cannot be undone: only ever by an explicit command. Nothing is sent twice
/// that may have arrived.
///
/// # Errors
/// Settings that make no sense; nothing was sent then.
pub fn revoke_at_providers(
    questions: &[Question],
    catalogue: &Catalogue,
    settings: &ProviderSettings,
    observer: &dyn Observer,
) -> Result<Answers, RevokeError> {
    run(questions, catalogue, settings, Operation::Revoke, observer)
}

/// What would be sent where, without sending it: one line per secret, the secret itself left as `{secret}`.
///
/// # Errors
/// Settings that make no sense.
pub fn dry_run_at_providers(
    questions: &[Question],
    catalogue: &Catalogue,
    settings: &ProviderSettings,
    operation: Operation,
) -> Result<String, RevokeError> {
    settings.validate()?;
    let mut not_sent = Vec::new();
    let hosts = sort_out(questions, catalogue, settings, operation, &mut not_sent);
    let mut text = String::new();
    for item in hosts.values().flatten() {
        let call = &item.call;
        let names: Vec<_> = item.asks.iter().map(ToString::to_string).collect();
        let url = call.moved(item.origin.as_deref());
        text.push_str(&format!("{} {url} # {}\n", call.method.name(), names.join(" ")));
        for (name, template) in call.headers.iter().chain(&call.query).chain(&call.form) {
            text.push_str(&format!("  {name}: {template}\n"));
        }
        if let Some((user, password)) = &call.basic {
            text.push_str(&format!("  authorization: Basic base64({user}:{password})\n"));
        }
        if let Some(json) = &call.json {
            text.push_str(&format!("  {json}\n"));
        }
    }
    for left in not_sent {
        text.push_str(&format!("# not sent: {} {}: {}\n", left.rule, left.fingerprint, left.reason));
    }
    Ok(text)
}

/// One secret, ready for its provider.
struct Ready {
    asks: Vec<Fingerprint>,
    call: Arc<Call>,
    prepared: Prepared,
    /// Where the user said that such keys belong.
    origin: Option<String>,
    /// Key id and key, where the request is signed with them.
    aws: Option<(String, String)>,
    /// SHA-256 of secret and partner; names the question in the cache.
    digest: [u8; 32],
}

impl Ready {
    /// The template and the origin it was moved to.
    fn place(&self) -> String {
        format!("{} {}", self.call.url, authority(&self.prepared.url))
    }
}

struct Provider<'a> {
    ready: &'a [Ready],
    operation: Operation,
}

impl Dialect for Provider<'_> {
    fn encode(&self, items: &[usize]) -> Message {
        let ready = &self.ready[items[0]];
        Message {
            id: String::new(),
            url: ready.prepared.url.clone(),
            method: ready.call.method.name(),
            body: ready.prepared.body.clone(),
            items: items.to_vec(),
        }
    }

    fn headers(&self, message: &Message, unix: i64) -> Vec<(String, String)> {
        let ready = &self.ready[message.items[0]];
        let mut headers = ready.prepared.headers.clone();
        if let (Some(scope), Some((id, key))) = (&ready.call.aws, &ready.aws) {
            let host = authority(&message.url);
            let request = aws::Unsigned { method: message.method, host, body: &message.body };
            headers.extend(aws::sign(&request, scope, id, key, unix));
        }
        headers
    }

    fn decode(&self, message: &Message, reply: &Reply) -> Result<ItemAnswers, String> {
        let ready = &self.ready[message.items[0]];
        // A revocation is definite wherever it happened.
        let verdict = ready.call.judge(reply, ready.origin.is_some() || self.operation == Operation::Revoke)?;
        Ok([(0, ItemAnswer { verdict, ttl: None })].into())
    }

    /// A status that one provider of a host names is an answer for all of them; `decode` tells them apart.
    fn claims(&self, status: u16) -> bool {
        self.ready.iter().any(|ready| ready.call.names_status(status))
    }

    fn repeatable(&self) -> bool {
        self.operation == Operation::Check
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or("")
}

fn run(
    questions: &[Question],
    catalogue: &Catalogue,
    settings: &ProviderSettings,
    operation: Operation,
    observer: &dyn Observer,
) -> Result<Answers, RevokeError> {
    settings.validate()?;
    let mut answers = Answers::default();
    answers.report.required = settings.required;
    let hosts = sort_out(questions, catalogue, settings, operation, &mut answers.report.not_sent);
    answers.report.distinct = hosts.values().map(Vec::len).sum();
    let cache = settings.cache.as_ref().filter(|_| operation == Operation::Check);
    let hosts = from_cache(hosts, cache, settings, &mut answers);
    let total = hosts.values().map(Vec::len).sum();
    let client = Arc::new(Client::new(&settings.transport)?);
    let deadline = settings.transport.world.elapsed() + settings.transport.budget.total;
    let queue = Mutex::new(hosts.into_values());
    let done = AtomicUsize::new(0);
    let shared = Mutex::new(answers);
    let work = || {
        loop {
            let Some(ready) = queue.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
            let lane = Lane::new(Arc::clone(&client), &settings.transport, deadline);
            let dialect = Provider { ready: &ready, operation };
            let messages = (0..ready.len()).map(|n| dialect.encode(&[n])).collect();
            let tick = |_, _| observer.progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            let in_flight = settings.transport.rate.in_flight;
            let delivered = deliver(messages, ready.len(), &dialect, &lane, in_flight, &tick);
            let mut answers = shared.lock().unwrap_or_else(PoisonError::into_inner);
            count(&ready, &delivered, &mut answers);
            if let Some(file) = cache {
                keep(&ready, &delivered, file, settings, &mut answers);
            }
            tally(&lane, &mut answers.report);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..HOSTS {
            scope.spawn(work);
        }
    });
    let mut answers = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.report.not_sent.sort();
    Ok(answers)
}

/// What an earlier run knows is not asked again. A cache that cannot be read is a warning, and everything is asked.
fn from_cache(
    mut hosts: BTreeMap<String, Vec<Ready>>,
    file: Option<&CacheFile>,
    settings: &ProviderSettings,
    answers: &mut Answers,
) -> BTreeMap<String, Vec<Ready>> {
    let Some(file) = file else { return hosts };
    let unix = settings.transport.world.unix();
    let cache = match Cache::open(file, unix) {
        Ok(cache) => cache,
        Err(error) => {
            answers.report.warnings.push(error.to_string());
            return hosts;
        }
    };
    for ready in hosts.values_mut() {
        ready.retain(|item| {
            let Some(verdict) = cache.get(&cache.name(&item.place(), &item.digest), unix) else { return true };
            answers.report.from_cache += 1;
            answers.verdicts.extend(item.asks.iter().map(|ask| (*ask, verdict.clone())));
            false
        });
    }
    hosts.retain(|_, ready| !ready.is_empty());
    hosts
}

fn keep(ready: &[Ready], delivered: &Delivered, file: &CacheFile, settings: &ProviderSettings, answers: &mut Answers) {
    let unix = settings.transport.world.unix();
    let saved = Cache::open(file, unix).and_then(|mut cache| {
        for (item, fate) in ready.iter().zip(&delivered.fates) {
            if let Some(Fate::Answered(answer)) = fate {
                cache.put(cache.name(&item.place(), &item.digest), answer, unix);
            }
        }
        cache.save(unix)
    });
    if let Err(error) = saved {
        answers.report.warnings.push(error.to_string());
    }
}

fn count(ready: &[Ready], delivered: &Delivered, answers: &mut Answers) {
    for (item, fate) in ready.iter().zip(&delivered.fates) {
        answers.report.asked += 1;
        let verdict: Verdict = match fate {
            Some(Fate::Answered(answer)) => {
                answers.report.answered += 1;
                answer.verdict.clone()
            }
            Some(Fate::Failed(give_up)) => failed(give_up, &mut answers.report),
            None => failed(&GiveUp::Broken("never sent".into()), &mut answers.report),
        };
        answers.verdicts.extend(item.asks.iter().map(|ask| (*ask, verdict.clone())));
    }
}

/// Which secret goes where, by host; and which nowhere, and why.
fn sort_out(
    questions: &[Question],
    catalogue: &Catalogue,
    settings: &ProviderSettings,
    operation: Operation,
    not_sent: &mut Vec<NotSent>,
) -> BTreeMap<String, Vec<Ready>> {
    let mut groups: BTreeMap<[u8; 32], Vec<&Question>> = BTreeMap::new();
    for question in questions {
        groups.entry(question.secret.sha256()).or_default().push(question);
    }
    let mut hosts: BTreeMap<String, Vec<Ready>> = BTreeMap::new();
    for group in groups.values() {
        match prepare(group, catalogue, settings, operation) {
            Ok(ready) => hosts.entry(authority(&ready.prepared.url).to_owned()).or_default().push(ready),
            Err(reason) => not_sent.extend(group.iter().map(|question| NotSent {
                fingerprint: question.fingerprint,
                rule: question.rule.id.clone(),
                reason,
            })),
        }
    }
    hosts
}

fn prepare(
    group: &[&Question],
    catalogue: &Catalogue,
    settings: &ProviderSettings,
    operation: Operation,
) -> Result<Ready, &'static str> {
    if group.iter().any(|question| question.rule.kind == Kind::Canary) {
        return Err(barred(Kind::Canary).unwrap_or_default());
    }
    if let Some(reason) = group.iter().find_map(|question| barred(question.rule.kind)) {
        return Err(reason);
    }
    let table = if operation == Operation::Check { &catalogue.verify } else { &catalogue.revoke };
    let owners: BTreeSet<&str> =
        group.iter().map(|q| q.rule.provider.as_str()).filter(|provider| *provider != "generic").collect();
    let mut known = group.iter().filter_map(|q| table.get(&q.rule.id).map(|call| (*q, call)));
    let (question, call) = known.next().ok_or("no call is known for this rule")?;
    if owners.len() > 1 || known.any(|(_, other)| other != call) {
        return Err("two rules claim it: it is sent to neither");
    }
    let secret = question.secret.whole().ok_or("the secret was not kept, so it cannot be sent")?;
    let secret = std::str::from_utf8(secret).map_err(|_| "it is no text")?;
    if !call.starts.is_empty() && !call.starts.iter().any(|start| secret.starts_with(start.as_str())) {
        return Err("no call is known for keys that begin like this one");
    }
    let mut partners: Vec<&[u8]> = group.iter().filter_map(|q| q.partner.as_ref()).map(|p| p.expose()).collect();
    partners.sort_unstable();
    let partner = partners.first().and_then(|bytes| std::str::from_utf8(bytes).ok());
    if call.needs_partner() && partner.is_none() {
        return Err("the other part of the credential was not found");
    }
    let starts = |partner: &str| call.partner_starts.iter().any(|start| partner.starts_with(start.as_str()));
    if !call.partner_starts.is_empty() && !partner.is_some_and(starts) {
        return Err("the other part of the credential is of another kind");
    }
    let origins = [question.rule.id.as_str(), call.host(), question.rule.provider.as_str()];
    let origin = origins.iter().find_map(|name| settings.endpoints.get(*name)).cloned();
    let prepared =
        call.prepare(Parts { secret, partner }, origin.as_deref()).ok_or("it cannot be written into the request")?;
    let aws = call.aws.is_some().then(|| (partner.unwrap_or_default().to_owned(), secret.to_owned()));
    let mut hash = Sha256::new();
    hash.update((secret.len() as u64).to_be_bytes());
    hash.update(secret);
    hash.update(partner.unwrap_or_default());
    let digest = hash.finalize().into();
    let mut asks: Vec<_> = group.iter().map(|q| q.fingerprint).collect();
    asks.sort();
    asks.dedup();
    Ok(Ready { asks, call: Arc::clone(call), prepared, origin, aws, digest })
}
