//! GitHub's `POST /credentials/revoke`: up to 1000 tokens, 60 requests an hour, no authentication on github.com.
//!
//! Source: GitHub REST documentation, "revoke a list of credentials". It cannot be undone, and the owner is told.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::Verdict;
use crate::revoke::client::Reply;
use crate::revoke::deliver::{Dialect, Message};
use crate::revoke::plan::{Item, hex};
use crate::revoke::protocol::{ItemAnswer, ItemAnswers};
use crate::revoke::settings::{Hidden, Rate, Settings};

/// Most tokens of one request.
pub(crate) const MOST: usize = 1000;
/// Kinds that the call takes: personal access tokens, OAuth app, user-to-server and refresh tokens; no `ghs_`.
const PREFIXES: [&[u8]; 5] = [b"ghp_", b"github_pat_", b"gho_", b"ghu_", b"ghr_"];

/// `None` on github.com, where an authenticated request is refused; a token on GitHub Enterprise Server.
#[derive(Clone, Debug, Default)]
pub struct GithubCredentials {
    /// Goes into `Authorization: Bearer`.
    pub token: Option<Hidden>,
}

/// Whether the call knows this kind of token.
pub(crate) fn takes(secret: &[u8]) -> bool {
    PREFIXES.iter().any(|prefix| secret.starts_with(prefix))
}

/// 60 requests an hour, of which ten may come at once.
pub(crate) fn rate(asked: Rate) -> Rate {
    Rate { per_second: asked.per_second.min(60.0 / 3600.0), burst: asked.burst.min(10), in_flight: 1 }
}

#[derive(Serialize)]
struct Body {
    credentials: Vec<String>,
}

pub(crate) struct Credentials<'a> {
    github: &'a GithubCredentials,
    settings: &'a Settings,
    items: &'a [Item],
}

impl GithubCredentials {
    pub(crate) fn dialect<'a>(&'a self, settings: &'a Settings, items: &'a [Item]) -> Credentials<'a> {
        Credentials { github: self, settings, items }
    }
}

impl Dialect for Credentials<'_> {
    fn encode(&self, items: &[usize]) -> Message {
        let credentials = items.iter().map(|&n| super::text(&self.items[n])).collect();
        let body = serde_json::to_vec(&Body { credentials }).expect("strings are always JSON");
        let id = hex(&Sha256::digest(&body)[..16]);
        Message { id, url: self.settings.endpoint.clone(), method: "POST", body, items: items.to_vec() }
    }

    fn headers(&self, _: &Message, _: i64) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-github-api-version".to_owned(), "2022-11-28".to_owned()),
        ];
        if let Some(token) = &self.github.token {
            let token = String::from_utf8_lossy(&token.0);
            headers.push(("authorization".to_owned(), format!("Bearer {}", token.trim())));
        }
        headers
    }

    fn decode(&self, message: &Message, _: &Reply) -> Result<ItemAnswers, String> {
        let answer = ItemAnswer { verdict: Verdict::Accepted, ttl: None };
        Ok((0..message.items.len()).map(|n| (n, answer.clone())).collect())
    }
}
