//! Checking a receiver against the protocol: what it must take, what it must refuse, and that it does nothing twice.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::adapters::{self, Shape};
use super::client::{Client, Outgoing, Reply, Trouble};
use super::limit::asked_wait;
use super::plan::hex;
use super::protocol::SPEC;
use super::settings::{Operation, RevokeError, Settings};
use super::sign::{Signed, sign, verify};

/// One line of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// What is checked.
    pub check: &'static str,
    /// What must come back.
    pub expected: &'static str,
    /// What came back.
    pub got: String,
    /// Whether it is right.
    pub pass: bool,
}

/// A message in the making; every check spoils one thing of it.
struct Draft {
    id: String,
    timestamp: i64,
    body: Vec<u8>,
    signature: Option<String>,
    method: &'static str,
}

struct Examiner<'a> {
    client: Client,
    settings: &'a Settings,
    run: String,
    rows: Vec<Row>,
}

type Outcome = Result<Reply, Trouble>;

fn refuses(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(reply) if (400..500).contains(&reply.status) && reply.status != 429)
}

fn takes(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(reply) if matches!(reply.status, 200 | 202 | 204 | 207))
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Ok(reply) => format!("status {}", reply.status),
        Err(trouble) => trouble.reason(),
    }
}

impl Examiner<'_> {
    fn unix(&self) -> i64 {
        self.settings.transport.world.unix()
    }

    /// Made-up fingerprints: nothing that any service could know.
    fn body(&self, name: &str, count: usize) -> Vec<u8> {
        let item = |n: usize| {
            let hash = hex(&Sha256::digest(format!("{} {name} {n}", self.run)));
            json!({"id": format!("it_{name}{n}"), "fp": format!("sha256:{hash}"), "rule": "conformance-test", "len": 40, "count": 1})
        };
        let timestamp = jiff::Timestamp::from_second(self.unix()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
        let items: Vec<_> = (0..count).map(item).collect();
        let scan = json!({"id": self.run, "mode": "ci"});
        json!({"type": Operation::Check.name(), "timestamp": timestamp, "data": {
            "spec": SPEC, "tool": concat!("stanch/", env!("CARGO_PKG_VERSION")), "scan": scan, "items": items}})
        .to_string()
        .into_bytes()
    }

    fn draft(&self, name: &str, count: usize) -> Draft {
        Draft {
            id: format!("msg_{}{name}", &self.run),
            timestamp: self.unix(),
            body: self.body(name, count),
            signature: None,
            method: "POST",
        }
    }

    /// Sends a draft, signed properly unless it has a signature of its own. A 429 is waited out.
    fn send(&self, draft: &Draft) -> Outcome {
        let signature = draft
            .signature
            .clone()
            .unwrap_or_else(|| sign(&self.settings.signing, &draft.id, draft.timestamp, &draft.body));
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("webhook-id".to_owned(), draft.id.clone()),
            ("webhook-timestamp".to_owned(), draft.timestamp.to_string()),
            ("idempotency-key".to_owned(), format!("\"{}\"", draft.id)),
        ];
        if !signature.is_empty() {
            headers.push(("webhook-signature".to_owned(), signature));
        }
        let body = if draft.method == "GET" { Vec::new() } else { draft.body.clone() };
        let out = Outgoing { method: draft.method, url: self.settings.endpoint.clone(), headers, body };
        let mut outcome = Err(Trouble::Timeout);
        for _ in 0..3 {
            outcome = self.client.send(&out, self.settings.transport.total_timeout);
            match &outcome {
                Ok(reply) if reply.status == 429 => {
                    let wait = asked_wait(&reply.headers, self.unix()).unwrap_or(std::time::Duration::from_secs(1));
                    self.settings.transport.world.sleep(wait.min(std::time::Duration::from_secs(30)));
                }
                _ => break,
            }
        }
        outcome
    }

    fn row(&mut self, check: &'static str, expected: &'static str, got: String, pass: bool) {
        self.rows.push(Row { check, expected, got, pass });
    }

    fn must_refuse(&mut self, check: &'static str, draft: &Draft) {
        let outcome = self.send(draft);
        self.row(check, "refused (4xx)", words(&outcome), refuses(&outcome));
    }

    fn signatures(&mut self) {
        let good = self.draft("good", 2);
        let outcome = self.send(&good);
        self.row("a signed message", "taken (200, 202, 204 or 207)", words(&outcome), takes(&outcome));
        let list = self.draft("rotate", 2);
        let right = sign(&self.settings.signing, &list.id, list.timestamp, &list.body);
        let list = Draft { signature: Some(format!("v1,AAAA {right}")), ..list };
        let outcome = self.send(&list);
        self.row("a list with one good signature", "taken", words(&outcome), takes(&outcome));
        let now = self.unix();
        self.must_refuse("no signature", &Draft { signature: Some(String::new()), ..self.draft("none", 1) });
        let stranger = super::SigningKey::Hmac(Sha256::digest(self.run.as_bytes()).to_vec());
        let draft = self.draft("stranger", 1);
        let forged = sign(&[stranger], &draft.id, now, &draft.body);
        self.must_refuse("signed by a stranger", &Draft { signature: Some(forged), ..draft });
        let draft = self.draft("changed", 1);
        let other = sign(&self.settings.signing, &draft.id, now, b"{}");
        self.must_refuse("a changed body", &Draft { signature: Some(other), ..draft });
        let draft = self.draft("moved", 1);
        let other = sign(&self.settings.signing, "msg_other", now, &draft.body);
        self.must_refuse("the signature of another id", &Draft { signature: Some(other), ..draft });
        self.must_refuse("a timestamp 10 minutes ago", &Draft { timestamp: now - 600, ..self.draft("old", 1) });
        self.must_refuse("a timestamp in 10 minutes", &Draft { timestamp: now + 600, ..self.draft("new", 1) });
    }

    fn repetition(&mut self) {
        let draft = self.draft("twice", 3);
        let first = self.send(&draft);
        let again = self.send(&draft);
        let same = |a: &Outcome, b: &Outcome| match (a, b) {
            (Ok(a), Ok(b)) => a.status == b.status && results(&a.body) == results(&b.body),
            _ => false,
        };
        let pass = takes(&first) && (same(&first, &again) || refuses(&again));
        self.row("the same bytes again (replay)", "the same answer, or refused", words(&again), pass);
        let retry = Draft { timestamp: self.unix() + 1, ..self.draft("twice", 3) };
        let retry = Draft { body: draft.body.clone(), ..retry };
        let later = self.send(&retry);
        self.row(
            "the same id in a later attempt",
            "the same answer",
            words(&later),
            takes(&first) && same(&first, &later),
        );
        let other = Draft { body: self.body("other", 1), ..self.draft("twice", 1) };
        self.must_refuse("the same id with another body", &other);
    }

    fn answers(&mut self) {
        let draft = self.draft("many", 100);
        let outcome = self.send(&draft);
        let (got, pass) = match &outcome {
            Ok(reply) if matches!(reply.status, 200 | 207) => match fits(&draft.body, &reply.body) {
                Ok(count) => (format!("{count} of 100 answered"), true),
                Err(why) => (why.to_owned(), false),
            },
            other => (words(other), takes(other)),
        };
        self.row("100 items", "answers with their ids and fingerprints, or 202/204", got, pass);
        if self.settings.response_keys.is_empty() {
            return;
        }
        let now = self.unix();
        let (got, pass) = match &outcome {
            Ok(reply) => {
                let header = |name| reply.header(name).unwrap_or("");
                let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
                let signed = Signed { id, timestamp, signature: header("webhook-signature") };
                match verify(&self.settings.response_keys, signed, &reply.body, now) {
                    Ok(()) if id == draft.id => ("good".to_owned(), true),
                    Ok(()) => ("another id".to_owned(), false),
                    Err(error) => (error.to_string(), false),
                }
            }
            other => (words(other), false),
        };
        self.row("the answer's signature", "by a known key, under the message's id", got, pass);
    }

    fn limits(&mut self) {
        self.must_refuse("no JSON", &Draft { body: b"{\"type\":".to_vec(), ..self.draft("json", 1) });
        let nonsense = br#"{"type":"secret.nonsense","timestamp":"2026-01-01T00:00:00Z","data":{}}"#;
        self.must_refuse("an operation of no known kind", &Draft { body: nonsense.to_vec(), ..self.draft("kind", 1) });
        let outcome = self.send(&self.draft("huge", 10_000));
        let pass = takes(&outcome) || refuses(&outcome);
        self.row("10,000 items (1.5 MB)", "413 or an answer, no crash", words(&outcome), pass);
        self.must_refuse("GET", &Draft { method: "GET", ..self.draft("get", 1) });
        let outcome = self.send(&self.draft("after", 1));
        self.row("a good message after all this", "taken", words(&outcome), takes(&outcome));
    }
}

fn results(body: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Value>(body).ok()?.get("results").cloned()
}

/// How many items an answer is about; or what is wrong with it.
fn fits(request: &[u8], answer: &[u8]) -> Result<usize, &'static str> {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let answer: Value = serde_json::from_slice(answer).map_err(|_| "no JSON")?;
    if answer["spec"] != SPEC {
        return Err("another spec");
    }
    let items = request["data"]["items"].as_array().map_or(&[][..], Vec::as_slice);
    let results = answer["results"].as_array().ok_or("no results")?;
    let mut seen = std::collections::BTreeSet::new();
    for result in results {
        let id = result["id"].as_str().ok_or("a result without an id")?;
        let item = items.iter().find(|item| item["id"] == id).ok_or("a result about no item")?;
        if result["fp"] != item["fp"] {
            return Err("a result that does not repeat its fp");
        }
        if result["status"].as_str().is_none() {
            return Err("a result without a status");
        }
        if !seen.insert(id) {
            return Err("two results about one item");
        }
    }
    Ok(seen.len())
}

/// Checks the receiver at `settings.endpoint`, with made-up fingerprints and only `secret.check`, or made-up tokens for a
/// service with a protocol of its own: it changes nothing at a receiver that works.
///
/// # Errors
/// Settings that make no sense, or no key to sign with.
pub fn conformance(settings: &Settings) -> Result<Vec<Row>, RevokeError> {
    settings.validate()?;
    if !matches!(settings.shape, Shape::Stanch) {
        return adapters::conformance(settings, super::plan::scan_name(settings));
    }
    if settings.signing.is_empty() {
        return Err(RevokeError::Settings("a receiver is checked with the key that it knows: none was given"));
    }
    let run = super::plan::scan_name(settings);
    let client = Client::new(&settings.transport)?;
    let mut examiner = Examiner { client, settings, run, rows: Vec::new() };
    examiner.signatures();
    examiner.repetition();
    examiner.answers();
    examiner.limits();
    Ok(examiner.rows)
}
