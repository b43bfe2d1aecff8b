//! The protocol `stanch-webhook/1`: what is sent, and what comes back.
//!
//! # Request
//!
//! `POST` of `application/json` to the endpoint, with the three headers of Standard Webhooks and an idempotency key:
//!
//! ```text
//! POST /hook HTTP/1.1
//! content-type: application/json
//! webhook-id: msg_…             the same over all attempts; also the idempotency key
//! webhook-timestamp: 1795279200 seconds since 1970, later for every attempt
//! webhook-signature: v1,… v1a,… HMAC-SHA-256 and/or ed25519 over `id.timestamp.body`, one per key
//! idempotency-key: "msg_…"
//!
//! {"type":"secret.check","timestamp":"2026-11-21T16:40:00Z","data":{
//!   "spec":"stanch-webhook/1","tool":"stanch/0.1.0","scan":{"id":"…","mode":"ci","rules":"sha256:…"},
//!   "items":[{"id":"it_…","fp":"sha256:…","rule":"github-pat","len":40,"count":3}]}}
//! ```
//!
//! | field | meaning |
//! |---|---|
//! | `type` | `secret.check` asks; `secret.revoke` asks to act |
//! | `items[].id` | names the item in this run, whichever message it is in: the same secret never has two ids in one run |
//! | `items[].fp` | `sha256:<64 hex>` of the exact secret; `hmac-sha256:<64 hex>` = HMAC(shared key, SHA-256 of the secret); `prefix:<5 hex>` of the SHA-256; `none:<32 hex>`, a random name, beside a sealed weak secret |
//! | `items[].rule` | the rule's id |
//! | `items[].len` | bytes of the secret; only beside `sha256:` |
//! | `items[].count` | places it was found in |
//! | `items[].places` | up to 10 of them, only if the user asked for it |
//! | `items[].secret`, `secret_b64` | in clear, only for rules that the user listed; the second where it is no UTF-8 |
//! | `items[].sealed`, `suite` | base64 of the HPKE encapsulated key (32 bytes) and ciphertext; `info` is `stanch-webhook/1 sealed`, `aad` the item's id |
//!
//! A message has at most 100 items and 20 kB (one item may exceed that alone). A receiver checks the signature, refuses
//! timestamps more than 300 s off, and remembers ids for 24 h: the same id at a later timestamp is another attempt, and
//! gets the same answer and no second effect; at the same or an earlier timestamp it is a replay, and may be refused.
//!
//! # Answer
//!
//! ```text
//! 200 {"spec":"stanch-webhook/1","results":[
//!   {"id":"it_…","fp":"sha256:…","status":"revoked","revoked_at":"2026-11-01T00:00:00Z","ttl":2592000}]}
//! ```
//!
//! | status | meaning |
//! |---|---|
//! | `live` (or `active`) | it works |
//! | `revoked` | it does not work any more |
//! | `unknown` | the service cannot tell |
//! | `canary` | a honeypot |
//! | `not_ours` | none of the service's own |
//! | `accepted` | taken; the service will act later |
//! | `error` | the service failed for this item; `"retryable":true` to be asked again |
//!
//! `fp` repeats the item's: an answer whose `fp` is another's is not taken, and without it `revoked` and `not_ours` are
//! not. For `prefix:` items the result has `matches` instead of `status`: a list of `{"tag","status","ttl"}` for every
//! secret with that prefix, `tag` = hex HMAC-SHA-256(SHA-256 of the secret, item id). `ttl` is seconds the verdict may be
//! kept. Items may be missing (asked once more, in a smaller message), doubled answers must agree, order is free.
//! 202 and 204 accept everything without verdicts; 207 is as 200. GitHub's feedback array (`token_hash`, `label`) is
//! understood too.
//!
//! An answer may carry the same three signature headers under the service's own key, with the request's `webhook-id`.
//!
//! | answer | what we do |
//! |---|---|
//! | 408 425 429 500 502 503 504, no connection, connection lost, timeout | again, same id: full jitter up to min(30 s, 0.5 s · 2ⁿ), at least `Retry-After`; at most 5 tries |
//! | 413 | halve the message |
//! | 410 | the endpoint is off for this run |
//! | 3xx | an error: never followed |
//! | other 4xx, 5xx | final |
//!
//! Every failure leaves its items `unknown` with the reason, counted. Nothing hides a finding.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::client::Reply;
use super::plan::{Item, hex};
use super::seal::SUITE;
use super::settings::Settings;
use super::sign::{Signed, verify};
use crate::model::{UnknownReason, Verdict};

/// The name and version of the protocol.
pub const SPEC: &str = "stanch-webhook/1";
/// The JSON Schema of requests and answers.
pub const SCHEMA: &str = include_str!("schema.json");
/// Most bytes of a message.
pub(crate) const MESSAGE_LIMIT: usize = 20_000;
/// Room for everything of a message but its items.
const ENVELOPE: usize = 1_000;

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'a str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    spec: &'a str,
    tool: &'a str,
    scan: Scan<'a>,
    items: Vec<WireItem<'a>>,
}

#[derive(Serialize)]
struct Scan<'a> {
    id: &'a str,
    mode: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    rules: &'a str,
}

#[derive(Serialize)]
struct WireItem<'a> {
    id: &'a str,
    fp: &'a str,
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    len: Option<usize>,
    count: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    places: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suite: Option<&'a str>,
}

fn wire(item: &Item) -> WireItem<'_> {
    let clear = item.plain.then(|| std::str::from_utf8(item.secret.expose()));
    WireItem {
        id: &item.id,
        fp: &item.fp,
        rule: &item.rule,
        len: (item.strong && item.fp.starts_with("sha256:")).then_some(item.len),
        count: item.count,
        places: &item.places,
        secret: clear.and_then(Result::ok),
        secret_b64: matches!(clear, Some(Err(_))).then(|| STANDARD.encode(item.secret.expose())),
        sealed: item.sealed.as_deref(),
        suite: item.sealed.as_ref().map(|_| SUITE),
    }
}

/// The body of a message about these items.
pub(crate) fn body(settings: &Settings, scan: &str, items: &[&Item], unix: i64) -> Vec<u8> {
    let timestamp = jiff::Timestamp::from_second(unix).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
    let envelope = Envelope {
        r#type: settings.operation.name(),
        timestamp,
        data: Data {
            spec: SPEC,
            tool: concat!("stanch/", env!("CARGO_PKG_VERSION")),
            scan: Scan { id: scan, mode: settings.mode.name(), rules: &settings.rules },
            items: items.iter().map(|item| wire(item)).collect(),
        },
    };
    serde_json::to_vec(&envelope).expect("strings and numbers are always JSON")
}

/// Cuts the items into messages by number and bytes. Secrets in clear never share a message with others, so that the
/// others can be spooled.
pub(crate) fn batches(items: &[Item], most: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, item) in items.iter().enumerate() {
        let size = serde_json::to_vec(&wire(item)).map_or(0, |json| json.len() + 1);
        let fits = all.last().is_some_and(|batch| {
            batch.len() < most.max(1) && bytes + size + ENVELOPE <= MESSAGE_LIMIT && items[batch[0]].plain == item.plain
        });
        match all.last_mut() {
            Some(batch) if fits => {
                batch.push(index);
                bytes += size;
            }
            _ => {
                all.push(vec![index]);
                bytes = size;
            }
        }
    }
    all
}

/// What the service said about one item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ItemAnswer {
    pub(crate) verdict: Verdict,
    /// Seconds it may be kept, if the service said so.
    pub(crate) ttl: Option<u64>,
}

/// Answers by position in the message; an item that is missing may be asked once more.
pub(crate) type ItemAnswers = BTreeMap<usize, ItemAnswer>;

/// What an answer is matched against.
pub(crate) struct Expected<'a> {
    pub(crate) id: &'a str,
    pub(crate) items: &'a [Known<'a>],
}

/// One item that an answer is expected for.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) id: &'a str,
    pub(crate) fp: &'a str,
    /// SHA-256 of the secret, where it is still known (not after spooling).
    pub(crate) digest: Option<&'a [u8; 32]>,
}

#[derive(Deserialize)]
struct WireResult {
    id: String,
    fp: Option<String>,
    status: Option<String>,
    ttl: Option<u64>,
    #[serde(default)]
    retryable: bool,
    matches: Option<Vec<WireMatch>>,
}

#[derive(Deserialize)]
struct WireMatch {
    tag: String,
    status: String,
    ttl: Option<u64>,
}

#[derive(Deserialize)]
struct Feedback {
    token_hash: Option<String>,
    label: String,
}

/// Reads a 2xx answer. An error is a reason that holds for all its items.
pub(crate) fn answers(expected: &Expected<'_>, reply: &Reply, settings: &Settings) -> Result<ItemAnswers, String> {
    check_signature(expected.id, reply, settings)?;
    let all = |verdict: Verdict| (0..expected.items.len()).map(|n| (n, plain(verdict.clone()))).collect();
    let blank = reply.body.iter().all(u8::is_ascii_whitespace);
    if reply.status == 204 || (reply.status == 202 && blank) {
        return Ok(all(Verdict::Accepted));
    }
    let value: serde_json::Value =
        serde_json::from_slice(&reply.body).map_err(|_| "the answer is no JSON".to_owned())?;
    if let Some(list) = value.as_array() {
        return Ok(feedback(expected, list));
    }
    if value.get("spec").and_then(|spec| spec.as_str()) != Some(SPEC) {
        return if reply.status == 202 {
            Ok(all(Verdict::Accepted))
        } else {
            Err("the answer is of no known form".into())
        };
    }
    let results = value.get("results").and_then(|r| r.as_array()).ok_or("the answer has no results")?;
    let index: BTreeMap<&str, usize> = expected.items.iter().enumerate().map(|(n, item)| (item.id, n)).collect();
    let mut found = ItemAnswers::new();
    for result in results {
        let Ok(result) = WireResult::deserialize(result) else { continue };
        let Some(&n) = index.get(result.id.as_str()) else { continue };
        let Some(answer) = judge(&expected.items[n], &result) else { continue };
        match found.get(&n) {
            Some(earlier) if earlier.verdict != answer.verdict => {
                found.insert(n, unknown("the service contradicts itself"));
            }
            Some(_) => {}
            None => {
                found.insert(n, answer);
            }
        }
    }
    Ok(found)
}

fn check_signature(id: &str, reply: &Reply, settings: &Settings) -> Result<(), String> {
    if !settings.require_signed_response {
        return Ok(());
    }
    let header = |name| reply.header(name).unwrap_or("");
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    verify(&settings.response_keys, signed, &reply.body, settings.transport.world.unix())
        .map_err(|error| format!("the answer's signature: {error}"))?;
    if signed.id != id {
        return Err("the answer's signature: it belongs to another message".into());
    }
    Ok(())
}

fn plain(verdict: Verdict) -> ItemAnswer {
    ItemAnswer { verdict, ttl: None }
}

fn unknown(reason: &str) -> ItemAnswer {
    plain(Verdict::Unknown(UnknownReason(reason.to_owned())))
}

/// `None`: no answer, ask again.
fn judge(item: &Known<'_>, result: &WireResult) -> Option<ItemAnswer> {
    if result.fp.as_deref().is_some_and(|fp| fp != item.fp) {
        return Some(unknown("the answer names another secret"));
    }
    let (status, ttl) = match &result.matches {
        None => (result.status.as_deref()?, result.ttl),
        Some(matches) => {
            let Some(digest) = item.digest else { return Some(unknown("cannot be matched any more")) };
            match matches.iter().find(|candidate| tag_is(digest, item.id, &candidate.tag)) {
                Some(found) => (found.status.as_str(), found.ttl),
                None => ("not_ours", result.ttl),
            }
        }
    };
    let verdict = match status {
        "live" | "active" => Verdict::Live,
        "revoked" => Verdict::Revoked,
        "canary" => Verdict::Canary,
        "not_ours" => Verdict::NotOurs,
        "accepted" => Verdict::Accepted,
        "error" if result.retryable => return None,
        "error" => return Some(unknown("the service failed for this secret")),
        "unknown" => return Some(ItemAnswer { ttl, ..unknown("the service does not know") }),
        _ => return Some(unknown("an answer of no known kind")),
    };
    if result.fp.is_none() && matches!(verdict, Verdict::Revoked | Verdict::NotOurs) {
        return Some(unknown("the answer does not name the secret it is about"));
    }
    Some(ItemAnswer { verdict, ttl })
}

/// The tag by which an answer to a prefix names a secret.
#[must_use]
pub fn prefix_tag(digest: &[u8; 32], item_id: &str) -> String {
    hex(&prefix_mac(digest, item_id).finalize().into_bytes())
}

fn prefix_mac(digest: &[u8; 32], item_id: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(digest).expect("HMAC takes a key of any length");
    mac.update(item_id.as_bytes());
    mac
}

fn tag_is(digest: &[u8; 32], item_id: &str, tag: &str) -> bool {
    let Some(bytes) = unhex(tag) else { return false };
    prefix_mac(digest, item_id).verify_slice(&bytes).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// GitHub's feedback: `token_hash` is the hexadecimal SHA-256. A true positive is a real key; whether it still works
/// it does not say, and the careful reading is that it does.
fn feedback(expected: &Expected<'_>, list: &[serde_json::Value]) -> ItemAnswers {
    let labels: BTreeMap<String, String> = list
        .iter()
        .filter_map(|entry| Feedback::deserialize(entry).ok())
        .filter_map(|entry| Some((entry.token_hash?.to_ascii_lowercase(), entry.label)))
        .collect();
    let answer = |item: &Known<'_>| {
        let hash = item.fp.strip_prefix("sha256:")?;
        match labels.get(hash)?.as_str() {
            "true_positive" => Some(plain(Verdict::Live)),
            "false_positive" => Some(plain(Verdict::NotOurs)),
            _ => None,
        }
    };
    expected.items.iter().enumerate().filter_map(|(n, item)| Some((n, answer(item)?))).collect()
}
