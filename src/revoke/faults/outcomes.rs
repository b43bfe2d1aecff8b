//! A table of fault and outcome, and answers that must be signed.

use super::*;

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
        let headers = crate::revoke::Signed {
            id: request.header("webhook-id"),
            timestamp: request.header("webhook-timestamp"),
            signature: request.header("webhook-signature"),
        };
        let at = headers.timestamp.parse().unwrap();
        for known in [key.checking(), CheckingKey::Hmac(vec![8; 32])] {
            assert_eq!(crate::revoke::verify(&[known], headers, &request.body, at), Ok(()));
        }
    }
}
