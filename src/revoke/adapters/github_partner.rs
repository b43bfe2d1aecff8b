//! GitHub's secret-scanning partner format: a signed array of tokens, feedback in the answer.
//!
//! Source: GitHub's "secret scanning partner program". ECDSA P-256 over SHA-256 of the raw body; the protocol has no
//! timestamp and no id, so a receiver cannot tell a replay.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::Verdict;
use crate::revoke::client::Reply;
use crate::revoke::deliver::{Dialect, Message};
use crate::revoke::plan::{Item, hex};
use crate::revoke::protocol::{ItemAnswer, ItemAnswers};
use crate::revoke::settings::{RevokeError, Settings};

/// The key that signs, and what the partner calls our rules.
#[derive(Clone)]
pub struct GithubPartner {
    key: Arc<EcdsaKeyPair>,
    identifier: String,
    types: BTreeMap<String, String>,
}

impl fmt::Debug for GithubPartner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GithubPartner({})", self.identifier)
    }
}

impl GithubPartner {
    /// From a P-256 key (`BEGIN PRIVATE KEY`, PKCS#8 PEM), its identifier at the partner (the SHA-256 of the public
    /// point if there is none), and the partner's names of our rules (the rule's id with `_` for those not named).
    ///
    /// # Errors
    /// The key is none.
    pub fn new(pem: &str, identifier: Option<String>, types: BTreeMap<String, String>) -> Result<Self, RevokeError> {
        const BAD: RevokeError = RevokeError::Settings("the partner key is no P-256 key in PKCS#8 PEM");
        let mut lines = pem.lines().map(str::trim).skip_while(|line| *line != "-----BEGIN PRIVATE KEY-----").skip(1);
        let text: String = lines.by_ref().take_while(|line| !line.starts_with("-----END")).collect();
        let der = STANDARD.decode(text).map_err(|_| BAD)?;
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &SystemRandom::new()).map_err(|_| BAD)?;
        let identifier = identifier.unwrap_or_else(|| hex(&Sha256::digest(key.public_key().as_ref())));
        Ok(Self { key: Arc::new(key), identifier, types })
    }

    /// The public point, uncompressed (65 bytes): what a partner checks with.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    fn kind(&self, rule: &str) -> String {
        self.types.get(rule).cloned().unwrap_or_else(|| rule.replace('-', "_"))
    }

    /// The headers of a body.
    pub(crate) fn signed(&self, body: &[u8]) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("Github-Public-Key-Identifier".to_owned(), self.identifier.clone()),
        ];
        // Signing fails only without any randomness; the partner then refuses the message.
        if let Ok(signature) = self.key.sign(&SystemRandom::new(), body) {
            headers.push(("Github-Public-Key-Signature".to_owned(), STANDARD.encode(signature.as_ref())));
        }
        headers
    }

    pub(crate) fn dialect<'a>(&'a self, settings: &'a Settings, items: &'a [Item]) -> Partner<'a> {
        Partner { partner: self, settings, items }
    }
}

pub(crate) struct Partner<'a> {
    partner: &'a GithubPartner,
    settings: &'a Settings,
    items: &'a [Item],
}

#[derive(Serialize)]
struct Element {
    token: String,
    r#type: String,
    url: String,
    source: &'static str,
}

#[derive(Deserialize)]
struct Feedback {
    token_raw: Option<String>,
    token_hash: Option<String>,
    label: String,
}

impl Dialect for Partner<'_> {
    fn encode(&self, items: &[usize]) -> Message {
        let elements: Vec<_> = items
            .iter()
            .map(|&n| &self.items[n])
            .map(|item| Element {
                token: super::text(item),
                r#type: self.partner.kind(&item.rule),
                url: item.places.first().cloned().unwrap_or_default(),
                source: if item.places.is_empty() { "unknown" } else { "content" },
            })
            .collect();
        let body = serde_json::to_vec(&elements).expect("strings are always JSON");
        let id = hex(&Sha256::digest(&body)[..16]);
        Message { id, url: self.settings.endpoint.clone(), method: "POST", body, items: items.to_vec() }
    }

    fn headers(&self, message: &Message, _: i64) -> Vec<(String, String)> {
        self.partner.signed(&message.body)
    }

    /// No feedback on a token means no more than that it was taken.
    fn decode(&self, message: &Message, reply: &Reply) -> Result<ItemAnswers, String> {
        let list: Vec<Feedback> = serde_json::from_slice(&reply.body).unwrap_or_default();
        let verdict = |item: &Item| {
            let (raw, hash) = (super::text(item), hex(&item.digest));
            let about = |f: &&Feedback| match (&f.token_raw, &f.token_hash) {
                (Some(token), _) => *token == raw,
                (None, Some(token)) => token.eq_ignore_ascii_case(&hash),
                (None, None) => false,
            };
            match list.iter().find(about).map(|f| f.label.as_str()) {
                Some("true_positive") => Verdict::Live,
                Some("false_positive") => Verdict::NotOurs,
                _ => Verdict::Accepted,
            }
        };
        let answer = |item| ItemAnswer { verdict: verdict(item), ttl: None };
        Ok(message.items.iter().enumerate().map(|(n, &item)| (n, answer(&self.items[item]))).collect())
    }
}
