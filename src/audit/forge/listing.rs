//! Page by page through a forge's list, with its rate limits.
//!
//! GitHub: "Rate limits for the REST API" and "Best practices" (403 or 429; `retry-after`, else `x-ratelimit-reset` when
//! nothing remains, else at least a minute, then longer). GitLab: `RateLimit-*`, `Retry-After`. Gitea: `X-Total-Count`,
//! and pages that may be smaller than asked for. Bitbucket: `next` in the body.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::{Answer, Forge, ForgeKind, Listed, Web, origin};

/// More pages than the largest organisation has.
const PAGES: usize = 20_000;
/// Attempts at one page.
const ATTEMPTS: u32 = 7;
/// Longest single wait: GitHub's window is an hour.
const LONGEST: i64 = 3700;
/// Longest wait for all pages together.
const PATIENCE: i64 = 6 * 3600;

/// All repositories.
pub(super) fn all(forge: &Forge, token: Option<&str>, web: &dyn Web) -> Result<Vec<Listed>, String> {
    let mut reader = Reader { forge, token, web, waited: 0 };
    let mut url = first(forge, "orgs");
    let mut met = BTreeSet::new();
    let mut listed: Vec<Listed> = Vec::new();
    let mut total = None;
    let mut count = 0;
    while met.insert(url.clone()) {
        if met.len() > PAGES {
            return Err(format!("more than {PAGES} pages"));
        }
        let answer = reader.page(&url)?;
        // What is no organisation may be a user.
        if answer.status == 404 && met.len() == 1 && forge.kind == ForgeKind::GitHub {
            url = first(forge, "users");
            continue;
        }
        if answer.status != 200 {
            return Err(refused(&answer));
        }
        if let Some(sso) = answer.header("x-github-sso").filter(|sso| sso.contains("partial-results")) {
            return Err(format!(
                "the token has no single sign-on for all of it ({})",
                sso.split(';').next().unwrap_or_default()
            ));
        }
        let body: Value = serde_json::from_slice(&answer.body).map_err(|_| "a page was cut short or is no JSON")?;
        let items = match forge.kind {
            ForgeKind::Bitbucket => body.get("values"),
            _ => Some(&body),
        };
        let items = items.and_then(Value::as_array).ok_or("a page is no list of repositories")?;
        count += items.len();
        for item in items {
            listed.push(read(forge.kind, item).ok_or("a page lists something that is no repository")?);
        }
        total = total.or_else(|| answer.number("x-total-count").or_else(|| answer.number("x-total")));
        total = total.or_else(|| body.get("size").and_then(Value::as_i64));
        let Some(next) = next(forge, &answer, &body, &url, items.len(), count, total)? else {
            if total.is_some_and(|total| (count as i64) < total) {
                return Err(format!("{count} of {} repositories were listed", total.unwrap_or(0)));
            }
            return Ok(listed);
        };
        url = next;
    }
    Err("the pages go round in a circle".into())
}

fn first(forge: &Forge, kind: &str) -> String {
    let (api, owner) = (forge.api(), &forge.owner);
    match forge.kind {
        ForgeKind::GitHub if kind == "users" => format!("{api}/users/{owner}/repos?type=owner&per_page=100"),
        ForgeKind::GitHub => format!("{api}/orgs/{owner}/repos?type=all&per_page=100"),
        ForgeKind::GitLab => {
            let group = owner.replace('/', "%2F");
            format!(
                "{api}/groups/{group}/projects?include_subgroups=true&with_shared=false&per_page=100&order_by=id&sort=asc"
            )
        }
        ForgeKind::Gitea => format!("{api}/orgs/{owner}/repos?page=1&limit=50"),
        ForgeKind::Bitbucket => format!("{api}/repositories/{owner}?pagelen=100"),
    }
}

/// The address of the next page. It must be where the first one was: the token is meant for no other host.
fn next(
    forge: &Forge,
    answer: &Answer,
    body: &Value,
    url: &str,
    items: usize,
    count: usize,
    total: Option<i64>,
) -> Result<Option<String>, String> {
    let told = match forge.kind {
        ForgeKind::Bitbucket => body.get("next").and_then(Value::as_str).map(str::to_owned),
        _ => answer.header("link").and_then(linked),
    };
    // Gitea before 1.12 sends no Link.
    let counted = || {
        let page: u32 = url.split("page=").nth(1)?.split('&').next()?.parse().ok()?;
        let is_more = items > 0 && total.is_some_and(|total| (count as i64) < total);
        is_more.then(|| url.replacen(&format!("page={page}"), &format!("page={}", page + 1), 1))
    };
    let Some(next) = told.or_else(|| counted().filter(|_| forge.kind == ForgeKind::Gitea)) else { return Ok(None) };
    if host(&next) != host(url) {
        return Err("the next page is said to be on another host".into());
    }
    Ok(Some(next))
}

fn host(url: &str) -> String {
    let end = url.find("://").map_or(0, |at| at + 3);
    let end = url[end..].find(['/', '?', '#']).map_or(url.len(), |at| at + end);
    origin(&url[..end])
}

/// The target of `rel="next"` (RFC 8288).
fn linked(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then(|| target.to_owned())
    })
}

fn read(kind: ForgeKind, item: &Value) -> Option<Listed> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let flag = |name: &str| item.get(name).and_then(Value::as_bool).unwrap_or(false);
    let number = |name: &str| item.get(name).and_then(Value::as_u64).unwrap_or(0);
    Some(match kind {
        ForgeKind::GitHub | ForgeKind::Gitea => Listed {
            name: text("name")?.to_owned(),
            url: text("clone_url")?.to_owned(),
            kb: number("size"),
            archived: flag("archived"),
            fork: flag("fork"),
            public: !flag("private")
                && !matches!(text("visibility"), Some("internal" | "private"))
                && !flag("internal"),
        },
        ForgeKind::GitLab => Listed {
            name: text("path")?.to_owned(),
            url: text("http_url_to_repo")?.to_owned(),
            kb: item.pointer("/statistics/repository_size").and_then(Value::as_u64).unwrap_or(0) / 1024,
            archived: flag("archived"),
            fork: item.get("forked_from_project").is_some_and(|from| !from.is_null()),
            public: text("visibility") == Some("public"),
        },
        ForgeKind::Bitbucket => {
            let clones = item.pointer("/links/clone")?.as_array()?;
            let https = clones.iter().find(|clone| clone.get("name").and_then(Value::as_str) == Some("https"))?;
            Listed {
                name: text("slug").or_else(|| text("name"))?.to_owned(),
                url: https.get("href")?.as_str()?.to_owned(),
                kb: number("size") / 1024,
                archived: false,
                fork: item.get("parent").is_some_and(|parent| !parent.is_null()),
                public: !flag("is_private"),
            }
        }
    })
}

struct Reader<'a> {
    forge: &'a Forge,
    token: Option<&'a str>,
    web: &'a dyn Web,
    waited: i64,
}

impl Reader<'_> {
    /// A page, after as many attempts as the forge's rules allow.
    fn page(&mut self, url: &str) -> Result<Answer, String> {
        let mut url = url.to_owned();
        let mut why = String::new();
        for attempt in 0..ATTEMPTS {
            let answer = self.web.get(&url, &self.headers());
            let wait = match &answer {
                Ok(answer) => match pause(answer, attempt, self.web.now()) {
                    None if matches!(answer.status, 301 | 302 | 307 | 308) => {
                        url = moved(&url, answer)?;
                        continue;
                    }
                    None if answer.status == 200
                        && serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).is_err() =>
                    {
                        1 << attempt
                    }
                    None => return Ok(answer.clone()),
                    Some(wait) => wait,
                },
                Err(_) => 1 << attempt,
            };
            why = match answer {
                Ok(answer) => refused(&answer),
                Err(why) => why,
            };
            if wait > LONGEST || self.waited + wait > PATIENCE {
                return Err(format!("{why}; it asks to wait for {wait} s"));
            }
            if attempt + 1 < ATTEMPTS {
                self.waited += wait;
                self.web.sleep(Duration::from_secs(wait.unsigned_abs()));
            }
        }
        Err(format!("{why}, {ATTEMPTS} times"))
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        if self.forge.kind == ForgeKind::GitHub {
            headers = vec![
                ("accept", "application/vnd.github+json".to_owned()),
                ("x-github-api-version", "2022-11-28".to_owned()),
            ];
        }
        if let Some(token) = self.token {
            headers.push(match self.forge.kind {
                ForgeKind::GitLab => ("private-token", token.to_owned()),
                ForgeKind::Gitea => ("authorization", format!("token {token}")),
                ForgeKind::GitHub | ForgeKind::Bitbucket => ("authorization", format!("Bearer {token}")),
            });
        }
        headers
    }
}

/// Where a renamed organisation is now, on the same host.
fn moved(url: &str, answer: &Answer) -> Result<String, String> {
    let target = answer.header("location").ok_or("it has moved, and does not say where")?;
    if host(target) != host(url) {
        return Err("it has moved to another host".into());
    }
    Ok(target.to_owned())
}

/// Seconds to wait before the page is asked for again; `None` if the answer is one.
fn pause(answer: &Answer, attempt: u32, now: i64) -> Option<i64> {
    let after = answer.number("retry-after").map(|seconds| seconds.max(1));
    match answer.status {
        429 | 403 => {
            let none_left =
                ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|name| answer.number(name) == Some(0));
            let reset = ["x-ratelimit-reset", "ratelimit-reset"].iter().find_map(|name| answer.number(name));
            // A second more than said: clocks differ.
            let until = reset.filter(|_| none_left).map(|reset| (reset - now).max(0) + 1);
            let body = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
            let is_limit = answer.status == 429 || none_left || body.contains("rate limit") || body.contains("abuse");
            after.or(until).or_else(|| is_limit.then(|| 60 << attempt.min(5)))
        }
        408 | 500..=599 => Some(after.unwrap_or(1 << attempt)),
        _ => None,
    }
}

fn refused(answer: &Answer) -> String {
    match answer.status {
        401 => "the token is not accepted (401)".to_owned(),
        403 => "it is forbidden (403): the token may not list repositories".to_owned(),
        404 => "there is no such organisation, or the token may not see it (404)".to_owned(),
        200 => "a page was cut short".to_owned(),
        status => format!("the forge answered {status}"),
    }
}
