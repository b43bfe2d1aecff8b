//! A receiver that does everything wrong: a table of fault and outcome, and what must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::answers::{Answers, Silent};
use super::settings::{CacheFile, Disclosure, Hidden, Mode, Operation, Settings};
use super::sign::{CheckingKey, SigningKey, sign};
use super::testing::{Act, FakeWorld, Received, Server, honest, question, questions, rule, secret, settings};
use super::world::World;
use super::{check, dry_run, flush, seal};
use crate::model::{Kind, Secret, Verdict};

/// What must hold whatever the receiver does.
fn invariants(server: &Server, answers: &Answers, count: usize) {
    let report = &answers.report;
    assert_eq!(report.asked, report.answered + report.failed, "{report:?}");
    assert_eq!(report.distinct, report.asked + report.from_cache, "{report:?}");
    assert_eq!(report.failed, report.reasons.values().sum::<usize>(), "{report:?}");
    assert_eq!(answers.verdicts.len(), count, "nothing lost");
    assert!(report.spooled <= report.failed);
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let secrets: Vec<_> = (0..count).map(|n| secret(n).into_bytes()).collect();
    let parts: std::collections::HashSet<&[u8]> = secrets.iter().flat_map(|secret| secret.windows(4)).collect();
    for request in server.received() {
        let id = request.header("webhook-id").to_owned();
        assert_eq!(request.header("idempotency-key"), format!("\"{id}\""));
        for item in request.items() {
            let fp = item["fp"].as_str().unwrap().to_owned();
            ids.entry(fp).or_default().insert(item["id"].as_str().unwrap().to_owned());
        }
        let body = bodies.entry(id).or_insert_with(|| request.body.clone());
        assert_eq!(*body, request.body, "the same id is the same message");
        assert!(!request.raw.windows(4).any(|part| parts.contains(part)), "no part of a secret is in the traffic");
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "nothing asked under two ids");
    let debug = format!("{answers:?}");
    assert!((0..count).all(|n| !debug.contains(&secret(n))), "no secret in a report");
}

fn signing_key() -> SigningKey {
    use base64::Engine as _;
    SigningKey::parse(&format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([5; 32]))).unwrap()
}

/// An honest answer, signed by a key under an id at a time.
fn signed(body: &Value, key: &SigningKey, id: &str, unix: i64) -> Act {
    let text = body.to_string().into_bytes();
    let signature = sign(std::slice::from_ref(key), id, unix, &text);
    Act::Reply(200, Vec::new(), text)
        .with("webhook-id", id)
        .with("webhook-timestamp", &unix.to_string())
        .with("webhook-signature", &signature)
}

fn good(request: &Received) -> Act {
    Act::json(&honest(request, |_| "revoked"))
}

const ALWAYS: usize = usize::MAX;

/// (fault, what it does, for how many requests, verdict, reason contains, requests, spooled)
type Row = (&'static str, fn(&Received) -> Act, usize, &'static str, &'static str, usize, usize);

/// Four secrets in one message; after the fault the receiver is honest and says "revoked".
const TABLE: &[Row] = &[
    ("none", good, 0, "revoked", "", 1, 0),
    ("closes without a word, once", |_| Act::Drop, 1, "revoked", "", 2, 0),
    ("closes without a word, always", |_| Act::Drop, ALWAYS, "unknown", "connection lost", 5, 4),
    ("slow header", |_| Act::SlowLoris, ALWAYS, "unknown", "timeout", 5, 4),
    ("slow body", |_| Act::SlowBody, ALWAYS, "unknown", "timeout", 5, 4),
    ("slow body, once", |_| Act::SlowBody, 1, "revoked", "", 2, 0),
    (
        "body cut short",
        |_| Act::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"spec".to_vec()),
        2,
        "revoked",
        "",
        3,
        0,
    ),
    ("body too large", |_| Act::Reply(200, vec![], vec![b' '; 1_100_000]), ALWAYS, "unknown", "answer too large", 1, 4),
    (
        "header too large",
        |_| Act::status(200).with("x-pad", &"p".repeat(100_000)),
        ALWAYS,
        "unknown",
        "answer too large",
        1,
        4,
    ),
    ("no HTTP", |_| Act::Raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n\r\n".to_vec()), 1, "revoked", "", 2, 0),
    ("no JSON", |_| Act::Reply(200, vec![], b"<html>ok</html>".to_vec()), ALWAYS, "unknown", "no JSON", 1, 4),
    ("empty 200", |_| Act::status(200), ALWAYS, "unknown", "no JSON", 1, 4),
    ("JSON nested deeply", |_| Act::Reply(200, vec![], vec![b'['; 200_000]), ALWAYS, "unknown", "no JSON", 1, 4),
    (
        "another spec",
        |_| Act::json(&json!({"spec": "stanch-webhook/9", "results": []})),
        ALWAYS,
        "unknown",
        "no known form",
        1,
        4,
    ),
    ("no results", |_| Act::json(&json!({"spec": "stanch-webhook/1"})), ALWAYS, "unknown", "no results", 1, 4),
    (
        "results of another type",
        |r| {
            Act::json(&json!({"spec": "stanch-webhook/1", "results":
        r.items().iter().map(|i| json!({"id": i["id"], "fp": i["fp"], "status": 1})).collect::<Vec<_>>()}))
        },
        ALWAYS,
        "unknown",
        "left it out",
        3,
        4,
    ),
    (
        "partial answer once",
        |r| {
            let mut a = honest(r, |_| "revoked");
            a["results"].as_array_mut().unwrap().truncate(1);
            Act::json(&a)
        },
        1,
        "revoked",
        "",
        3,
        0,
    ),
    ("status nobody knows", |r| Act::json(&honest(r, |_| "rotated")), ALWAYS, "unknown", "", 1, 0),
    ("unknown", |r| Act::json(&honest(r, |_| "unknown")), ALWAYS, "unknown", "", 1, 0),
    ("error per item", |r| Act::json(&honest(r, |_| "error")), ALWAYS, "unknown", "", 1, 0),
    (
        "retryable error once",
        |r| {
            Act::json(&json!({"spec": "stanch-webhook/1", "results":
        r.items().iter().map(|i| json!({"id": i["id"], "status": "error", "retryable": true})).collect::<Vec<_>>()}))
        },
        1,
        "revoked",
        "",
        3,
        0,
    ),
    ("202 without a body", |_| Act::status(202), ALWAYS, "accepted", "", 1, 0),
    ("204", |_| Act::status(204), ALWAYS, "accepted", "", 1, 0),
    (
        "207",
        |r| {
            let Act::Reply(_, h, b) = good(r) else { unreachable!() };
            Act::Reply(207, h, b)
        },
        ALWAYS,
        "revoked",
        "",
        1,
        0,
    ),
    (
        "301",
        |_| Act::status(301).with("location", "http://127.0.0.1:1/"),
        ALWAYS,
        "unknown",
        "redirects are not followed",
        1,
        4,
    ),
    (
        "307 to metadata",
        |_| Act::status(307).with("location", "http://169.254.169.254/"),
        ALWAYS,
        "unknown",
        "redirects are not followed",
        1,
        4,
    ),
    ("400", |_| Act::status(400), ALWAYS, "unknown", "status 400", 1, 0),
    ("401", |_| Act::status(401), ALWAYS, "unknown", "status 401", 1, 4),
    (
        "401 by another clock",
        |_| Act::status(401).with("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ALWAYS,
        "unknown",
        "clocks differ",
        1,
        4,
    ),
    ("403", |_| Act::status(403), ALWAYS, "unknown", "status 403", 1, 4),
    ("404", |_| Act::status(404), ALWAYS, "unknown", "status 404", 1, 4),
    ("410", |_| Act::status(410), ALWAYS, "unknown", "gone", 1, 0),
    ("413 to four", |r| if r.items().len() > 1 { Act::status(413) } else { good(r) }, ALWAYS, "revoked", "", 7, 0),
    ("413 always", |_| Act::status(413), ALWAYS, "unknown", "too large", 7, 0),
    ("422", |_| Act::status(422), ALWAYS, "unknown", "status 422", 1, 0),
    ("408 once", |_| Act::status(408), 1, "revoked", "", 2, 0),
    ("425 once", |_| Act::status(425), 1, "revoked", "", 2, 0),
    ("429 for 7 s", |_| Act::status(429).with("retry-after", "7"), 2, "revoked", "", 3, 0),
    ("429 for an hour", |_| Act::status(429).with("retry-after", "3600"), ALWAYS, "unknown", "status 429", 1, 4),
    ("429 always", |_| Act::status(429), ALWAYS, "unknown", "status 429", 5, 4),
    ("500 once", |_| Act::status(500), 1, "revoked", "", 2, 0),
    ("500 always", |_| Act::status(500), ALWAYS, "unknown", "status 500", 5, 4),
    ("501", |_| Act::status(501), ALWAYS, "unknown", "status 501", 1, 4),
    ("502 504", |r| Act::status(if r.body.len() % 2 == 0 { 502 } else { 504 }), 3, "revoked", "", 4, 0),
    (
        "503 with a date",
        |_| Act::status(503).with("retry-after", "Sat, 21 Nov 2026 16:40:09 GMT"),
        1,
        "revoked",
        "",
        2,
        0,
    ),
    (
        "ids swapped",
        |r| {
            let mut a = honest(r, |_| "revoked");
            let n = r.items().len();
            for i in 0..n {
                a["results"][i]["id"] = r.items()[(i + 1) % n]["id"].clone();
            }
            Act::json(&a)
        },
        ALWAYS,
        "unknown",
        "",
        1,
        0,
    ),
    (
        "reordered",
        |r| {
            let mut a = honest(r, |_| "revoked");
            a["results"].as_array_mut().unwrap().reverse();
            Act::json(&a)
        },
        ALWAYS,
        "revoked",
        "",
        1,
        0,
    ),
    (
        "ids of nobody",
        |r| {
            let mut a = honest(r, |_| "revoked");
            for x in a["results"].as_array_mut().unwrap() {
                x["id"] = json!("it_X");
            }
            Act::json(&a)
        },
        ALWAYS,
        "unknown",
        "left it out",
        3,
        4,
    ),
    (
        "revoked without fp",
        |r| {
            let mut a = honest(r, |_| "revoked");
            for x in a["results"].as_array_mut().unwrap() {
                x.as_object_mut().unwrap().remove("fp");
            }
            Act::json(&a)
        },
        ALWAYS,
        "unknown",
        "",
        1,
        0,
    ),
    (
        "live without fp",
        |r| {
            let mut a = honest(r, |_| "active");
            for x in a["results"].as_array_mut().unwrap() {
                x.as_object_mut().unwrap().remove("fp");
            }
            Act::json(&a)
        },
        ALWAYS,
        "live",
        "",
        1,
        0,
    ),
    (
        "contradicts itself",
        |r| {
            let mut a = honest(r, |_| "revoked");
            let more = honest(r, |_| "live");
            a["results"].as_array_mut().unwrap().extend(more["results"].as_array().unwrap().clone());
            Act::json(&a)
        },
        ALWAYS,
        "unknown",
        "",
        1,
        0,
    ),
    (
        "GitHub feedback",
        |r| {
            Act::json(&json!(
                r.items()
                    .iter()
                    .map(|i| json!({"token_type": "x", "label": "true_positive",
        "token_hash": i["fp"].as_str().unwrap().trim_start_matches("sha256:")}))
                    .collect::<Vec<_>>()
            ))
        },
        ALWAYS,
        "live",
        "",
        1,
        0,
    ),
];

#[test]
fn every_fault_has_its_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (n, &(name, fault, times, verdict, reason, requests, spooled)) in TABLE.iter().enumerate() {
        let server = Server::new(move |request, n| if n < times { fault(request) } else { good(request) });
        let mut settings = settings(&server, Mode::Ci);
        settings.signing = vec![signing_key()];
        settings.spool = Some(dir.path().join(format!("{n}.spool.jsonl")));
        settings.transport.budget.probes = 0;
        let answers = check(&questions(4), &settings, &Silent).unwrap();
        invariants(&server, &answers, 4);
        let verdicts: BTreeSet<_> = answers.verdicts.values().map(Verdict::name).collect();
        let reasons: Vec<_> = answers.report.reasons.keys().cloned().collect();
        let seen = (verdicts.into_iter().collect::<Vec<_>>(), server.received().len(), answers.report.spooled);
        let reason_is_right =
            if reason.is_empty() { reasons.is_empty() } else { reasons.len() == 1 && reasons[0].contains(reason) };
        if seen != (vec![verdict], requests, spooled) || !reason_is_right {
            wrong.push(format!("{name}: {seen:?} {reasons:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// (fault, key that signs, id, seconds off, verdict)
#[test]
fn answers_that_must_be_signed() {
    type Forge = fn(&Received, &SigningKey, &SigningKey, i64) -> Act;
    let table: [(&str, Forge, &str); 8] = [
        ("good", |r, key, _, now| signed(&honest(r, |_| "revoked"), key, r.header("webhook-id"), now), "revoked"),
        ("unsigned", |r, _, _, _| good(r), "unknown"),
        ("unsigned 204", |_, _, _, _| Act::status(204), "unknown"),
        (
            "by a stranger",
            |r, _, other, now| signed(&honest(r, |_| "revoked"), other, r.header("webhook-id"), now),
            "unknown",
        ),
        ("of another message", |r, key, _, now| signed(&honest(r, |_| "revoked"), key, "msg_other", now), "unknown"),
        (
            "too old",
            |r, key, _, now| signed(&honest(r, |_| "revoked"), key, r.header("webhook-id"), now - 301),
            "unknown",
        ),
        (
            "of the future",
            |r, key, _, now| signed(&honest(r, |_| "revoked"), key, r.header("webhook-id"), now + 301),
            "unknown",
        ),
        (
            "changed",
            |r, key, _, now| match signed(&honest(r, |_| "live"), key, r.header("webhook-id"), now) {
                Act::Reply(s, h, b) => {
                    Act::Reply(s, h, String::from_utf8(b).unwrap().replace("live", "revoked").into_bytes())
                }
                other => other,
            },
            "unknown",
        ),
    ];
    for (name, forge, verdict) in table {
        let (key, other) = (signing_key(), SigningKey::Hmac(vec![9; 32]));
        let checking = key.checking();
        let world = Arc::new(FakeWorld::new());
        let clock = Arc::clone(&world);
        let server = Server::new(move |request, _| forge(request, &key, &other, clock.unix()));
        let mut settings = settings(&server, Mode::Ci);
        settings.transport.world = world;
        settings.require_signed_response = true;
        settings.response_keys = vec![checking];
        let answers = check(&questions(4), &settings, &Silent).unwrap();
        invariants(&server, &answers, 4);
        assert!(answers.verdicts.values().all(|v| v.name() == verdict), "{name}: {answers:?}");
    }
}

#[test]
fn a_replayed_answer_is_not_taken() {
    let key = signing_key();
    let checking = key.checking();
    let kept = std::sync::Mutex::new(None::<Act>);
    let server = Server::new(move |request, _| {
        let mut kept = kept.lock().unwrap();
        let first =
            || signed(&honest(request, |_| "revoked"), &key, request.header("webhook-id"), FakeWorld::new().unix());
        kept.get_or_insert_with(first).clone()
    });
    let mut settings = settings(&server, Mode::Ci);
    settings.require_signed_response = true;
    settings.response_keys = vec![checking];
    settings.batch = 2;
    let answers = check(&questions(4), &settings, &Silent).unwrap();
    invariants(&server, &answers, 4);
    assert_eq!(answers.report.answered, 2);
    assert!(answers.report.reasons.keys().all(|why| why.contains("another message")), "{answers:?}");
}

#[test]
fn signatures_verify_and_attempts_have_new_timestamps() {
    let key = signing_key();
    let server =
        Server::new(|request, n| if n < 3 { Act::status(503).with("retry-after", "5") } else { good(request) });
    let mut settings = settings(&server, Mode::Ci);
    settings.signing = vec![key.clone(), SigningKey::Hmac(vec![8; 32])];
    let answers = check(&questions(3), &settings, &Silent).unwrap();
    invariants(&server, &answers, 3);
    let received = server.received();
    let stamps: BTreeSet<_> = received.iter().map(|r| r.header("webhook-timestamp").to_owned()).collect();
    let ids: BTreeSet<_> = received.iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert_eq!((received.len(), stamps.len(), ids.len()), (4, 4, 1));
    for request in &received {
        let headers = super::Signed {
            id: request.header("webhook-id"),
            timestamp: request.header("webhook-timestamp"),
            signature: request.header("webhook-signature"),
        };
        let at = headers.timestamp.parse().unwrap();
        for known in [key.checking(), CheckingKey::Hmac(vec![8; 32])] {
            assert_eq!(super::verify(&[known], headers, &request.body, at), Ok(()));
        }
    }
}

#[test]
fn the_breaker_spares_a_dead_service_and_probes_it() {
    let server = Server::new(|_, _| Act::status(500));
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(&server, Mode::Ci);
    settings.batch = 1;
    settings.spool = Some(dir.path().join("spool"));
    let answers = check(&questions(50), &settings, &Silent).unwrap();
    invariants(&server, &answers, 50);
    assert!(server.received().len() <= 7, "{} requests", server.received().len());
    assert_eq!((answers.report.failed, answers.report.spooled), (50, 50));
    assert!(answers.report.skipped_by_breaker >= 48, "{answers:?}");
    // It recovers while the breaker is open: the probe finds out.
    let server = Server::new(|request, n| if n < 5 { Act::status(500) } else { good(request) });
    let mut settings = self::settings(&server, Mode::Audit);
    settings.batch = 1;
    let answers = check(&questions(20), &settings, &Silent).unwrap();
    invariants(&server, &answers, 20);
    assert_eq!((answers.report.answered, answers.report.failed), (19, 1), "{:?}", answers.report);
}

#[test]
fn a_connection_that_is_reset_or_refused() {
    // Closing with bytes unread makes the kernel send a reset.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let resets = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&resets);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(5) {
            let _ = stream.unwrap().peek(&mut [0]);
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(&format!("http://{address}/"), Mode::Ci);
    settings.transport = super::testing::transport(Mode::Ci);
    settings.spool = Some(dir.path().join("spool"));
    let answers = check(&questions(2), &settings, &Silent).unwrap();
    assert_eq!((answers.report.failed, answers.report.spooled), (2, 2));
    assert_eq!(resets.load(std::sync::atomic::Ordering::SeqCst), 5);
    assert!(answers.report.reasons.contains_key("gave up: connection lost"), "{:?}", answers.report);
    // The listener is gone now: nobody is there.
    let answers = check(&questions(2), &settings, &Silent).unwrap();
    assert_eq!((answers.report.failed, answers.report.requests), (2, 5));
    assert!(answers.report.reasons.contains_key("gave up: cannot connect"), "{:?}", answers.report);
}

#[test]
fn budgets_hold() {
    let server = Server::new(|_, _| Act::status(503).with("retry-after", "50"));
    for (mode, seconds) in [(Mode::Hook, 2), (Mode::Ci, 61), (Mode::Audit, 901)] {
        let settings = settings(&server, mode);
        let before = settings.transport.world.elapsed();
        let answers = check(&questions(500), &settings, &Silent).unwrap();
        let spent = settings.transport.world.elapsed() - before;
        assert!(spent <= Duration::from_secs(seconds), "{mode:?} {spent:?}");
        assert_eq!((answers.report.failed, answers.verdicts.len()), (500, 500));
    }
    // A hook asks once and waits for nobody.
    let server = Server::new(|_, _| Act::SlowLoris);
    let mut settings = settings(&server, Mode::Hook);
    settings.transport.world = Arc::new(super::RealWorld::new());
    settings.transport.total_timeout = Duration::from_secs(15);
    let start = std::time::Instant::now();
    let answers = check(&questions(3), &settings, &Silent).unwrap();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!((answers.report.failed, server.received().len()), (3, 1));
}

#[test]
fn a_service_is_asked_no_faster_than_agreed() {
    let server = Server::new(|request, _| good(request));
    let mut settings = settings(&server, Mode::Audit);
    settings.batch = 1;
    let answers = check(&questions(60), &settings, &Silent).unwrap();
    invariants(&server, &answers, 60);
    let spent = settings.transport.world.elapsed();
    assert!(spent >= Duration::from_secs(10), "50 requests after the burst of 10, at 5 a second: {spent:?}");
    let server = Server::new(|request, n| {
        if n == 0 {
            good(request).with("ratelimit-remaining", "0").with("ratelimit-reset", "40")
        } else {
            good(request)
        }
    });
    let mut settings = self::settings(&server, Mode::Audit);
    settings.batch = 1;
    check(&questions(2), &settings, &Silent).unwrap();
    assert!(settings.transport.world.elapsed() >= Duration::from_secs(40));
}

/// Every fifth request fails, in one of several ways.
fn unreliable(request: &Received, n: usize) -> Act {
    if !n.wrapping_mul(2_654_435_761).rotate_right(7).is_multiple_of(5) {
        return good(request);
    }
    match n % 4 {
        0 => Act::status(500),
        1 => Act::Drop,
        2 => Act::status(429),
        _ => Act::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec()),
    }
}

fn storm(count: usize, in_flight: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("spool");
    let server = Server::new(unreliable);
    let mut settings = settings(&server, Mode::Audit);
    settings.spool = Some(path.clone());
    settings.transport.rate.in_flight = in_flight;
    settings.transport.total_timeout = Duration::from_secs(10);
    let answers = check(&questions(count), &settings, &Silent).unwrap();
    let report = &answers.report;
    assert_eq!((report.answered + report.spooled, answers.verdicts.len()), (count, count), "{report:?}");
    let seen: BTreeSet<_> = server.received().iter().map(|r| r.header("webhook-id").to_owned()).collect();
    let spooled: Vec<_> = super::spool::load(&path).unwrap().messages;
    let flushed = flush(&path, &settings, &Silent).unwrap();
    assert_eq!(flushed.left, 0, "{flushed:?}");
    assert_eq!(flushed.report.answered, report.spooled);
    let later: BTreeSet<_> = server.received().iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert!(later.iter().all(|id| seen.contains(id) || spooled.iter().any(|m| m.id == *id)), "the same ids");
    if count <= 5000 {
        invariants(&server, &answers, count);
    }
    println!(
        "{count} candidates: answered {}, spooled {}, then flushed {}; {} requests, {} retries, {:?}",
        report.answered, report.spooled, flushed.report.answered, report.requests, report.retries, report.reasons
    );
}

#[test]
fn an_unreliable_receiver_loses_nothing() {
    storm(3000, 1);
    storm(3000, 4);
}

/// By hand, in release: `cargo test --release -- --ignored a_hundred_thousand --nocapture`.
#[test]
#[ignore = "takes long in a debug build"]
fn a_hundred_thousand_candidates_are_answered_or_spooled() {
    storm(100_000, 4);
}

#[test]
fn a_flush_sends_exactly_what_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let server = Server::new(|request, n| if n < 5 { Act::status(500) } else { good(request) });
    let mut settings = settings(&server, Mode::Ci);
    settings.spool = Some(path.clone());
    settings.transport.budget.probes = 0;
    check(&questions(3), &settings, &Silent).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!((0..3).all(|n| !text.contains(&secret(n))));
    let mut other = settings.clone();
    other.endpoint = server.url("/other");
    let flushed = flush(&path, &other, &Silent).unwrap();
    assert_eq!((flushed.left, flushed.elsewhere, server.received().len()), (1, 1, 5), "never to another endpoint");
    let flushed = flush(&path, &settings, &Silent).unwrap();
    assert_eq!((flushed.left, flushed.report.answered), (0, 3));
    assert!(flushed.verdicts.values().all(|v| *v == Verdict::Revoked));
    let received = server.received();
    assert_eq!(received[5].body, received[0].body);
    assert_eq!(received[5].header("webhook-id"), received[0].header("webhook-id"));
    assert_eq!(flush(&path, &settings, &Silent).unwrap().report.requests, 0);
}

#[test]
fn each_secret_is_one_question_and_a_cached_verdict_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|request, _| good(request));
    let mut settings = settings(&server, Mode::Ci);
    settings.cache = Some(CacheFile { path: dir.path().join("cache"), key: Hidden(vec![1; 32]) });
    let (a, b) = (rule("acme-token", Kind::Secret), rule("acme-key", Kind::Secret));
    let many = vec![question(0, &a), question(0, &a), question(0, &b), question(1, &a)];
    let answers = check(&many, &settings, &Silent).unwrap();
    assert_eq!((answers.report.asked, answers.verdicts.len()), (2, 3));
    assert_eq!(server.received()[0].items().len(), 2);
    let again = check(&many, &settings, &Silent).unwrap();
    assert_eq!((again.report.from_cache, again.report.asked, server.received().len()), (2, 0, 1));
    assert_eq!(again.verdicts, answers.verdicts);
    settings.operation = Operation::Revoke;
    let revoked = check(&many, &settings, &Silent).unwrap();
    assert_eq!(revoked.report.from_cache, 0, "an action is never answered from the cache");
}

#[test]
fn what_never_leaves_the_machine() {
    let server = Server::new(|request, _| good(request));
    let mut all = questions(1);
    for (n, kind) in
        [Kind::Canary, Kind::Publishable, Kind::Identifier, Kind::Hashed, Kind::Info].into_iter().enumerate()
    {
        all.push(question(n + 1, &rule("acme-other", kind)));
    }
    // The same bytes as the canary, under a rule that does not know it.
    all.push(question(1, &rule("acme-token", Kind::Secret)));
    let mut weak = question(7, &rule("acme-password", Kind::Secret));
    weak.strong = false;
    all.push(weak);
    let mut settings = settings(&server, Mode::Ci);
    let answers = check(&all, &settings, &Silent).unwrap();
    assert_eq!((answers.report.asked, answers.report.not_sent.len()), (1, 7), "{:?}", answers.report.not_sent);
    let sent = server.received();
    assert_eq!(sent[0].items().len(), 1);
    let text = String::from_utf8(sent[0].raw.clone()).unwrap();
    assert!(!text.contains("src/"), "no place unless asked");
    assert!(!text.contains("acme-other") && !text.contains("acme-password"));
    // Whatever is allowed, canaries and the like stay.
    settings.disclosure = Disclosure::Hmac(Hidden(vec![3; 32]));
    assert_eq!(check(&all, &settings, &Silent).unwrap().report.not_sent.len(), 6);
}

#[test]
fn weak_secrets_by_hmac_by_prefix_and_sealed() {
    let digest = |n| <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(secret(n)));
    let mut weak = questions(2);
    weak.iter_mut().for_each(|q| q.strong = false);
    let plain_hash = super::plan::hex(&digest(0));
    let server = Server::new(|request, _| good(request));
    let mut base = settings(&server, Mode::Ci);
    base.disclosure = Disclosure::Hmac(Hidden(vec![3; 32]));
    let answers = check(&weak, &base, &Silent).unwrap();
    invariants(&server, &answers, 2);
    let item = server.received()[0].items()[0].clone();
    assert!(item["fp"].as_str().unwrap().starts_with("hmac-sha256:") && item.get("len").is_none());
    // Prefix: the receiver names everything it knows with that prefix, by tags that only the owner of the secret can make.
    let server = Server::new(move |request, _| {
        let results: Vec<_> = request
            .items()
            .iter()
            .map(|i| {
                let id = i["id"].as_str().unwrap();
                let tags =
                    [digest(0), [7; 32]].map(|d| json!({"tag": super::protocol::prefix_tag(&d, id), "status": "live"}));
                json!({"id": id, "fp": i["fp"], "matches": tags})
            })
            .collect();
        Act::json(&json!({"spec": "stanch-webhook/1", "results": results}))
    });
    let mut prefix = settings(&server, Mode::Ci);
    prefix.disclosure = Disclosure::Prefix;
    let answers = check(&weak, &prefix, &Silent).unwrap();
    let verdicts: Vec<_> = weak.iter().map(|q| answers.verdicts[&q.fingerprint].name()).collect();
    assert_eq!(verdicts, ["live", "not_ours"]);
    let fp = server.received()[0].items()[0]["fp"].as_str().unwrap().to_owned();
    assert_eq!(fp.len(), "prefix:".len() + 5);
    // Sealed: only the recipient reads it, and the hash of a weak secret is not beside it.
    let (opener, recipient) = seal::Opener::generate();
    let server = Server::new(|request, _| good(request));
    let mut sealed = settings(&server, Mode::Ci);
    sealed.disclosure = Disclosure::Sealed(recipient);
    let answers = check(&weak, &sealed, &Silent).unwrap();
    assert_eq!(answers.report.answered, 2);
    let request = &server.received()[0];
    let mut opened: Vec<_> = request
        .items()
        .iter()
        .map(|item| opener.open(item["sealed"].as_str().unwrap(), item["id"].as_str().unwrap()).unwrap())
        .collect();
    opened.sort();
    assert_eq!(opened, [secret(0).into_bytes(), secret(1).into_bytes()]);
    assert!(!String::from_utf8_lossy(&request.raw).contains(&plain_hash));
}

#[test]
fn secrets_in_clear_only_for_listed_rules_and_never_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| Act::status(500));
    let mut settings = settings(&server, Mode::Ci);
    settings.spool = Some(dir.path().join("spool"));
    settings.disclosure = Disclosure::Plaintext(["acme-token".to_owned()].into());
    let mut all = questions(2);
    all.push(question(2, &rule("other-token", Kind::Secret)));
    all[0].secret = Secret::new(b"\xff\xfe binary");
    let text = dry_run(&all, &settings).unwrap();
    assert!(!text.contains(&secret(1)) && text.contains("bytes in clear"), "{text}");
    let answers = check(&all, &settings, &Silent).unwrap();
    assert_eq!((answers.report.failed, answers.report.spooled), (3, 1));
    assert!(!std::fs::read_to_string(dir.path().join("spool")).unwrap().contains(&secret(1)));
    for request in server.received() {
        let items = request.items();
        let clear = |item: &Value| item.get("secret").is_some() || item.get("secret_b64").is_some();
        assert!(items.iter().all(|item| clear(item) == (item["rule"] == "acme-token")));
        assert!(!(items.iter().any(clear) && !items.iter().all(clear)), "never in one message with others");
    }
}

#[test]
fn a_dry_run_is_what_is_sent() {
    let server = Server::new(|request, _| good(request));
    let mut settings = settings(&server, Mode::Ci);
    settings.signing = vec![signing_key()];
    settings.include_places = true;
    settings.batch = 2;
    let text = dry_run(&questions(3), &settings).unwrap();
    assert!(server.received().is_empty());
    check(&questions(3), &settings, &Silent).unwrap();
    for request in server.received() {
        assert!(text.contains(std::str::from_utf8(&request.body).unwrap()), "{text}");
        assert!(text.contains(&format!("webhook-id: {}", request.header("webhook-id"))));
    }
    assert!(text.contains("src/1.rs:1"));
}

#[test]
fn messages_are_small_and_follow_the_schema() {
    let server = Server::new(|request, _| good(request));
    let mut settings = settings(&server, Mode::Audit);
    settings.include_places = true;
    let mut all = questions(350);
    all[7].places = (0..40).map(|n| format!("{n}/{}", "long/".repeat(300))).collect();
    let answers = check(&all, &settings, &Silent).unwrap();
    invariants(&server, &answers, 350);
    let schema: Value = serde_json::from_str(super::protocol::SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for request in server.received() {
        let json = request.json();
        assert!(schema.is_valid(&json), "{:?}", schema.iter_errors(&json).map(|e| e.to_string()).collect::<Vec<_>>());
        assert!(request.body.len() <= 20_000 && request.items().len() <= 100);
        assert!(schema.is_valid(&honest(&request, |_| "revoked")));
    }
    assert_eq!(server.received().iter().map(|r| r.items().len()).sum::<usize>(), 350);
}

#[test]
fn settings_that_make_no_sense_send_nothing() {
    let server = Server::new(|request, _| good(request));
    let base = settings(&server, Mode::Ci);
    let change = |f: &dyn Fn(&mut Settings)| {
        let mut settings = base.clone();
        f(&mut settings);
        check(&questions(1), &settings, &Silent).is_err() && dry_run(&questions(1), &settings).is_err()
    };
    assert!(change(&|s| s.transport.guard.http_loopback = false), "http");
    assert!(change(&|s| s.endpoint = "https://169.254.169.254/".into()));
    assert!(change(&|s| s.endpoint = "https://user:pw@example.com/".into()));
    assert!(change(&|s| s.require_signed_response = true), "no key");
    assert!(change(&|s| s.disclosure = Disclosure::Hmac(Hidden(vec![1; 15]))));
    assert!(
        change(&|s| s.shape = super::Shape::TrufflehogCustom(super::adapters::TrufflehogCustom::new("x"))),
        "clear"
    );
    assert!(server.received().is_empty());
    // A name that leads to loopback or a private network: refused when it is resolved, before anything is sent.
    let world = Arc::new(FakeWorld::new());
    for (host, address) in
        [("lo.example", "127.0.0.1"), ("ten.example", "10.1.1.1"), ("v6.example", "::ffff:127.0.0.1")]
    {
        world.name(host, &[address]);
        let mut settings = base.clone();
        settings.transport.world = world.clone();
        settings.transport.guard.http_loopback = false;
        settings.endpoint = format!("https://{host}:{}/hook", server.address.port());
        let answers = check(&questions(1), &settings, &Silent).unwrap();
        assert!(answers.report.reasons.keys().next().unwrap().contains("address refused"), "{answers:?}");
    }
    assert!(server.received().is_empty());
}
