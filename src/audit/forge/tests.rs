//! A simulated forge: paging, rate limits, failures, lists cut short.

use std::{cell::RefCell, collections::VecDeque, time::Duration};

use serde_json::json;

use super::{Answer, Filter, Forge, Web};

/// Answers in turn; the last one for ever.
struct Script {
    answers: RefCell<VecDeque<Result<Answer, String>>>,
    asked: RefCell<Vec<(String, String)>>,
    slept: RefCell<Vec<u64>>,
}

impl Web for Script {
    fn get(&self, url: &str, headers: &[(&str, String)]) -> Result<Answer, String> {
        self.asked.borrow_mut().push((url.to_owned(), format!("{headers:?}")));
        let mut answers = self.answers.borrow_mut();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    }

    fn now(&self) -> i64 {
        1_000 + self.slept.borrow().iter().sum::<u64>() as i64
    }

    fn sleep(&self, time: Duration) {
        self.slept.borrow_mut().push(time.as_secs());
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Answer, String> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(Answer { status, headers, body: body.into() })
}

fn page(names: &[&str]) -> String {
    let item = |name: &&str| json!({"name": name, "clone_url": format!("https://github.com/o/{name}.git"), "size": 7, "fork": name.starts_with('f')});
    serde_json::Value::Array(names.iter().map(item).collect()).to_string()
}

fn run(answers: Vec<Result<Answer, String>>) -> (Result<Vec<String>, String>, Script) {
    let script = Script { answers: RefCell::new(answers.into()), asked: RefCell::default(), slept: RefCell::default() };
    let forge = Forge::parse("github:o", None).unwrap().unwrap();
    let filter = Filter { no_forks: true, ..Filter::names(&[], &["x*".into()]).unwrap() };
    let listed = forge.list(Some("hush"), &filter, &script);
    let mut names = listed.map(|units| units.into_iter().map(|unit| unit.name).collect::<Vec<_>>());
    if let Ok(names) = &mut names {
        names.sort();
    }
    (names.map_err(|error| error.to_string()), script)
}

const NEXT: (&str, &str) =
    ("link", "<https://api.github.com/p2>; rel=\"next\", <https://api.github.com/p9>; rel=\"last\"");

#[test]
fn follows_links_and_filters() {
    let (names, script) = run(vec![answer(200, &[NEXT], &page(&["a", "fork", "x1"])), answer(200, &[], &page(&["b"]))]);
    assert_eq!(names.unwrap(), ["github.com/o/a", "github.com/o/b"]);
    let asked = script.asked.borrow();
    assert_eq!(asked[0].0, "https://api.github.com/orgs/o/repos?type=all&per_page=100");
    assert_eq!(asked[1].0, "https://api.github.com/p2");
    assert!(asked.iter().all(|(url, headers)| headers.contains("Bearer hush") && !url.contains("hush")));
}

#[test]
fn waits_as_the_forge_says() {
    let (names, script) = run(vec![
        answer(403, &[("retry-after", "7")], ""),
        answer(429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1107")], ""),
        answer(403, &[], "You have exceeded a secondary rate limit"),
        answer(500, &[], ""),
        Err("the connection was lost".into()),
        answer(200, &[], &page(&["a"])),
    ]);
    assert_eq!(names.unwrap(), ["github.com/o/a"]);
    assert_eq!(*script.slept.borrow(), [7, 101, 240, 8, 16]);
}

#[test]
fn an_incomplete_list_is_an_error() {
    let check = |answers: Vec<_>, expect: &str| {
        let (names, _) = run(answers);
        let error = names.unwrap_err();
        assert!(error.contains(expect) && error.contains("incomplete") && !error.contains("hush"), "{error}");
    };
    let cut = page(&["a", "b"])[..30].to_owned();
    check(vec![answer(200, &[], &cut)], "cut short");
    check(vec![answer(200, &[NEXT], &page(&["a"])), answer(502, &[], "")], "502");
    check(vec![answer(200, &[NEXT], &page(&["a"])), answer(404, &[], "")], "404");
    check(vec![answer(200, &[("x-total-count", "5")], &page(&["a"]))], "1 of 5");
    check(vec![answer(200, &[("x-github-sso", "partial-results; organizations=1")], &page(&["a"]))], "single sign-on");
    check(vec![answer(200, &[("link", "<https://evil.example/p2>; rel=\"next\"")], &page(&["a"]))], "another host");
    check(vec![answer(200, &[("link", "<https://api.github.com/p2>; rel=\"next\"")], &page(&["a"]))], "circle");
    check(vec![answer(301, &[("location", "https://evil.example/")], "")], "another host");
    check(vec![answer(401, &[], "")], "401");
    check(vec![answer(403, &[], "Resource not accessible")], "403");
    check(vec![answer(429, &[("retry-after", "999999")], "")], "wait");
    check(vec![answer(200, &[], "{\"message\": \"no\"}")], "no list");
    check(vec![answer(200, &[], "[{}]")], "no repository");
}

#[test]
fn renamed_organisations_and_users_are_found() {
    let (names, script) = run(vec![
        answer(301, &[("location", "https://api.github.com/organizations/7/repos")], ""),
        answer(404, &[], ""),
        answer(200, &[], &page(&["a"])),
    ]);
    assert_eq!(names.unwrap(), ["github.com/o/a"]);
    assert!(script.asked.borrow()[2].0.contains("/users/o/repos"));
}

#[test]
fn other_forges() {
    let list = |name: &str, base: Option<&str>, answers: Vec<Result<Answer, String>>| {
        let script =
            Script { answers: RefCell::new(answers.into()), asked: RefCell::default(), slept: RefCell::default() };
        let forge = Forge::parse(name, base).unwrap().unwrap();
        let units = forge.list(Some("t"), &Filter::names(&[], &[]).unwrap(), &script).unwrap();
        let asked = script.asked.borrow().iter().map(|(url, _)| url.clone()).collect::<Vec<_>>();
        (units.into_iter().map(|unit| unit.name).collect::<Vec<_>>(), asked)
    };
    let gitlab =
        json!([{"path": "p", "http_url_to_repo": "https://gl.example/g/s/p.git", "visibility": "private"}]).to_string();
    let (names, asked) = list("gitlab:g/s", Some("https://gl.example"), vec![answer(200, &[], &gitlab)]);
    assert_eq!(names, ["gl.example/g/s/p"]);
    assert!(asked[0].starts_with("https://gl.example/api/v4/groups/g%2Fs/projects?include_subgroups=true"));
    let item = |n: u32| json!({"name": format!("r{n}"), "clone_url": format!("https://fj.example/o/r{n}.git")});
    let (names, asked) = list(
        "forgejo:o",
        Some("https://fj.example/"),
        vec![
            answer(200, &[("x-total-count", "3")], &json!([item(1), item(2)]).to_string()),
            answer(200, &[("x-total-count", "3")], &json!([item(3)]).to_string()),
        ],
    );
    assert_eq!(names.len(), 3);
    assert_eq!(asked[1], "https://fj.example/api/v1/orgs/o/repos?page=2&limit=50");
    let repository = json!({"slug": "r", "is_private": true, "links": {"clone": [{"name": "https", "href": "https://u@bitbucket.org/w/r.git"}]}});
    let (names, _) = list("bitbucket:w", None, vec![answer(200, &[], &json!({"values": [repository]}).to_string())]);
    assert_eq!(names, ["bitbucket.org/w/r"]);
}

#[test]
fn names_and_addresses_that_cannot_be_used() {
    assert_eq!(Forge::parse("some/dir", None).unwrap(), None);
    for (name, base) in [
        ("github:o/../x", None),
        ("github:o?x", None),
        ("gitea:o", None),
        ("github:o", Some("http://example.com")),
        ("github:o", Some("https://u:p@example.com")),
    ] {
        assert!(Forge::parse(name, base).is_err(), "{name} {base:?}");
    }
    assert!(Forge::parse("gitea:o", Some("http://127.0.0.1:3000")).unwrap().is_some());
}
