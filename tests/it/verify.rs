//! Asking whether secrets are live, by the program itself, against a server that writes every byte down.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::runner::{Place, Ran, github_token};

/// A server on this machine that keeps what it was sent.
struct Recorder {
    address: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// `answer` gets a whole request and gives status and body.
    fn new(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (list, answer) = (Arc::clone(&received), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (list, answer) = (Arc::clone(&list), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &list, &*answer));
            }
        });
        Self { address, received }
    }

    fn all(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, list: &Mutex<Vec<String>>, answer: &dyn Fn(&str) -> (u16, String)) {
    loop {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        let request = loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
                });
                if body.len() >= length.unwrap_or(0) {
                    break text;
                }
            }
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            }
        };
        list.lock().unwrap().push(request.clone());
        let (status, body) = answer(&request);
        let head =
            format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

/// Every item gets this status.
fn all_are(status: &'static str) -> impl Fn(&str) -> (u16, String) + Send + Sync + 'static {
    move |request| {
        let asked = body(request);
        let items = asked["data"]["items"].as_array().cloned().unwrap_or_default();
        let results: Vec<Value> =
            items.iter().map(|item| json!({"id": item["id"], "fp": item["fp"], "status": status})).collect();
        (200, json!({"spec": "stanch-webhook/1", "results": results}).to_string())
    }
}

const LOCAL: &[&str] = &["--webhook-http-loopback", "--no-config", "-f", "json"];

/// A tree with two GitHub tokens, one of them in two files, a password and a token of a vendor of our own.
fn tree() -> (Place, Vec<String>) {
    let place = Place::new();
    let (one, two) = (github_token(1), github_token(2));
    let password = ["correct", "horse7", "Battery", "staple"].join("-");
    let acme = format!("acme_{}", "b7e1d94c02f6a835".repeat(2));
    place.write("tree/a.py", format!("token = \"{one}\"\nother = \"{two}\"\n"));
    place.write("tree/b.py", format!("token = \"{one}\"\n"));
    place.write("tree/.netrc", format!("machine git.example.net login someone password {password}\n"));
    place.write("tree/acme.env", format!("ACME={acme}\n"));
    (place, vec![one, two, password, acme])
}

fn run(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    place.stanch_with(&[arguments, LOCAL].concat(), |command: &mut Command| {
        command.envs(variables.iter().copied());
    })
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no report: {ran:?}"))
}

fn verdicts(report: &Value, rule: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == rule);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    findings.map(|finding| (word(&finding["verdict"]), word(&finding["severity"]))).collect()
}

/// Any eight bytes of a secret in a row, plain, in hexadecimal or in base64, would be too much.
fn holds_part_of(text: &str, secret: &str) -> bool {
    use base64::Engine as _;
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    let part =
        |all: &str, size: usize| all.as_bytes().windows(size).any(|w| text.contains(std::str::from_utf8(w).unwrap()));
    part(secret, 8) || part(&hex, 16) || part(&base64, 11)
}

#[test]
fn with_default_flags_no_byte_of_a_secret_is_in_the_traffic() {
    let (place, secrets) = tree();
    let server = Recorder::new(all_are("live"));
    let ran = run(&place, &["scan", "tree", "--webhook", &format!("{}/hook", server.address)], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let all = server.all();
    assert_eq!(all.len(), 1, "one message: {all:?}");
    assert_eq!(
        body(&all[0])["data"]["items"].as_array().unwrap().len(),
        2,
        "each secret once, and no password: {all:?}"
    );
    for secret in &secrets {
        assert!(!all.iter().any(|request| holds_part_of(request, secret)), "{all:?}");
        assert!(!holds_part_of(&ran.err, secret), "{}", ran.err);
    }
    for word in ["tree/", ".py", "netrc"] {
        assert!(!all[0].contains(word), "{word} in {all:?}");
    }
    let report = report(&ran);
    assert_eq!(verdicts(&report, "github-pat"), vec![("live".to_owned(), "critical".to_owned()); 2]);
    assert_eq!(verdicts(&report, "netrc-password")[0].0, "unchecked");
    assert_eq!(report["verification"]["asked"], 2);
    assert_eq!(report["verification"]["answered"], 2);
}

#[test]
fn a_dry_run_prints_what_would_be_sent_and_sends_nothing() {
    let (place, secrets) = tree();
    let server = Recorder::new(all_are("live"));
    let url = format!("{}/hook", server.address);
    let dry = run(&place, &["scan", "tree", "--webhook", &url, "--dry-run"], &[]);
    assert!(server.all().is_empty());
    run(&place, &["scan", "tree", "--webhook", &url], &[]);
    let sent = body(&server.all()[0]);
    for item in sent["data"]["items"].as_array().unwrap() {
        for part in [&item["fp"], &item["rule"]] {
            assert!(dry.err.contains(part.as_str().unwrap()), "{part} not in {}", dry.err);
        }
    }
    assert!(dry.err.contains("not sent: netrc-password"), "{}", dry.err);
    let dry = run(&place, &["verify", "tree", "--dry-run", "--provider-endpoint", "gitlab=https://h.example"], &[]);
    assert!(dry.err.contains("GET https://api.github.com/user") && dry.err.contains("Bearer {secret}"), "{}", dry.err);
    for secret in &secrets {
        assert!(!holds_part_of(&dry.err, secret), "{}", dry.err);
    }
}

#[test]
fn a_revoked_secret_is_of_low_severity_and_still_found() {
    let (place, _) = tree();
    let server = Recorder::new(all_are("revoked"));
    let ran = run(&place, &["scan", "tree", "--webhook", &format!("{}/hook", server.address)], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(verdicts(&report(&ran), "github-pat"), vec![("revoked".to_owned(), "low".to_owned()); 2]);
    let file = place.write("report.json", &ran.out);
    for (format, words) in [
        ("text", "already revoked"),
        ("sarif", "\"verdict\":\"revoked\""),
        ("html", "revoked"),
        ("csv", ",revoked,"),
        ("markdown", "revoked"),
    ] {
        let shown = place.stanch(&["report", file.to_str().unwrap(), "-f", format]);
        assert!(shown.out.replace(": ", ":").contains(words), "{format}: {}", shown.out);
    }
}

#[test]
fn a_provider_of_ones_own_is_asked_where_the_user_says_it_answers() {
    let (place, secrets) = tree();
    let live = secrets[0].clone();
    let server = Recorder::new(move |request| {
        if request.contains(&live) {
            (200, "{}".into())
        } else {
            (401, json!({"message": "Bad credentials"}).to_string())
        }
    });
    let endpoint = format!("github={}/api/v3", server.address);
    let ran = run(&place, &["verify", "tree", "--provider-endpoint", &endpoint], &[]);
    let mut found = verdicts(&report(&ran), "github-pat");
    found.sort();
    assert_eq!(found, [("live".into(), "critical".into()), ("revoked".into(), "low".to_owned())], "{ran:?}");
    assert!(server.all().iter().all(|request| request.starts_with("GET /api/v3/user ")), "{:?}", server.all());
    let dry = run(&place, &["verify", "tree", "--provider-endpoint", &endpoint, "--dry-run"], &[]);
    assert!(dry.err.contains(&format!("GET {}/api/v3/user #", server.address)), "{dry:?}");
    let by_environment = [("STANCH_PROVIDER_ENDPOINTS", endpoint.as_str())];
    let again = run(&place, &["verify", "tree"], &by_environment);
    assert_eq!(report(&again)["verification"]["answered"], 2, "{again:?}");
    for (bad, why) in [
        ("github=http://h.example", "only https"),
        ("github=https://10.0.0.1", "private"),
        ("github=https://169.254.169.254", "metadata"),
        ("github=https://user:pw@h.example", "user name"),
        ("gihtub=https://h.example", "no provider, rule or host"),
        ("github", "NAME=VALUE"),
    ] {
        let refused = place.stanch(&["verify", "tree", "--no-config", "--dry-run", "--provider-endpoint", bad]);
        assert!(refused.code == 2 && refused.err.contains(why) && !refused.err.contains("pw"), "{bad}: {refused:?}");
    }
    // A file of the project cannot say it.
    place.write("tree/stanch.toml", "[verify]\nendpoints = { github = \"https://h.example\" }\n");
    let refused = place.stanch(&["verify", "tree", "--dry-run"]);
    assert!(refused.code == 2 && refused.err.contains("unknown key `verify`"), "{refused:?}");
}

const ACME: &str = r#"
[[rule]]
id = "acme-token"
name = "Acme token"
provider = "acme"
category = "test"
severity = "high"
keywords = ["acme_"]
pattern = '\b(?<secret>acme_[0-9a-f]{32})\b'
remediation = "Revoke it in the Acme console under Keys."
examples = ["token = {secret}"]

[rule.verify]
url = "https://api.acme.example/me"
headers = { Authorization = "Bearer {secret}" }
live = { status = [200] }
revoked = { status = [401] }

[rule.revoke]
method = "DELETE"
url = "https://api.acme.example/me"
headers = { Authorization = "Bearer {secret}" }
revoked = { status = [204] }
"#;

#[test]
fn the_users_own_rules_bring_calls_but_not_from_the_scanned_tree() {
    let (place, secrets) = tree();
    let server = Recorder::new(|request| (if request.starts_with("DELETE") { 204 } else { 401 }, String::new()));
    place.write("rules/acme.toml", ACME);
    let endpoint = format!("acme={}", server.address);
    let arguments = ["tree", "--rules", "rules/acme.toml", "--rule", "acme-token", "--provider-endpoint", &endpoint];
    let ran = run(&place, &[&["verify"], &arguments[..]].concat(), &[]);
    assert_eq!(verdicts(&report(&ran), "acme-token"), [("revoked".to_owned(), "low".to_owned())], "{ran:?}");
    assert!(server.all()[0].contains(&format!("Bearer {}", secrets[3])));
    let dry = run(&place, &[&["revoke"], &arguments[..]].concat(), &[]);
    assert!(dry.err.contains(&format!("DELETE {}/me #", server.address)) && dry.err.contains("--yes"), "{dry:?}");
    assert_eq!(server.all().len(), 1);
    let done = run(&place, &[&["revoke", "--yes"], &arguments[..]].concat(), &[]);
    assert_eq!((done.code, server.all().len()), (1, 2), "{done:?}");
    place.write("tree/acme.toml", ACME);
    let refused = run(&place, &["verify", "tree", "--rules", "tree/acme.toml"], &[]);
    assert!(refused.code == 2 && refused.err.contains("cannot say where secrets are sent"), "{refused:?}");
    assert_eq!(run(&place, &["scan", "tree", "--rules", "tree/acme.toml"], &[]).code, 1, "its rules are taken");
    place.write("rules/bad.toml", ACME.replace("https://api.acme.example/me", "https://{secret}.example/"));
    let bad = run(&place, &["verify", "tree", "--rules", "rules/bad.toml", "--dry-run"], &[]);
    assert!(bad.code == 2 && bad.err.contains("acme-token: verify"), "{bad:?}");
}

#[test]
fn two_rules_that_claim_the_same_bytes_are_asked_about_nowhere() {
    let (place, _) = tree();
    let server = Recorder::new(|_| (200, "{}".into()));
    let rule = |id: &str, provider: &str, keyword: &str, pattern: &str| {
        ACME.replace("acme-token", id)
            .replace("\"acme\"", &format!("\"{provider}\""))
            .replace("\"acme_\"", &format!("\"{keyword}\""))
            .replace(r"\b(?<secret>acme_[0-9a-f]{32})\b", pattern)
    };
    let two = [
        rule("one-token", "one", "ONE=", r"ONE=(?<secret>acme_[0-9a-f]{32})"),
        rule("two-token", "two", "TWO=", r"TWO=(?<secret>acme_[0-9a-f]{32})"),
    ];
    place.write("rules/two.toml", two.concat());
    let claimed = format!("acme_{}", "c40d7be29a1f5836".repeat(2));
    place.write("both/x.env", format!("ONE={claimed}\nTWO={claimed}\n"));
    let endpoints = format!("one={0},two={0}", server.address);
    let arguments =
        ["verify", "both", "--no-builtin-rules", "--rules", "rules/two.toml", "--provider-endpoint", &endpoints];
    let ran = run(&place, &arguments, &[]);
    assert_eq!(report(&ran)["findings"].as_array().unwrap().len(), 2, "{ran:?}");
    assert!(ran.err.contains("two rules claim it"), "{ran:?}");
    assert!(server.all().is_empty());
}

#[test]
fn services_with_their_own_protocol() {
    let (place, secrets) = tree();
    let clear = ["--webhook-send", "plaintext", "--webhook-plaintext-rule", "github-pat"];
    let variables = [("HOOK", "shared-token")];
    let server = Recorder::new(|request| (if request.contains("\"github-pat\"") { 404 } else { 500 }, String::new()));
    let url = format!("{}/verify", server.address);
    let trufflehog =
        ["scan", "tree", "--webhook", &url, "--webhook-format", "trufflehog", "--webhook-detector", "Acme"];
    let refused = run(&place, &trufflehog, &[]);
    assert!(refused.code == 2 && refused.err.contains("sends secrets in clear"), "{refused:?}");
    let more = ["--webhook-key", "env:HOOK", "--webhook-revoked-status", "404,410-419"];
    let ran = run(&place, &[&trufflehog[..], &clear, &more].concat(), &variables);
    assert_eq!(verdicts(&report(&ran), "github-pat")[0].0, "revoked", "{ran:?}");
    assert_eq!(server.all().len(), 2, "one secret a request");
    assert!(server.all()[0].to_lowercase().contains("authorization: shared-token"));
    assert!(secrets.contains(&body(&server.all()[0])["Acme"]["github-pat"][0].as_str().unwrap().to_owned()));

    let server = Recorder::new(|request| match request.split(' ').nth(1).unwrap() {
        "/base/v1/revocable_token_types" => (200, json!({"types": ["gitlab_pat"]}).to_string()),
        _ => (204, String::new()),
    });
    let url = format!("{}/base", server.address);
    let gitlab =
        ["revoke", "tree", "--webhook", &url, "--webhook-format", "gitlab-revocation", "--webhook-key", "env:HOOK"];
    let named = ["--webhook-type", "github-pat=gitlab_pat"];
    let dry = run(&place, &[&gitlab[..], &clear, &named].concat(), &variables);
    assert!(server.all().iter().all(|request| request.starts_with("GET")) && dry.err.contains("--yes"), "{dry:?}");
    assert!(!holds_part_of(&dry.err, &secrets[0]) && !dry.err.contains("shared-token"), "{dry:?}");
    let ran = run(&place, &[&gitlab[..], &clear, &named, &["--yes"]].concat(), &variables);
    assert_eq!(verdicts(&report(&ran), "github-pat")[0].0, "accepted", "{ran:?}");
    let told = server.all().pop().unwrap();
    assert!(told.starts_with("POST /base/v1/revoke_tokens "), "{told}");
    assert_eq!(body(&told).as_array().unwrap().len(), 2);
    let wrong = run(&place, &[&gitlab[..], &clear, &["--webhook-live-status", "200"]].concat(), &variables);
    assert!(wrong.code == 2 && wrong.err.contains("means nothing with"), "{wrong:?}");
}

/// Does what GitLab's documents say.
fn careful(request: &str) -> (u16, String) {
    let authorized = request.to_lowercase().contains("authorization: shared-token");
    let asked = body(request);
    match (request.split(' ').next().unwrap(), authorized) {
        (_, false) => (401, String::new()),
        ("GET", true) => (200, json!({"types": ["gitlab_pat"]}).to_string()),
        _ if asked.as_array().is_some_and(|list| list.iter().all(|one| one["type"] == "gitlab_pat")) => {
            (204, String::new())
        }
        _ => (400, String::new()),
    }
}

#[test]
fn a_service_with_its_own_protocol_is_tested_with_made_up_tokens() {
    let place = Place::new();
    let test = |server: &Recorder, format: &str| {
        let arguments = ["webhook", "test", "--webhook", &server.address, "--webhook-http-loopback"];
        place.stanch_with(
            &[&arguments[..], &["--webhook-format", format, "--webhook-key", "env:HOOK"]].concat(),
            |command| {
                command.env("HOOK", "shared-token");
            },
        )
    };
    let good = test(&Recorder::new(careful), "gitlab-revocation");
    assert_eq!((good.code, good.out.lines().count()), (0, 4), "{good:?}");
    let careless = test(&Recorder::new(|_| (204, String::new())), "gitlab-revocation");
    assert_eq!((careless.code, careless.out.matches("FAIL").count()), (1, 4), "{careless:?}");
    let verifier = test(
        &Recorder::new(|request| (if careful(request).0 == 401 { 401 } else { 404 }, String::new())),
        "trufflehog",
    );
    assert_eq!(verifier.code, 0, "{verifier:?}");
    let always = test(&Recorder::new(|_| (200, String::new())), "trufflehog");
    assert_eq!(always.out.matches("FAIL").count(), 2, "{always:?}");
    let own = test(&Recorder::new(|_| (202, String::new())), "github-credentials");
    assert!(own.code == 2 && own.err.contains("GitHub's own"), "{own:?}");
}

#[test]
fn an_audit_asks_about_each_secret_once_by_its_fingerprint_and_again_next_time() {
    let place = Place::new();
    let token = github_token(9);
    for name in ["one", "two"] {
        place.write(&format!("all/{name}/{name}.py"), format!("token = \"{token}\"\n"));
        let password = ["correct", "horse7", "staple"].join("-");
        place.write(&format!("all/{name}/.netrc"), format!("machine h.example login me password {password}\n"));
        for arguments in [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", name]] {
            place.git(&[&["-C", &format!("all/{name}")], arguments].concat());
        }
    }
    let server = Recorder::new(all_are("revoked"));
    let url = format!("{}/hook", server.address);
    let asking = ["--webhook", &url, "--webhook-http-loopback", "--no-config", "-f", "json", "--store", "s.db"];
    let audit = |more: &[&str]| place.stanch(&[&["audit", "all"], &asking[..], more].concat());
    let first = audit(&[]);
    assert_eq!(first.code, 1, "{first:?}");
    let seen = server.all();
    assert_eq!((seen.len(), body(&seen[0])["data"]["items"].as_array().unwrap().len()), (1, 1), "{seen:?}");
    assert_eq!(body(&seen[0])["data"]["items"][0]["count"], 2);
    let report = &report(&first)["report"];
    assert_eq!(verdicts(report, "github-pat"), [("revoked".to_owned(), "low".to_owned())]);
    assert_eq!((&report["verification"]["asked"], &report["verification"]["not_sent"]), (&json!(1), &json!(1)));
    for text in [&seen[0], &first.out, &first.err] {
        assert!(!holds_part_of(text, &token), "{text}");
    }
    let store = std::fs::read(place.path().join("s.db")).unwrap();
    assert!(!store.windows(12).any(|window| window == &token.as_bytes()[..12]));
    let again = audit(&["--trend", "no.json"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert_eq!(server.all().len(), 2, "nothing was scanned, and yet asked about");
    for (more, why) in [
        (&["--verify"][..], "cannot ask the providers"),
        (&["--webhook-send", "plaintext", "--webhook-plaintext-rule", "github-pat"], "cannot send any"),
    ] {
        let refused = audit(more);
        assert!(refused.code == 2 && refused.err.contains(why), "{refused:?}");
    }
    let before = server.all().len();
    let shard = audit(&["--out", "shards", "--shard", "0/1"]);
    assert!(shard.code == 0 && shard.err.contains("a shard asks nobody"), "{shard:?}");
    assert_eq!(server.all().len(), before);
    let merged =
        place.stanch(&["audit", "merge", "shards", "--webhook", &url, "--webhook-http-loopback", "-f", "json"]);
    assert_eq!(verdicts(&self::report(&merged)["report"], "github-pat")[0].0, "revoked", "{merged:?}");
    place.write("nothing/here", "");
    let nothing = place.stanch(&["audit", "nothing"]);
    assert!(nothing.code == 2 && nothing.err.contains("there is no repository"), "{nothing:?}");
    let forks = place.stanch(&["audit", "all", "--no-forks"]);
    assert!(forks.code == 2 && forks.err.contains("only a forge tells"), "{forks:?}");
    let named = place.stanch(&["audit", "all", "--no-config", "--exclude", "t*"]);
    assert!(named.out.contains("1 complete") && named.out.contains(" one\n"), "{named:?}");
}

#[test]
fn the_guard_refuses_what_is_no_public_address() {
    let (place, _) = tree();
    for (url, why) in [
        ("http://h.example/", "only https"),
        ("https://127.0.0.1/", "loopback"),
        ("https://10.1.2.3/", "private"),
        ("https://169.254.169.254/", "metadata"),
        ("https://[::1]/", "loopback"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://localhost/", "loopback"),
    ] {
        let ran = place.stanch(&["scan", "tree", "--no-config", "--webhook", url, "--webhook-required", "-f", "json"]);
        assert!(matches!(ran.code, 2 | 3) && ran.err.contains(why), "{url}: {ran:?}");
    }
    let aim = Recorder::new(all_are("revoked"));
    let target = format!("{}/steal", aim.address);
    let server = Recorder::new(move |_| (302, json!({ "location": target }).to_string()));
    let ran = run(&place, &["scan", "tree", "--webhook", &server.address], &[]);
    assert_eq!(verdicts(&report(&ran), "github-pat")[0].0, "unknown");
    assert!(aim.all().is_empty(), "a redirect is not followed");
}
