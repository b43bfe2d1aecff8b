//! The reference receiver, over real sockets: conformance, verdicts, revocation, sealed prefixes, and a broken one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use stanch::model::{Fingerprint, FingerprintKey, Kind, RuleInfo, Secret, Severity, Verdict};
use stanch::revoke::{
    Answers, Disclosure, Guard, Mode, Operation, Question, Row, Settings, SigningKey, Silent, check, conformance,
};

#[path = "../../examples/receiver.rs"]
#[expect(dead_code, reason = "its main() is for the example")]
mod receiver;

fn key(prefix: &str, seed: u8) -> String {
    format!("{prefix}{}", base64::engine::general_purpose::STANDARD.encode([seed; 32]))
}

/// A receiver that knows `live-…`, `revoked-…` and `canary-…`, and the settings to reach it.
fn start() -> Settings {
    let store = receiver::Store::open(None).unwrap();
    for status in ["live", "revoked", "canary"] {
        for n in 0..3 {
            store.add(format!("{status}-secret-{n}").as_bytes(), status).unwrap();
        }
    }
    let signing = SigningKey::parse_all(&format!("{} {}", key("whsk_", 4), key("whsec_", 3))).unwrap();
    let answer = SigningKey::parse(&key("whsk_", 9)).unwrap();
    // The receiver knows only one of our two keys: the other is on its way in.
    let keys = vec![signing[1].checking()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = Settings::new(&format!("http://{}/hook", listener.local_addr().unwrap()), Mode::Ci);
    settings.transport.guard = Guard { http_loopback: true, ..Guard::default() };
    settings.transport.rate.per_second = 1000.0;
    settings.transport.total_timeout = Duration::from_secs(10);
    settings.signing = signing;
    settings.require_signed_response = true;
    settings.response_keys = vec![answer.checking()];
    let receiver = Arc::new(receiver::Receiver { store, keys, answer_keys: vec![answer] });
    std::thread::spawn(move || receiver::serve(&receiver, &listener));
    settings
}

fn question(secret: &str) -> Question {
    let rule = RuleInfo {
        id: "acme-token".into(),
        name: "Acme token".into(),
        provider: "acme".into(),
        category: "test".into(),
        severity: Severity::High,
        kind: Kind::Secret,
        remediation: String::new(),
        references: Vec::new(),
        tags: Vec::new(),
        owasp: String::new(),
        cwe: String::new(),
    };
    Question {
        fingerprint: Fingerprint::of(&FingerprintKey::default(), &rule.id, secret.as_bytes()),
        secret: Secret::new(secret.as_bytes()).into(),
        partner: None,
        rule: Arc::new(rule),
        strong: true,
        count: 1,
        places: Vec::new(),
    }
}

fn names(answers: &Answers, questions: &[Question]) -> Vec<&'static str> {
    questions.iter().map(|q| answers.verdicts.get(&q.fingerprint).map_or("", Verdict::name)).collect()
}

#[test]
fn the_reference_receiver_follows_the_protocol() {
    let rows = conformance(&start()).unwrap();
    let failed: Vec<&Row> = rows.iter().filter(|row| !row.pass).collect();
    assert!(failed.is_empty() && rows.len() >= 17, "{} rows, failed: {failed:#?}", rows.len());
}

#[test]
fn it_answers_from_its_list_and_revokes_once() {
    let mut settings = start();
    let questions: Vec<_> =
        ["live-secret-0", "live-secret-1", "revoked-secret-0", "canary-secret-0", "stranger"].map(question).into();
    let before = ["live", "live", "revoked", "canary", "not_ours"];
    assert_eq!(names(&check(&questions, &settings, &Silent).unwrap(), &questions), before);
    settings.disclosure = Disclosure::Prefix;
    assert_eq!(names(&check(&questions, &settings, &Silent).unwrap(), &questions), before, "by prefix");
    settings.disclosure = Disclosure::Fingerprint;
    settings.operation = Operation::Revoke;
    settings.scan_id = Some("the same run twice".into());
    let only = [questions[0].clone()];
    let first = check(&only, &settings, &Silent).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    let again = check(&only, &settings, &Silent).unwrap();
    assert_eq!(names(&first, &only), ["revoked"]);
    assert_eq!(first.verdicts, again.verdicts);
    settings.operation = Operation::Check;
    settings.scan_id = None;
    let after = ["revoked", "live", "revoked", "canary", "not_ours"];
    assert_eq!(names(&check(&questions, &settings, &Silent).unwrap(), &questions), after);
}

#[test]
fn it_refuses_a_replay_and_takes_a_later_attempt() {
    let rows = conformance(&start()).unwrap();
    let got = |check: &str| rows.iter().find(|row| row.check == check).unwrap().got.clone();
    assert_eq!(got("the same bytes again (replay)"), "status 409");
    assert_eq!(got("the same id in a later attempt"), "status 200");
}

#[test]
fn a_key_that_it_does_not_know_gets_nothing() {
    let mut settings = start();
    settings.signing = vec![SigningKey::parse(&key("whsec_", 77)).unwrap()];
    let questions = [question("live-secret-0")];
    let answers = check(&questions, &settings, &Silent).unwrap();
    assert_eq!(names(&answers, &questions), ["unknown"]);
    assert!(answers.report.reasons.contains_key("refused with status 401"), "{:?}", answers.report);
    assert!(conformance(&settings).unwrap().iter().any(|row| !row.pass));
}

/// A table of what a careless receiver gets wrong; the conformance test must see each.
#[test]
fn conformance_sees_what_a_careless_receiver_does() {
    use std::io::{Read, Write};
    let mut settings = start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    settings.endpoint = format!("http://{}/hook", listener.local_addr().unwrap());
    // It takes everything, verifies nothing, and answers with an empty list.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
            let mut buffer = vec![0; 4 << 20];
            while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 39\r\nconnection: close\r\n\r\n{\"spec\":\"stanch-webhook/1\",\"results\":0}");
        }
    });
    let rows: HashMap<_, _> = conformance(&settings).unwrap().into_iter().map(|row| (row.check, row.pass)).collect();
    let seen = [
        "no signature",
        "signed by a stranger",
        "a changed body",
        "the signature of another id",
        "a timestamp 10 minutes ago",
        "a timestamp in 10 minutes",
        "the same id with another body",
        "100 items",
        "the answer's signature",
        "no JSON",
        "GET",
    ];
    for check in seen {
        assert_eq!(rows.get(check), Some(&false), "{check}");
    }
}

/// By hand, against a receiver in another language: `STANCH_URL`, `STANCH_KEY` (whsec_…), `STANCH_CA` (a PEM file; empty
/// for http), then `cargo test --test it foreign -- --ignored --nocapture`. It must sign its answers with the same key,
/// know the secret `live-secret-0`, and say `not_ours` of others.
#[test]
#[ignore = "needs a receiver"]
fn a_foreign_receiver() {
    let mut settings = start();
    settings.endpoint = std::env::var("STANCH_URL").unwrap();
    settings.signing = vec![SigningKey::parse(&std::env::var("STANCH_KEY").unwrap()).unwrap()];
    settings.response_keys = vec![settings.signing[0].checking()];
    let ca = std::env::var("STANCH_CA").unwrap();
    if !ca.is_empty() {
        settings.transport.guard = Guard { allow_private: true, ..Guard::default() };
        settings.transport.ca = Some(std::fs::read(ca).unwrap());
    }
    let questions = ["live-secret-0", "stranger"].map(question);
    let answers = check(&questions, &settings, &Silent).unwrap();
    println!("{:?} {:?}", names(&answers, &questions), answers.report);
    for Row { check, expected, got, pass } in conformance(&settings).unwrap() {
        println!("{} | {check} | {expected} | {got}", if pass { "ok  " } else { "FAIL" });
    }
    assert_eq!(names(&answers, &questions), ["live", "not_ours"]);
    settings.transport.ca = None;
    let refused = check(&questions, &settings, &Silent).unwrap();
    println!("without its certificate: {:?}", refused.report.reasons);
}
