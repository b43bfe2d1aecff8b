//! `stanch ci` in clones as CI systems make them: exact commits, or exit code 3 with the cure.

use crate::yard::{Repo, Yard, key};

fn assign(seed: u32) -> String {
    format!("aws_access_key_id = \"{}\"\n", key(seed))
}

/// A server with main (which moved on by two) and a pull request of three commits: the second leaks, the third undoes it.
struct Server<'y> {
    repo: Repo<'y>,
    base: String,
    head: String,
    merge: String,
}

fn server(yard: &Yard) -> Server<'_> {
    let repo = yard.repo("server");
    repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    for at in 0..3 {
        repo.commit("readme", format!("{at}\n"));
    }
    // Another branch's secret is no business of this pull request.
    repo.git(&["branch", "other"]);
    repo.git(&["checkout", "-q", "other"]);
    repo.commit("other.py", assign(77));
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["checkout", "-qb", "topic"]);
    repo.commit("a.py", "fine\n");
    repo.commit("a.py", assign(1));
    let head = repo.commit("a.py", "fine again\n");
    repo.git(&["checkout", "-q", "main"]);
    repo.commit("readme", "3\n");
    let base = repo.commit("readme", "4\n");
    repo.git(&["checkout", "-q", "--detach"]);
    repo.git(&["merge", "-q", "--no-edit", "topic"]);
    let merge = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["update-ref", "refs/pull/7/merge", &merge]);
    repo.git(&["update-ref", "refs/pull/7/head", &head]);
    repo.git(&["branch", "-q", "-D", "topic"]);
    Server { repo, base, head, merge }
}

/// As actions/checkout does it.
fn checkout<'y>(yard: &'y Yard, server: &Server<'_>, name: &str, depth: Option<u32>) -> Repo<'y> {
    let repo = yard.repo(name);
    repo.git(&["remote", "add", "origin", &format!("file://{}", server.repo.path.display())]);
    let depth = depth.map(|depth| format!("--depth={depth}"));
    let mut fetch = vec!["fetch", "-q", "--no-tags"];
    fetch.extend(depth.as_deref());
    fetch.extend(["origin", "+refs/pull/7/merge:refs/remotes/pull/7/merge"]);
    if depth.is_none() {
        fetch.push("+refs/heads/*:refs/remotes/origin/*");
    }
    repo.git(&fetch);
    repo.git(&["checkout", "-q", "--force", "refs/remotes/pull/7/merge"]);
    repo
}

fn event(repo: &Repo<'_>, server: &Server<'_>) -> String {
    let text = format!(
        r#"{{"number":7,"pull_request":{{"number":7,"commits":3,"base":{{"sha":"{}","ref":"main"}},"head":{{"sha":"{}"}}}}}}"#,
        server.base, server.head
    );
    let file = repo.yard.path("event.json");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn a_pull_request_is_its_own_commits_or_exit_code_3() {
    let yard = Yard::new();
    let server = server(&yard);
    let variables = |repo: &Repo<'_>| {
        let event = event(repo, &server);
        vec![
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_EVENT_NAME", "pull_request".to_owned()),
            ("GITHUB_EVENT_PATH", event),
            ("GITHUB_SHA", server.merge.clone()),
        ]
    };
    let ci = |repo: &Repo<'_>, arguments: &[&str]| {
        let variables = variables(repo);
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        repo.stanch_with(&[&["ci"], arguments].concat(), &variables)
    };
    let full = checkout(&yard, &server, "full", None);
    let said = ci(&full, &[]).code(1);
    let line = format!("range {}..{}, 3 commits, 3 blobs, source=event-json", &server.base[..10], &server.head[..10]);
    assert!(said.err.contains(&line), "{}", said.err);
    assert!(
        said.out.contains("a.py") && said.out.contains("::error ") && !said.out.contains("other.py"),
        "{}",
        said.out
    );
    assert!(!said.out.contains(&key(1)));
    for depth in [1, 2, 3] {
        let shallow = checkout(&yard, &server, &format!("depth {depth}"), Some(depth));
        let said = ci(&shallow, &[]).code(3);
        assert!(said.err.contains("--deepen") && said.err.contains("::error"), "depth {depth}: {}", said.err);
        let said = ci(&shallow, &["--deepen"]).code(1);
        assert!(said.err.contains(&line), "depth {depth}: {}", said.err);
        assert_eq!(shallow.git(&["for-each-ref", "refs/stanch"]), "", "nothing is left behind");
    }
}

#[test]
fn pushes_merge_groups_and_deletes() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    let zero = "0".repeat(40);
    let first = repo.commit("a", "one\n");
    repo.git(&["update-ref", "refs/remotes/origin/main", &first]);
    let second = repo.commit("b.py", assign(1));
    let third = repo.commit("b.py", "fine\n");
    let run = |name: &str, event: String| {
        let file = repo.yard.path("event.json");
        std::fs::write(&file, event).unwrap();
        repo.stanch_with(
            &["ci"],
            &[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", name), ("GITHUB_EVENT_PATH", file.to_str().unwrap())],
        )
    };
    let push = |before: &str, after: &str| {
        format!(
            r#"{{"ref":"refs/heads/x","before":"{before}","after":"{after}","repository":{{"default_branch":"main"}}}}"#
        )
    };
    assert!(run("push", push(&first, &third)).code(1).err.contains("2 commits"));
    assert!(run("push", push(&second, &third)).code(0).err.contains("1 commits"));
    assert!(run("push", push(&zero, &third)).code(1).err.contains("2 commits"), "a new branch: what main has not");
    assert!(
        run("push", push(&"d".repeat(40), &third)).code(1).err.contains("2 commits"),
        "forced: what was before is gone"
    );
    assert!(run("push", push(&third, &third)).code(0).err.contains("0 commits"), "nothing new is clean, not an error");
    run("push", push(&first, &zero)).code(0);
    run("merge_group", format!(r#"{{"merge_group":{{"base_sha":"{first}","head_sha":"{third}"}}}}"#)).code(1);
    run(
        "pull_request_target",
        format!(r#"{{"number":1,"pull_request":{{"base":{{"sha":"{first}"}},"head":{{"sha":"{second}"}}}}}}"#),
    )
    .code(1);
    assert!(run("schedule", "{}".to_owned()).code(1).err.contains("3 commits"));
    let flags = repo.stanch(&["ci", "--base", &second, "--head", "HEAD", "--dry-run"]).code(0);
    assert!(flags.err.contains("1 commits") && flags.err.contains("source=flags"), "{}", flags.err);
    repo.stanch(&["ci", "--base", "no-such-branch"]).code(3);
}

#[test]
fn a_pull_request_is_judged_by_its_base() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    let base = repo.commit("stanch.toml", "[[allow]]\npaths = [\"samples/**\"]\nreason = \"made up\"\n");
    repo.write("samples/a.py", assign(1));
    repo.write("b.py", assign(2));
    repo.write("stanch.toml", "[[allow]]\npaths = [\"**\"]\nreason = \"all is well\"\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "propose"]);
    let said = repo.stanch(&["ci", "--base", &base, "--report", "json"]).code(1);
    assert!(said.err.contains("notice") && said.err.contains("stanch.toml"), "{}", said.err);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["findings"][0]["occurrences"][0]["place"]["path"], "b.py");
    assert_eq!(report["summary"]["suppressed"]["allowlist"], 1);
    repo.stanch(&["ci", "--base", &base, "--trust-head"]).code(0);
    repo.commit("c.py", assign(3).replace('\n', " # stanch:allow a sample\n"));
    let said = repo.stanch(&["ci", "--base", "HEAD^"]).code(0);
    assert!(said.err.contains("1 findings are allowed by comments"), "{}", said.err);
}

#[test]
fn github_and_gitlab_get_their_files() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    let base = repo.commit("a", "one\n");
    repo.commit("b.py", assign(1));
    let (summary, output) = (yard.path("summary").display().to_string(), yard.path("output").display().to_string());
    repo.stanch_with(
        &["ci", "--base", &base],
        &[("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", &summary), ("GITHUB_OUTPUT", &output)],
    )
    .code(1);
    assert_eq!(std::fs::read_to_string(output).unwrap(), "leaks=1\ncomplete=true\n");
    assert!(std::fs::read_to_string(summary).unwrap().contains("b.py"));
    repo.stanch_with(&["ci", "--base", &base], &[("GITLAB_CI", "true")]).code(1);
    let report: serde_json::Value = serde_json::from_str(&repo.read("gl-secret-detection-report.json")).unwrap();
    assert_eq!(report["vulnerabilities"].as_array().unwrap().len(), 1);
}
