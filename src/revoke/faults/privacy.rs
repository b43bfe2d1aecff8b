//! What leaves the machine, and how often.

use super::*;

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
    assert!(check(&many, &settings, &Silent).is_err(), "an unsigned request to revoke");
    settings.signing = vec![SigningKey::Hmac(vec![7; 32])];
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
    let plain_hash = crate::revoke::plan::hex(&digest(0));
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
                let tags = [digest(0), [7; 32]]
                    .map(|d| json!({"tag": crate::revoke::protocol::prefix_tag(&d, id), "status": "live"}));
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
    all[0].secret = Secret::new(b"\xff\xfe binary").into();
    let text = dry_run(&all, &settings).unwrap();
    assert!(!text.contains(&secret(1)) && text.contains("bytes in clear"), "{text}");
    let answers = check(&all, &settings, &Silent).unwrap();
    assert_eq!((answers.report.failed, answers.report.spooled), (3, 1));
    assert!(!std::fs::read_to_string(dir.path().join("spool")).unwrap().contains(&secret(1)));
    for request in server.received() {
        let items = request.items();
        let clear = |item: &Value| item.get("secret").is_some() || item.get("secret_b64").is_some();
        assert!(items.iter().all(|item| clear(item) == (item["rule"] == "acme-token")));
        assert!(!items.iter().any(clear) || items.iter().all(clear), "never in one message with others");
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
    let schema: Value = serde_json::from_str(crate::revoke::protocol::SCHEMA).unwrap();
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
        change(
            &|s| s.shape = crate::revoke::Shape::TrufflehogCustom(crate::revoke::adapters::TrufflehogCustom::new("x"))
        ),
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
