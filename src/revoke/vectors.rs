//! The protocol's test vectors, made by other implementations, and answers that nobody would expect.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Reply;
use super::plan::hex;
use super::protocol::{Expected, Known, SCHEMA, answers, prefix_tag};
use super::seal::{Opener, Recipient};
use super::settings::{Disclosure, Hidden, Mode, Settings};
use super::sign::{Signed, SigningKey, sign, verify};
use super::testing::{Act, Server, honest, questions, settings};
use super::{Silent, check, dry_run};
use crate::model::Secret;

const FINGERPRINTS: &str = include_str!("../../tests/data/webhook/fingerprints.json");
const SIGNATURES: &str = include_str!("../../tests/data/webhook/signatures.json");
const SEALED: &str = include_str!("../../tests/data/webhook/sealed.json");
const ANSWERS: &str = include_str!("../../tests/data/webhook/answers.json");

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn signatures_of_others() {
    use base64::Engine as _;
    let vectors: Vec<Value> = serde_json::from_str(SIGNATURES).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let bytes = base64::engine::general_purpose::STANDARD.encode(unhex(text(&vector, "key_hex")));
        let key = SigningKey::parse(&format!("{}{bytes}", text(&vector, "key_prefix"))).unwrap();
        let (id, at, body) = (text(&vector, "id"), vector["timestamp"].as_i64().unwrap(), text(&vector, "body"));
        assert_eq!(sign(std::slice::from_ref(&key), id, at, body.as_bytes()), text(&vector, "signature"));
        let headers = Signed { id, timestamp: &at.to_string(), signature: text(&vector, "signature") };
        assert_eq!(verify(&[key.checking()], headers, body.as_bytes(), at), Ok(()));
    }
}

#[test]
fn fingerprints_of_others() {
    let vector: Value = serde_json::from_str(FINGERPRINTS).unwrap();
    let server = Server::new(|request, _| Act::json(&honest(request, |_| "live")));
    let shared = Hidden(unhex(text(&vector, "hmac_key_hex")));
    let ways =
        [("sha256", Disclosure::Fingerprint), ("hmac", Disclosure::Hmac(shared)), ("prefix", Disclosure::Prefix)];
    for (name, disclosure) in ways {
        let mut settings = settings(&server, Mode::Ci);
        settings.disclosure = disclosure;
        let mut all = questions(1);
        all[0].secret = Secret::new(text(&vector, "secret").as_bytes()).into();
        let sent = dry_run(&all, &settings).unwrap();
        assert!(sent.contains(&format!("\"fp\":\"{}\"", text(&vector, name))), "{name}: {sent}");
    }
    let digest: [u8; 32] = unhex(text(&vector, "sha256").trim_start_matches("sha256:")).try_into().unwrap();
    assert_eq!(prefix_tag(&digest, text(&vector, "item")), text(&vector, "tag"));
}

#[test]
fn sealed_by_others() {
    let vector: Value = serde_json::from_str(SEALED).unwrap();
    let opener = Opener::from_bytes(&unhex(text(&vector, "private_key_hex"))).unwrap();
    let opened = opener.open(text(&vector, "sealed"), text(&vector, "item")).unwrap();
    assert_eq!(opened, text(&vector, "secret").as_bytes());
    let ours = Recipient::parse(text(&vector, "recipient")).unwrap().seal(b"x", "it_1").unwrap();
    assert_eq!(opener.open(&ours, "it_1").unwrap(), b"x");
}

#[derive(Deserialize)]
struct Answers {
    items: Vec<Item>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    fp: String,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    status: u16,
    body: Value,
    expect: Value,
    valid: bool,
}

fn read(items: &[Item], status: u16, body: &[u8]) -> Value {
    let known: Vec<_> = items.iter().map(|i| Known { id: &i.id, fp: &i.fp, digest: None }).collect();
    let settings = Settings::new("https://a.example/", Mode::Ci);
    let reply = Reply { status, headers: Vec::new(), body: body.to_vec() };
    match answers(&Expected { id: "msg_x", items: &known }, &reply, &settings) {
        Err(_) => json!("error"),
        Ok(found) => (0..items.len()).map(|n| found.get(&n).map(|answer| answer.verdict.name())).collect(),
    }
}

#[test]
fn answers_as_documented() {
    let vectors: Answers = serde_json::from_str(ANSWERS).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    for case in &vectors.cases {
        let body = if case.body.is_null() { Vec::new() } else { case.body.to_string().into_bytes() };
        assert_eq!(read(&vectors.items, case.status, &body), case.expect, "{}", case.name);
        assert_eq!(schema.is_valid(&case.body), case.valid, "{}: the schema", case.name);
    }
    assert!(vectors.cases.len() >= 18);
}

fn some_json() -> impl Strategy<Value = Value> {
    let words = ["spec", "results", "id", "fp", "status", "it_A", "stanch-webhook/1", "revoked", "live", "retryable"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        let entry = (proptest::sample::select(words.to_vec()), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            proptest::collection::vec(entry, 0..5)
                .prop_map(|all| Value::Object(all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    /// Whatever comes back, it is read or refused, and "revoked" is only read where the fingerprint stands beside it.
    #[test]
    fn no_answer_breaks_us(results in proptest::collection::vec(some_json(), 0..6), raw in any::<Vec<u8>>(), status in 200_u16..208) {
        let items = [Item { id: "it_A".into(), fp: "sha256:00".into() }];
        let body = json!({"spec": "stanch-webhook/1", "results": results}).to_string();
        let read_back = read(&items, status, body.as_bytes());
        if read_back == json!(["revoked"]) {
            prop_assert!(body.contains("sha256:00"));
        }
        let _ = read(&items, status, &raw);
        let _ = read(&items, status, &body.as_bytes()[..body.len() / 2]);
    }

    /// Whatever the secrets are, none of them is in a message, and every message follows the schema.
    #[test]
    fn no_secret_is_in_a_message(secrets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 12..60), 1..4)) {
        let mut settings = Settings::new("https://a.example/", Mode::Ci);
        settings.transport.world = std::sync::Arc::new(super::testing::FakeWorld::new());
        let mut all = questions(secrets.len());
        for (question, secret) in all.iter_mut().zip(&secrets) {
            question.secret = Secret::new(secret).into();
        }
        let text = dry_run(&all, &settings).unwrap();
        for secret in &secrets {
            prop_assert!(memchr::memmem::find(text.as_bytes(), secret).is_none());
            prop_assert!(!text.contains(&hex(secret)));
        }
    }
}

#[test]
fn a_run_is_the_same_again() {
    let server = Server::new(|request, _| Act::json(&honest(request, |_| "live")));
    let run = || {
        let settings = settings(&server, Mode::Ci);
        let mut all = questions(150);
        all.reverse();
        let answers = check(&all, &settings, &Silent).unwrap();
        (answers.verdicts, answers.report)
    };
    assert_eq!(run(), run());
    let bodies: Vec<_> = server.received().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies[..2], bodies[2..], "the same bytes, whatever the order of the questions");
}
