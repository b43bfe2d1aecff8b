//! A receiver that does everything wrong, and what must hold whatever it does.

mod outcomes;
mod patience;
mod privacy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{Kind, Secret, Verdict};
use crate::revoke::answers::{Answers, Silent};
use crate::revoke::settings::{CacheFile, Disclosure, Hidden, Mode, Operation, Settings};
use crate::revoke::sign::{CheckingKey, SigningKey, sign};
use crate::revoke::testing::{Act, FakeWorld, Received, Server, honest, question, questions, rule, secret, settings};
use crate::revoke::world::World;
use crate::revoke::{check, dry_run, flush, seal};

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
    let mut stamps = BTreeSet::new();
    let secrets: Vec<_> = (0..count).map(|n| secret(n).into_bytes()).collect();
    let parts: std::collections::HashSet<&[u8]> = secrets.iter().flat_map(|secret| secret.windows(4)).collect();
    for request in server.received() {
        let id = request.header("webhook-id").to_owned();
        assert_eq!(request.header("idempotency-key"), format!("\"{id}\""));
        assert!(stamps.insert((id.clone(), request.header("webhook-timestamp").to_owned())), "later for every attempt");
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
