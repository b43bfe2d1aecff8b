//! TruffleHog's custom verifier: one secret per request, in clear, judged by the status alone.
//!
//! Source: TruffleHog's documentation of custom detectors. Only a status that the user named is an answer here: a 429
//! or 500 is never read as "revoked" or "live".

use std::ops::RangeInclusive;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::model::Verdict;
use crate::revoke::client::Reply;
use crate::revoke::deliver::{Dialect, Message};
use crate::revoke::plan::{Item, hex};
use crate::revoke::protocol::{ItemAnswer, ItemAnswers};
use crate::revoke::settings::{Hidden, Settings};

/// How the verifier is spoken to.
#[derive(Clone, Debug)]
pub struct TrufflehogCustom {
    /// The detector's name; the rule's id is the name of the pattern in it.
    pub detector: String,
    /// Headers of every request.
    pub headers: Vec<(String, Hidden)>,
    /// Statuses that mean live; usually just 200.
    pub live: Vec<RangeInclusive<u16>>,
    /// Statuses that mean revoked; none unless the verifier says so.
    pub rotated: Vec<RangeInclusive<u16>>,
}

pub(crate) struct Custom<'a> {
    custom: &'a TrufflehogCustom,
    settings: &'a Settings,
    items: &'a [Item],
}

impl TrufflehogCustom {
    /// 200 is live, everything else is no answer.
    #[must_use]
    pub fn new(detector: &str) -> Self {
        Self { detector: detector.to_owned(), headers: Vec::new(), live: vec![200..=200], rotated: Vec::new() }
    }

    pub(crate) fn all_headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        for (name, value) in &self.headers {
            headers.push((name.clone(), String::from_utf8_lossy(&value.0).trim().to_owned()));
        }
        headers
    }

    /// Whether a status means that the secret works.
    pub(crate) fn is_live(&self, status: u16) -> bool {
        within(&self.live, status)
    }

    pub(crate) fn dialect<'a>(&'a self, settings: &'a Settings, items: &'a [Item]) -> Custom<'a> {
        Custom { custom: self, settings, items }
    }
}

fn within(ranges: &[RangeInclusive<u16>], status: u16) -> bool {
    ranges.iter().any(|range| range.contains(&status))
}

impl Dialect for Custom<'_> {
    fn encode(&self, items: &[usize]) -> Message {
        let item = &self.items[items[0]];
        let body = json!({ &self.custom.detector: { &item.rule: [super::text(item)] } }).to_string().into_bytes();
        let id = hex(&Sha256::digest(&body)[..16]);
        Message { id, url: self.settings.endpoint.clone(), method: "POST", body, items: items.to_vec() }
    }

    fn headers(&self, _: &Message, _: i64) -> Vec<(String, String)> {
        self.custom.all_headers()
    }

    fn claims(&self, status: u16) -> bool {
        within(&self.custom.live, status) || within(&self.custom.rotated, status)
    }

    fn decode(&self, _: &Message, reply: &Reply) -> Result<ItemAnswers, String> {
        let live = self.custom.is_live(reply.status);
        let rotated = within(&self.custom.rotated, reply.status);
        let verdict = match (live, rotated) {
            (true, false) => Verdict::Live,
            (false, true) => Verdict::Revoked,
            _ => return Err(format!("status {} means nothing to this verifier", reply.status)),
        };
        Ok([(0, ItemAnswer { verdict, ttl: None })].into())
    }
}
