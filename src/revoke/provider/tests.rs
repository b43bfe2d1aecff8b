//! Providers: what is sent where, how answers are read, and what is never sent.

use std::sync::Arc;

use super::template::Parts;
use super::*;
use crate::model::{Kind, Secret, Verdict};
use crate::revoke::answers::{Answers, Silent};
use crate::revoke::client::Reply;
use crate::revoke::plan::Question;
use crate::revoke::settings::{CacheFile, Hidden, Mode, Operation};
use crate::revoke::testing::{Act, Server, question, questions, rule, secret, transport};

const TABLE: &str = r#"
[acme-token]
also = ["acme-other"]
verify = { url = "https://api.acme.example/v1/user", headers = { Authorization = "Bearer {secret}" }, live = { status = [200] }, revoked = { status = [401] } }
revoke = { method = "DELETE", url = "https://api.acme.example/v1/tokens/{secret}", revoked = [{ status = [204] }, { status = [404] }] }

[pair-secret]
verify = { method = "POST", url = "https://pair.example/check", basic = ["{partner}", "{secret}"], form = { a = "1" }, live = { status = [200], json = { "/ok" = true } }, revoked = { status = [200], json = { "/ok" = false, "/error" = "revoked" } } }

[cloud-secret]
verify = { method = "POST", url = "https://sts.cloud.example/", aws = { service = "sts", region = "us-east-1" }, form = { Action = "GetCallerIdentity" }, partner_starts = ["AK"], live = { status = [200] }, revoked = { status = [403], contains = ["InvalidClientTokenId"] } }
"#;

fn ask(server: &Server, all: &[Question], revoke: bool) -> Answers {
    let catalogue = Catalogue::parse(TABLE, "test").unwrap();
    let mut settings = ProviderSettings::new(Mode::Ci);
    settings.transport = transport(Mode::Ci);
    for host in ["api.acme.example", "pair.example", "cloud-secret"] {
        settings.endpoints.insert(host.to_owned(), server.url("/base/"));
    }
    let run = if revoke { revoke_at_providers } else { verify_at_providers };
    run(all, &catalogue, &settings, &Silent).unwrap()
}

#[test]
fn each_secret_goes_to_its_own_endpoint_and_only_a_named_answer_counts() {
    let table = [
        (200, "live", 1),
        (401, "revoked", 1),
        (403, "unknown", 1),
        (404, "unknown", 1),
        (302, "unknown", 1),
        (429, "unknown", 5),
        (500, "unknown", 5),
    ];
    for (status, verdict, requests) in table {
        let server = Server::new(move |request, _| {
            assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/base/v1/user"));
            assert_eq!(request.header("authorization"), format!("Bearer {}", secret(0)));
            Act::status(status).with("location", "http://127.0.0.1:9/")
        });
        let answers = ask(&server, &[questions(1), questions(1)].concat(), false);
        assert!(answers.verdicts.values().all(|v| v.name() == verdict), "{status} {answers:?}");
        assert_eq!(server.received().len(), requests, "{status}");
        assert!(!format!("{answers:?}").contains(&secret(0)));
    }
}

#[test]
fn two_parts_basic_authentication_and_json_conditions() {
    let answers = [r#"{"ok":true}"#, r#"{"ok":false,"error":"revoked"}"#, r#"{"ok":false,"error":"ratelimited"}"#];
    for (body, verdict) in answers.into_iter().zip(["live", "revoked", "unknown"]) {
        let server = Server::new(move |request, _| {
            assert_eq!(request.path, "/base/check");
            assert!(request.header("authorization").starts_with("Basic "));
            assert_eq!(
                (request.body.as_slice(), request.header("content-type")),
                (&b"a=1"[..], "application/x-www-form-urlencoded")
            );
            Act::Reply(200, Vec::new(), body.as_bytes().to_vec())
        });
        let mut pair = question(0, &rule("pair-secret", Kind::Secret));
        assert_eq!(ask(&server, &[pair.clone()], false).report.not_sent.len(), 1, "no partner");
        pair.partner = Some(Secret::new(b"id"));
        let answers = ask(&server, &[pair], false);
        assert!(answers.verdicts.values().all(|v| v.name() == verdict), "{body} {answers:?}");
    }
}

#[test]
fn aws_requests_are_signed_and_only_for_keys_of_the_right_kind() {
    let server = Server::new(|request, _| {
        let authorization = request.header("authorization");
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AK1/20261121/us-east-1/sts/aws4_request"));
        assert!(!String::from_utf8_lossy(&request.raw).contains(&secret(0)), "the key signs and stays");
        Act::Reply(403, Vec::new(), b"<Code>InvalidClientTokenId</Code>".to_vec())
    });
    let mut key = question(0, &rule("cloud-secret", Kind::Secret));
    key.partner = Some(Secret::new(b"AK1"));
    let answers = ask(&server, &[key.clone()], false);
    assert!(answers.verdicts.values().all(|v| *v == Verdict::Revoked), "{answers:?}");
    key.partner = Some(Secret::new(b"AS1"));
    assert_eq!(ask(&server, &[key], false).report.not_sent.len(), 1);
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_provider_is_not_asked_twice_and_a_dry_run_asks_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| Act::status(200));
    let catalogue = Catalogue::parse(TABLE, "test").unwrap();
    let mut settings = ProviderSettings::new(Mode::Ci);
    settings.transport = transport(Mode::Ci);
    settings.endpoints.insert("api.acme.example".into(), server.url(""));
    settings.cache = Some(CacheFile { path: dir.path().join("cache"), key: Hidden(vec![1; 32]) });
    let text = dry_run_at_providers(&questions(2), &catalogue, &settings, Operation::Check).unwrap();
    assert!(text.contains("Bearer {secret}") && !text.contains(&secret(0)), "{text}");
    assert!(server.received().is_empty());
    let first = verify_at_providers(&questions(2), &catalogue, &settings, &Silent).unwrap();
    let again = verify_at_providers(&questions(3), &catalogue, &settings, &Silent).unwrap();
    assert_eq!((first.report.asked, again.report.from_cache, again.report.asked), (2, 2, 1));
    assert_eq!(server.received().len(), 3);
}

#[test]
fn what_no_provider_gets() {
    let server = Server::new(|_, _| Act::status(200));
    let acme = rule("acme-token", Kind::Secret);
    let mut binary = question(9, &acme);
    binary.secret = Secret::new(b"\xff\xfe").into();
    let mut split = question(8, &acme);
    split.secret = Secret::new(b"x\r\nhost: evil").into();
    let all = vec![
        question(1, &rule("acme-token", Kind::Canary)),
        question(1, &acme),
        question(2, &rule("acme-token", Kind::Publishable)),
        question(3, &acme),
        question(3, &rule("pair-secret", Kind::Secret)),
        question(4, &rule("nobody-token", Kind::Secret)),
        binary,
        split,
    ];
    let answers = ask(&server, &all, false);
    assert_eq!((answers.report.asked, answers.report.not_sent.len()), (0, 8), "{answers:?}");
    assert!(server.received().is_empty());
    // A generic rule beside the provider's own claims nothing.
    let both = [question(5, &acme), question(5, &rule("generic-assignment", Kind::Secret))];
    let answers = ask(&server, &both, false);
    assert_eq!((answers.report.asked, answers.verdicts.len()), (1, 2));
}

#[test]
fn a_revocation_is_not_sent_twice() {
    for (act, verdict) in [(Act::status(204), "revoked"), (Act::Drop, "unknown"), (Act::status(500), "unknown")] {
        let server = Server::new(move |request, _| {
            assert_eq!(request.method, "DELETE");
            assert!(request.path.starts_with("/base/v1/tokens/Zq%21"), "{}", request.path);
            act.clone()
        });
        let answers = ask(&server, &questions(1), true);
        assert!(answers.verdicts.values().all(|v| v.name() == verdict), "{answers:?}");
        assert_eq!(server.received().len(), 1);
    }
}

#[test]
fn calls_that_cannot_be_used() {
    let table = [
        ("url = 'http://a.example/', live = { status = [200] }", "https"),
        ("url = 'https://{secret}/', live = { status = [200] }", "path"),
        ("url = 'https://a.example/'", "means anything"),
        ("url = 'https://a.example/', live = { status = [] }", "without a status"),
        ("url = 'https://a.example/', live = { status = [200] }, revoked = { status = [429] }", "say nothing"),
        ("url = 'https://a.example/', live = { status = [200] }, revoked = { status = [500] }", "say nothing"),
        ("url = 'https://a.example/', json = {}, form = { a = 'b' }, live = { status = [200] }", "either"),
        ("url = 'https://a.example/', headers = { '{secret}' = 'x' }, live = { status = [200] }", "fixed"),
        ("url = 'https://a.example/', live = { status = [200] }, shell = 'x'", "shell"),
    ];
    for (call, why) in table {
        let error = Catalogue::parse(&format!("[x]\nverify = {{ {call} }}\n"), "t").err();
        assert!(error.as_ref().is_some_and(|e| e.to_string().contains(why)), "{call}: {error:?}");
    }
}

#[test]
fn the_table_that_is_built_in_can_be_used() {
    let catalogue = Catalogue::builtin().unwrap();
    let (verify, revoke) = catalogue.rules().fold((0, 0), |(v, r), (_, a, b)| (v + usize::from(a), r + usize::from(b)));
    assert!(verify >= 60 && revoke >= 8, "{verify} {revoke}");
    let parts = Parts { secret: "s3cr3t", partner: Some("p4rtn3r") };
    for (rule, _, _) in catalogue.rules() {
        for call in [catalogue.verify(rule), catalogue.revoke(rule)].into_iter().flatten() {
            let prepared = call.prepare(parts, None).unwrap_or_else(|| panic!("{rule}"));
            let text = format!("{} {:?} {}", prepared.url, prepared.headers, String::from_utf8_lossy(&prepared.body));
            let basic = call.basic.is_some();
            assert!(text.contains("s3cr3t") || call.aws.is_some() || basic, "{rule} sends no secret: {text}");
            assert!(!text.contains("{secret}") && !text.contains("{partner}"), "{rule}: {text}");
            // A body that nobody has seen is neither live nor revoked by accident of an empty condition.
            for status in [429, 500, 503, 302] {
                let reply = Reply { status, headers: Vec::new(), body: Vec::new() };
                assert!(call.judge(&reply, true).is_err(), "{rule} {status}");
            }
        }
    }
    assert!(Arc::ptr_eq(catalogue.verify("github-pat").unwrap(), catalogue.verify("github-oauth-token").unwrap()));
}

#[test]
fn a_refusal_where_the_key_may_not_belong_is_no_revocation() {
    let catalogue = Catalogue::builtin().unwrap();
    let body = br#"{"message":"Bad credentials"}"#.to_vec();
    let refusal = Reply { status: 401, headers: Vec::new(), body };
    let call = catalogue.verify("github-pat").unwrap();
    assert!(call.judge(&refusal, false).unwrap_err().contains("another instance"));
    assert_eq!(call.judge(&refusal, true), Ok(Verdict::Revoked));
}
