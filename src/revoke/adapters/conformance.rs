//! Checking a service that speaks a protocol of its own: only made-up tokens are sent.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{GithubPartner, GitlabRevocation, Shape, TrufflehogCustom};
use crate::revoke::client::{Client, Outgoing, Reply, Trouble};
use crate::revoke::conformance::Row;
use crate::revoke::plan::hex;
use crate::revoke::settings::{RevokeError, Settings};

type Headers = Vec<(String, String)>;
type Outcome = Result<Reply, Trouble>;

struct Examiner<'a> {
    client: Client,
    settings: &'a Settings,
    run: String,
    rows: Vec<Row>,
}

/// Checks the service at `settings.endpoint`, which speaks as `settings.shape` says.
pub(crate) fn conformance(settings: &Settings, run: String) -> Result<Vec<Row>, RevokeError> {
    let client = Client::new(&settings.transport)?;
    let mut examiner = Examiner { client, settings, run, rows: Vec::new() };
    match &settings.shape {
        Shape::GithubPartner(partner) => examiner.partner(partner),
        Shape::GitlabRevocation(gitlab) => examiner.gitlab(gitlab),
        Shape::TrufflehogCustom(custom) => examiner.trufflehog(custom),
        Shape::GithubCredentials(_) => {
            return Err(RevokeError::Settings("this service is GitHub's own: there is nothing to be tested"));
        }
        Shape::Stanch => {}
    }
    Ok(examiner.rows)
}

fn taken(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(reply) if (200..300).contains(&reply.status))
}

fn refused(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(reply) if (400..500).contains(&reply.status) && reply.status != 429)
}

impl Examiner<'_> {
    /// A token that nobody issued.
    fn token(&self, number: usize) -> String {
        format!("made_up_{}", &hex(&Sha256::digest(format!("{} {number}", self.run)))[..40])
    }

    fn send(&self, method: &'static str, path: &str, headers: Headers, body: Vec<u8>) -> Outcome {
        let url = if path.is_empty() {
            self.settings.endpoint.clone()
        } else {
            format!("{}{path}", self.settings.endpoint.trim_end_matches('/'))
        };
        self.client.send(&Outgoing { method, url, headers, body }, self.settings.transport.total_timeout)
    }

    fn row(&mut self, check: &'static str, expected: &'static str, outcome: &Outcome, pass: bool) {
        let got = match outcome {
            Ok(reply) => format!("status {}", reply.status),
            Err(trouble) => trouble.reason(),
        };
        self.rows.push(Row { check, expected, got, pass });
    }

    fn partner(&mut self, partner: &GithubPartner) {
        let element = |number| json!({"token": self.token(number), "type": "made_up", "url": "", "source": "unknown"});
        let body = |count: usize| Value::from((0..count).map(element).collect::<Vec<_>>()).to_string().into_bytes();
        let (one, other, many) = (body(1), body(2), body(1000));
        let outcome = self.send("POST", "", partner.signed(&one), one.clone());
        self.row("a signed array", "taken (2xx)", &outcome, taken(&outcome) && is_feedback(&outcome));
        let outcome = self.send("POST", "", partner.signed(&other)[..1].to_vec(), other.clone());
        self.row("no signature", "refused (4xx)", &outcome, refused(&outcome));
        let outcome = self.send("POST", "", partner.signed(&one), other);
        self.row("the signature of another body", "refused (4xx)", &outcome, refused(&outcome));
        let outcome = self.send("POST", "", partner.signed(&many), many.clone());
        self.row("1,000 tokens", "taken (2xx)", &outcome, taken(&outcome) && is_feedback(&outcome));
        let bad = b"[{".to_vec();
        let outcome = self.send("POST", "", partner.signed(&bad), bad.clone());
        self.row("no JSON", "refused (4xx)", &outcome, refused(&outcome));
    }

    fn gitlab(&mut self, gitlab: &GitlabRevocation) {
        let outcome = self.send("GET", "/v1/revocable_token_types", gitlab.headers(), Vec::new());
        let listed = |reply: &Reply| serde_json::from_slice::<Value>(&reply.body).is_ok_and(|v| v["types"].is_array());
        let pass = matches!(&outcome, Ok(reply) if reply.status == 200 && listed(reply));
        self.row("the types it revokes", "200 and a list", &outcome, pass);
        let body =
            |kind: &str| json!([{"type": kind, "token": self.token(0), "location": ""}]).to_string().into_bytes();
        let (unknown, bad) = (body("made_up_type"), b"[{".to_vec());
        let stranger = vec![gitlab.headers()[0].clone(), ("authorization".to_owned(), self.token(1))];
        let outcome = self.send("POST", "/v1/revoke_tokens", stranger, unknown.clone());
        self.row("another's token", "401 or 403", &outcome, matches!(&outcome, Ok(r) if matches!(r.status, 401 | 403)));
        let outcome = self.send("POST", "/v1/revoke_tokens", gitlab.headers(), unknown);
        self.row("a type that it does not list", "400", &outcome, matches!(&outcome, Ok(r) if r.status == 400));
        let outcome = self.send("POST", "/v1/revoke_tokens", gitlab.headers(), bad);
        self.row("no JSON", "400", &outcome, matches!(&outcome, Ok(r) if r.status == 400));
    }

    fn trufflehog(&mut self, custom: &TrufflehogCustom) {
        let body = json!({ &custom.detector: { "made-up": [self.token(0)] } }).to_string().into_bytes();
        let dead =
            |outcome: &Outcome| matches!(outcome, Ok(reply) if !custom.is_live(reply.status) && reply.status < 500);
        let outcome = self.send("POST", "", custom.all_headers(), body.clone());
        self.row("a token that nobody issued", "a status that does not mean live", &outcome, dead(&outcome));
        if !custom.headers.is_empty() {
            let outcome = self.send("POST", "", custom.all_headers()[..1].to_vec(), body);
            self.row("no authorization", "refused (4xx)", &outcome, refused(&outcome));
        }
    }
}

/// Whether an answer is empty, or names each token once, whole or by its hash, with a label.
fn is_feedback(outcome: &Outcome) -> bool {
    let Ok(reply) = outcome else { return false };
    if reply.body.iter().all(u8::is_ascii_whitespace) {
        return true;
    }
    let is_label = |label: &Value| matches!(label.as_str(), Some("true_positive" | "false_positive"));
    let one =
        |item: &Value| item["token_raw"].is_string() != item["token_hash"].is_string() && is_label(&item["label"]);
    serde_json::from_slice::<Value>(&reply.body)
        .is_ok_and(|value| value.as_array().is_some_and(|list| list.iter().all(one)))
}
