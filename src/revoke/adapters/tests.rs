//! The adapters against servers that speak as documented.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use serde_json::json;

use super::*;
use crate::model::{Kind, Secret};
use crate::revoke::answers::Silent;
use crate::revoke::check;
use crate::revoke::settings::{Hidden, Mode};
use crate::revoke::testing::{Act, Server, question, questions, rule, secret, settings};

fn listed(settings: &mut Settings) {
    settings.disclosure = Disclosure::Plaintext(["acme-token".to_owned()].into());
}

fn partner() -> GithubPartner {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
    let words = ["-----BEGIN", "PRIVATE KEY-----"].join(" ");
    let pem = format!("{words}\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(pkcs8.as_ref()));
    GithubPartner::new(&pem, None, [("acme-token".to_owned(), "acme_api_token".to_owned())].into()).unwrap()
}

#[test]
fn github_partners_get_a_signed_array_and_give_feedback() {
    let partner = partner();
    let public = partner.public_key().to_vec();
    let server = Server::new(move |request, _| {
        let signature = STANDARD.decode(request.header("github-public-key-signature")).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public).verify(&request.body, &signature).unwrap();
        assert_eq!(request.header("github-public-key-identifier").len(), 64);
        let list = request.json();
        let hash = |n: usize| hex(&sha2::Sha256::digest(list[n]["token"].as_str().unwrap()));
        use crate::revoke::plan::hex;
        use sha2::Digest as _;
        assert!(list.as_array().unwrap().iter().all(|t| t["type"] == "acme_api_token" && t["source"] == "unknown"));
        let answer = json!([
            {"token_hash": hash(0), "token_type": "acme_api_token", "label": "true_positive"},
            {"token_raw": list[1]["token"], "token_type": "acme_api_token", "label": "false_positive"}]);
        Act::Reply(200, Vec::new(), answer.to_string().into_bytes())
    });
    let mut settings = settings(&server, Mode::Ci);
    settings.shape = Shape::GithubPartner(partner);
    assert!(check(&questions(3), &settings, &Silent).is_err(), "secrets in clear must be asked for");
    listed(&mut settings);
    let answers = check(&questions(3), &settings, &Silent).unwrap();
    let mut names: Vec<_> = answers.verdicts.values().map(crate::model::Verdict::name).collect();
    names.sort_unstable();
    assert_eq!(names, ["accepted", "live", "not_ours"], "{answers:?}");
    assert!(GithubPartner::new("no key", None, BTreeMap::new()).is_err());
}

#[test]
fn gitlab_is_asked_what_it_revokes_and_told_to() {
    let server = Server::new(|request, _| {
        assert_eq!(request.header("authorization"), "shared");
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/hook/v1/revocable_token_types") => Act::json(&json!({"types": ["gitleaks_rule_id_acme_token"]})),
            ("POST", "/hook/v1/revoke_tokens") => {
                let list = request.json();
                assert_eq!(list.as_array().unwrap().len(), 2);
                assert_eq!(list[0]["type"], "gitleaks_rule_id_acme_token");
                assert_eq!(list[0]["token"], secret(0));
                Act::status(204)
            }
            other => panic!("{other:?}"),
        }
    });
    let mut settings = settings(&server, Mode::Ci);
    let gitlab = GitlabRevocation { token: Hidden(b"shared".to_vec()), types: BTreeMap::new() };
    settings.shape = Shape::GitlabRevocation(gitlab);
    settings.disclosure = Disclosure::Plaintext(["acme-token".to_owned(), "other-token".to_owned()].into());
    assert!(check(&questions(2), &settings, &Silent).is_err(), "it cannot be asked");
    settings.operation = Operation::Revoke;
    let mut all = questions(2);
    all.push(question(5, &rule("other-token", Kind::Secret)));
    let answers = check(&all, &settings, &Silent).unwrap();
    assert!(answers.verdicts.values().all(|v| v.name() == "accepted"));
    assert_eq!((answers.report.answered, answers.report.not_sent.len()), (2, 1));
    // 400 is final; a service that is down is not.
    for (status, requests) in [(400, 1), (429, 5), (500, 5)] {
        let server = Server::new(move |request, _| {
            if request.method == "GET" {
                Act::json(&json!({"types": ["gitleaks_rule_id_acme_token"]}))
            } else {
                Act::status(status)
            }
        });
        settings.endpoint = server.url("/");
        let answers = check(&questions(1), &settings, &Silent).unwrap();
        assert_eq!((answers.report.failed, server.received().len()), (1, requests + 1), "{status}");
    }
}

#[test]
fn github_takes_only_the_kinds_it_revokes() {
    let server = Server::new(|request, _| {
        assert_eq!(request.header("authorization"), "");
        assert_eq!(request.json()["credentials"].as_array().unwrap().len(), 1);
        Act::status(202)
    });
    let mut settings = settings(&server, Mode::Ci);
    settings.shape = Shape::GithubCredentials(GithubCredentials::default());
    settings.operation = Operation::Revoke;
    listed(&mut settings);
    let mut all = questions(2);
    all[0].secret = Secret::new(["ghp", "_", "notakey"].concat().as_bytes()).into();
    let answers = check(&all, &settings, &Silent).unwrap();
    assert_eq!((answers.report.answered, answers.report.not_sent.len()), (1, 1));
    let server = Server::new(|_, _| Act::status(403));
    settings.endpoint = server.url("/credentials/revoke");
    let answers = check(&all, &settings, &Silent).unwrap();
    assert_eq!((answers.report.failed, server.received().len()), (1, 1));
}

#[test]
fn a_trufflehog_verifier_is_no_answer_unless_its_status_means_one() {
    let table =
        [(200, "live"), (404, "revoked"), (403, "unknown"), (500, "unknown"), (429, "unknown"), (204, "unknown")];
    for (status, verdict) in table {
        let server = Server::new(move |request, _| {
            let token = request.json()["Acme"]["acme-token"][0].as_str().unwrap().to_owned();
            assert_eq!((token, request.header("x-shared")), (secret(0), "yes"));
            Act::status(status)
        });
        let mut settings = settings(&server, Mode::Ci);
        let mut custom = TrufflehogCustom::new("Acme");
        custom.rotated = vec![404..=404];
        custom.headers = vec![("x-shared".to_owned(), Hidden(b"yes".to_vec()))];
        settings.shape = Shape::TrufflehogCustom(custom);
        listed(&mut settings);
        let answers = check(&questions(1), &settings, &Silent).unwrap();
        assert!(answers.verdicts.values().all(|v| v.name() == verdict), "{status}: {answers:?}");
    }
}

#[test]
fn a_partner_that_checks_nothing_is_seen() {
    let partner = partner();
    let public = partner.public_key().to_vec();
    let careful = Server::new(move |request, _| {
        let signature = STANDARD.decode(request.header("github-public-key-signature")).unwrap_or_default();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public);
        let good = key.verify(&request.body, &signature).is_ok()
            && serde_json::from_slice::<serde_json::Value>(&request.body).is_ok();
        Act::status(if good { 204 } else { 400 })
    });
    let careless = Server::new(|_, _| Act::status(200));
    for (server, failed) in [(&careful, 0), (&careless, 3)] {
        let mut settings = settings(server, Mode::Ci);
        settings.shape = Shape::GithubPartner(partner.clone());
        listed(&mut settings);
        let rows = crate::revoke::conformance(&settings).unwrap();
        assert_eq!((rows.len(), rows.iter().filter(|row| !row.pass).count()), (5, failed), "{rows:#?}");
    }
}
