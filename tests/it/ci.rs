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
    checkout_of(yard, server, name, "refs/pull/7/merge", depth)
}

/// One ref, as deep as that; all branches besides, where the clone is full.
fn checkout_of<'y>(yard: &'y Yard, server: &Server<'_>, name: &str, reference: &str, depth: Option<u32>) -> Repo<'y> {
    let repo = yard.repo(name);
    repo.git(&["remote", "add", "origin", &format!("file://{}", server.repo.path.display())]);
    let depth = depth.map(|depth| format!("--depth={depth}"));
    let mut fetch = vec!["fetch", "-q", "--no-tags"];
    fetch.extend(depth.as_deref());
    let built = format!("+{reference}:refs/remotes/built");
    fetch.extend(["origin", &built]);
    if depth.is_none() {
        fetch.push("+refs/heads/*:refs/remotes/origin/*");
    }
    repo.git(&fetch);
    repo.git(&["checkout", "-q", "--force", "refs/remotes/built"]);
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

/// What each system says of a pull request from BASE to HEAD, which MERGE brings together, and which ref it checks out.
const PULL_REQUESTS: [(&str, &str, &str); 10] = [
    (
        "gitlab",
        "refs/pull/7/head",
        "GITLAB_CI=true CI_MERGE_REQUEST_IID=7 CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main CI_COMMIT_SHA=HEAD \
         CI_COMMIT_BEFORE_SHA=0000000000000000000000000000000000000000",
    ),
    (
        "gitlab, merged results",
        "refs/pull/7/merge",
        "GITLAB_CI=true CI_MERGE_REQUEST_IID=7 CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main CI_COMMIT_SHA=MERGE \
         CI_MERGE_REQUEST_TARGET_BRANCH_SHA=BASE CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=HEAD",
    ),
    ("circle", "refs/pull/7/head", "CIRCLECI=true CIRCLE_SHA1=HEAD CIRCLE_BRANCH=pull/7"),
    ("jenkins", "refs/pull/7/head", "JENKINS_URL=u CHANGE_ID=7 CHANGE_TARGET=main GIT_COMMIT=HEAD"),
    (
        "azure",
        "refs/pull/7/merge",
        "TF_BUILD=True SYSTEM_PULLREQUEST_PULLREQUESTID=7 SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main \
         SYSTEM_PULLREQUEST_SOURCECOMMITID=HEAD BUILD_SOURCEVERSION=MERGE",
    ),
    (
        "bitbucket",
        "refs/pull/7/head",
        "BITBUCKET_BUILD_NUMBER=1 BITBUCKET_PR_ID=7 BITBUCKET_PR_DESTINATION_COMMIT=SHORT \
         BITBUCKET_PR_DESTINATION_BRANCH=main BITBUCKET_COMMIT=HEAD",
    ),
    (
        "buildkite",
        "refs/pull/7/head",
        "BUILDKITE=true BUILDKITE_PULL_REQUEST=7 BUILDKITE_PULL_REQUEST_BASE_BRANCH=main BUILDKITE_COMMIT=HEAD",
    ),
    ("drone", "refs/pull/7/head", "DRONE=true DRONE_PULL_REQUEST=7 DRONE_TARGET_BRANCH=main DRONE_COMMIT_SHA=HEAD"),
    (
        "woodpecker",
        "refs/pull/7/head",
        "CI=woodpecker CI_PIPELINE_EVENT=pull_request CI_COMMIT_TARGET_BRANCH=main CI_COMMIT_SHA=HEAD",
    ),
    (
        "travis",
        "refs/pull/7/merge",
        "TRAVIS=true TRAVIS_PULL_REQUEST=7 TRAVIS_BRANCH=main TRAVIS_PULL_REQUEST_SHA=HEAD TRAVIS_COMMIT=MERGE",
    ),
];

#[test]
fn every_system_gives_the_same_commits_or_exit_code_3() {
    let yard = Yard::new();
    let server = server(&yard);
    let line = format!("range {}..{}, 3 commits, 3 blobs", &server.base[..10], &server.head[..10]);
    let real = |value| match value {
        "BASE" => &server.base,
        "SHORT" => &server.base[..12],
        "HEAD" => &server.head,
        "MERGE" => &server.merge,
        other => other,
    };
    for (system, reference, variables) in PULL_REQUESTS {
        let pairs = variables.split_whitespace().map(|pair| pair.split_once('=').unwrap());
        let variables: Vec<(&str, &str)> = pairs.map(|(name, value)| (name, real(value))).collect();
        for depth in [None, Some(1), Some(2)] {
            let clone = checkout_of(&yard, &server, &format!("{system} {depth:?}"), reference, depth);
            let said = clone.stanch_with(&["ci"], &variables);
            if depth.is_none() {
                assert!(said.code == 1 && said.err.contains(&line), "{system}: {} {}", said.code, said.err);
                continue;
            }
            assert_eq!(said.code, 3, "{system}, depth {depth:?}: {}", said.err);
            assert!(said.err.contains("--deepen") || said.err.contains("origin/main"), "{system}: {}", said.err);
            // CircleCI tells of no base, and a clone of one branch does not know the others.
            let said = clone.stanch_with(&["ci", "--deepen"], &variables);
            let told = said.code == 1 && said.err.contains(&line);
            assert!(
                told || (system == "circle" && said.code == 3),
                "{system}, depth {depth:?}: {} {}",
                said.code,
                said.err
            );
        }
    }
}

#[test]
fn a_retargeted_merge_request_goes_by_its_new_target() {
    let yard = Yard::new();
    let server = server(&yard);
    let stale = server.repo.git(&["rev-parse", "main~4"]);
    let clone = checkout_of(&yard, &server, "clone", "refs/pull/7/head", None);
    let variables = [
        ("GITLAB_CI", "true"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &stale),
        ("CI_COMMIT_SHA", &server.head),
    ];
    let said = clone.stanch_with(&["ci", "--dry-run"], &variables).code(0);
    assert!(said.err.contains(&format!("range {}..", &server.base[..10])), "{}", said.err);
    // A fork's head is not among the branches of the target; the pull request's own ref has it.
    let fork = checkout_of(&yard, &server, "fork", "refs/heads/main", Some(1));
    let event = event(&fork, &server);
    let variables =
        [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "pull_request_target"), ("GITHUB_EVENT_PATH", &event)];
    fork.stanch_with(&["ci"], &variables).code(3);
    let said = fork.stanch_with(&["ci", "--deepen"], &variables).code(1);
    assert!(said.err.contains("3 commits"), "{}", said.err);
}

/// The scripts of a YAML file's steps, by name.
fn steps(text: &str) -> Vec<(String, String)> {
    let documents = yaml_rust2::YamlLoader::load_from_str(text).unwrap();
    let steps = documents[0]["runs"]["steps"].as_vec().unwrap();
    steps.iter().map(|step| (step["name"].as_str().unwrap().into(), step["run"].as_str().unwrap().into())).collect()
}

#[test]
fn the_action_scans_as_github_runs_it() {
    let yard = Yard::new();
    let server = server(&yard);
    let scan = &steps(include_str!("../../action.yml"))[1];
    assert_eq!(scan.0, "Scan");
    let clone = checkout(&yard, &server, "clone", Some(1));
    let event = event(&clone, &server);
    let (summary, output) = (yard.path("summary"), yard.path("output"));
    let run = |arguments: &str, sarif: &str, deepen: &str| {
        let mut command = yard.command("bash", &clone.path);
        // As the runner calls it.
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", &scan.1]);
        command.envs([("GITHUB_ACTIONS", "true"), ("CI", "true"), ("GITHUB_EVENT_NAME", "pull_request")]);
        command.env("GITHUB_EVENT_PATH", &event).env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_OUTPUT", &output);
        command.envs([("STANCH_ARGUMENTS", arguments), ("STANCH_SARIF", sarif), ("STANCH_ALLOW_DEEPEN", deepen)]);
        let ran = command.output().unwrap();
        (ran.status.code().unwrap(), String::from_utf8(ran.stdout).unwrap() + &String::from_utf8(ran.stderr).unwrap())
    };
    let (code, said) = run("", "", "false");
    assert!(code == 3 && said.contains("::error"), "{code} {said}");
    let (code, said) = run("--confidence high --exit-code 9", "out.sarif", "true");
    assert!(code == 9 && said.contains("::error file=a.py"), "{code} {said}");
    assert!(std::fs::read_to_string(&output).unwrap().ends_with("leaks=1\ncomplete=true\n"));
    assert!(std::fs::read_to_string(&summary).unwrap().contains("a.py"));
    let sarif: serde_json::Value = serde_json::from_str(&clone.read("out.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a.py");
    assert!(sarif["runs"][0]["automationDetails"]["id"].as_str().unwrap().ends_with(&server.head));
}

#[test]
fn the_action_installs_only_what_has_the_right_checksum() {
    let yard = Yard::new();
    let install = &steps(include_str!("../../action.yml"))[0];
    assert_eq!(install.0, "Install");
    let work = yard.repo("work");
    // A release, and a curl that reads it from here.
    work.script("build/stanch-v1.2.3/stanch", "#!/bin/sh\necho the program\n");
    let archive = "stanch-v1.2.3-x86_64-unknown-linux-musl.tar.gz";
    work.git(&["init", "-q", "release"]);
    assert_eq!(work.run("tar", &["-czf", &format!("release/{archive}"), "-C", "build", "stanch-v1.2.3"]).code, 0);
    let sum = work.run("sha256sum", &[&format!("release/{archive}")]).out;
    let sum = sum.split(' ').next().unwrap().to_owned();
    let curl = "#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = -o ] && to=$2; shift; done\necho \"$1\" >>\"$ASKED\"\ncp \"$RELEASE/${1##*/}\" \"$to\"\n";
    work.script("bin/curl", curl);
    let run = |system: &str, pinned: &str, listed: &str| {
        work.write(&format!("release/{archive}.sha256"), format!("{listed}  {archive}\n"));
        let temporary = tempfile::tempdir_in(&work.path).unwrap();
        let mut command = yard.command("bash", &work.path);
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", &install.1]);
        let path = format!("{}:{}", work.path.join("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("RELEASE", work.path.join("release")).env("ASKED", work.path.join("asked"));
        command.envs([("VERSION", "1.2.3"), ("SHA256", pinned), ("RUNNER_SYSTEM", system)]);
        command.envs([("GITHUB_SERVER_URL", "https://example.com"), ("ACTION_REPOSITORY", "owner/stanch")]);
        let added = work.path.join("added");
        let _ = std::fs::remove_file(&added);
        command.env("RUNNER_TEMP", temporary.path()).env("GITHUB_PATH", &added);
        let code = command.output().unwrap().status.code().unwrap();
        let directory = std::fs::read_to_string(added).ok();
        let there = directory.map(|directory| std::path::Path::new(directory.trim()).join("stanch").is_file());
        (code, there)
    };
    assert_eq!(run("Linux-X64", "", &sum), (0, Some(true)));
    assert_eq!(run("Linux-X64", &sum, "what the list says does not matter"), (0, Some(true)));
    assert!(work.read("asked").starts_with("https://example.com/owner/stanch/releases/download/v1.2.3/stanch-v1.2.3-"));
    let wrong = "0".repeat(64);
    for (system, pinned, listed) in [("Linux-X64", "", &wrong), ("Linux-X64", &wrong, &sum), ("Plan9-MIPS", "", &sum)] {
        let (code, added) = run(system, pinned, listed);
        assert!(code != 0 && added.is_none(), "{system} {pinned} {listed}");
    }
}

#[test]
fn the_template_scans_as_gitlab_runs_it() {
    let yard = Yard::new();
    let server = server(&yard);
    let template = yaml_rust2::YamlLoader::load_from_str(include_str!("../../.gitlab-template.yml")).unwrap();
    let job = &template[0]["stanch"];
    let clone = checkout_of(&yard, &server, "clone", "refs/pull/7/head", None);
    let mut command = yard.command("sh", &clone.path);
    command.args(["-e", "-c", job["script"][0].as_str().unwrap()]);
    let commit = clone.git(&["rev-parse", "HEAD"]);
    command.envs([("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_IID", "7"), ("CI_COMMIT_SHA", &commit)]);
    command.envs([("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"), ("CI_JOB_STARTED_AT", "2026-11-21T20:10:00Z")]);
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    let report = clone.read(job["artifacts"]["reports"]["secret_detection"].as_str().unwrap());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["scan"]["start_time"], "2026-11-21T20:10:00");
    assert!(report["scan"]["end_time"].as_str().unwrap() > "2026-11");
    assert_eq!(report["vulnerabilities"][0]["location"]["file"], "a.py");
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
    assert!(run("push", push(&second, &third)).code(0).err.contains("1 commit,"));
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
    assert!(flags.err.contains("1 commit,") && flags.err.contains("source=flags"), "{}", flags.err);
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
    assert!(said.err.contains("1 finding is allowed by comments"), "{}", said.err);
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
