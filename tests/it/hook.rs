//! Hooks, run by git itself: what they stop, what they let through, and that they go in and out without a trace.

use std::process::Stdio;

use crate::yard::{Repo, Yard, key};

fn hooked<'y>(yard: &'y Yard, name: &str) -> Repo<'y> {
    let repo = yard.repo(name);
    repo.commit("readme", "hello\n");
    repo.stanch(&["hook", "install", "--way", "file"]).code(0);
    repo
}

fn assign(seed: u32) -> String {
    format!("aws_access_key_id = \"{}\"\n", key(seed))
}

#[test]
fn a_blocked_commit_says_what_where_and_what_to_do_in_ten_lines() {
    let yard = Yard::new();
    let repo = hooked(&yard, "repo");
    for at in 0..7 {
        repo.write(&format!("dir/file {at}.py"), format!("\n\n{}", assign(at)));
    }
    repo.git(&["add", "."]);
    let said = repo.try_git(&["commit", "-qm", "x"]).code(1);
    assert!(said.err.lines().count() <= 10, "{}", said.err);
    assert!(said.err.contains("dir/file 0.py:3  aws-"), "{}", said.err);
    assert!(
        said.err.contains("and 3 more") && said.err.contains("stanch:allow") && said.err.contains("fix:"),
        "{}",
        said.err
    );
    assert!((0..7).all(|at| !said.err.contains(&key(at))), "a secret in clear: {}", said.err);
    assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]), "1");
}

/// The nine staged cases: whatever attributes and the work tree say, the blob in the index is what is scanned.
#[test]
fn the_index_is_scanned_whatever_attributes_and_work_tree_say() {
    let yard = Yard::new();
    let repo = hooked(&yard, "repo");
    let wide = |text: &str| -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let nul = |text: &str| [b"\0\0\0\x01 ".as_slice(), text.as_bytes(), b"\0"].concat();
    let plain = assign(1);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("plain.py", plain.clone().into_bytes(), ""),
        ("cleaned.py", plain.clone().into_bytes(), ""),
        ("nodiff.py", plain.clone().into_bytes(), "nodiff.py -diff\n"),
        ("binary.py", plain.clone().into_bytes(), "binary.py binary\n"),
        ("textconv.py", plain.clone().into_bytes(), "textconv.py diff=x\n"),
        ("nul.py", nul(&plain), ""),
        ("wide.py", wide(&plain), ""),
        ("na\u{ef}ve \"file\".py", plain.clone().into_bytes(), ""),
    ];
    repo.git(&["config", "diff.x.textconv", "true"]);
    for (name, bytes, attributes) in cases {
        repo.write(".gitattributes", attributes);
        repo.write(name, &bytes);
        repo.git(&["add", "-f", "--", name, ".gitattributes"]);
        repo.write(name, "nothing here any more\n");
        let said = repo.try_git(&["commit", "-qm", "x"]).code(1);
        assert!(said.err.contains("aws-"), "{name}: {}", said.err);
        repo.git(&["reset", "-q", "--hard"]);
        repo.git(&["clean", "-qfd"]);
    }
    std::os::unix::fs::symlink(key(1), repo.path.join("link")).unwrap();
    repo.git(&["add", "link"]);
    repo.try_git(&["commit", "-qm", "x"]).code(1);
}

#[test]
fn every_way_to_commit_is_seen() {
    let yard = Yard::new();
    let repo = hooked(&yard, "repo");
    repo.write("readme", assign(1));
    repo.try_git(&["commit", "-qam", "all"]).code(1);
    repo.try_git(&["commit", "-qm", "one path", "--", "readme"]).code(1);
    repo.write("other", "fine\n");
    repo.git(&["add", "other"]);
    repo.try_git(&["commit", "-qm", "only what is staged"]).code(0);
    repo.try_git(&["commit", "-q", "--amend", "-am", "amended"]).code(1);
    // In a directory below, in a linked work tree, and for the very first commit.
    repo.git(&["checkout", "-q", "readme"]);
    let linked = yard.path("linked").display().to_string();
    repo.git(&["worktree", "add", "-q", &linked, "-b", "linked"]);
    let linked = yard.at("linked");
    linked.write("deep/down/a.py", assign(2));
    linked.git(&["add", "."]);
    linked.try_git(&["-C", "deep", "commit", "-qm", "x"]).code(1);
    let first = yard.repo("first");
    first.stanch(&["hook", "install", "--way", "file"]).code(0);
    first.write("a.py", assign(3));
    first.git(&["add", "."]);
    first.try_git(&["commit", "-qm", "first"]).code(1);
    first.write("a.py", "fine\n");
    first.try_git(&["commit", "-qam", "first"]).code(0);
}

#[test]
fn only_what_a_change_brings_is_stopped() {
    let yard = Yard::new();
    let repo = hooked(&yard, "repo");
    repo.commit("old.py", assign(1));
    repo.write("old.py", format!("# a comment\n{}", assign(1)));
    repo.git(&["add", "."]);
    repo.try_git(&["commit", "-qm", "above a known one"]).code(0);
    repo.write(
        "old.py",
        format!("{}{} # stanch:allow a sample from the documentation\n", assign(1), assign(2).trim_end()),
    );
    repo.git(&["add", "."]);
    repo.try_git(&["commit", "-qm", "allowed by a comment"]).code(0);
    repo.write("old.py", assign(3));
    repo.git(&["add", "."]);
    repo.try_git(&["commit", "-qm", "changed"]).code(1);
}

#[test]
fn a_clean_merge_is_scanned_for_what_no_side_had() {
    let yard = Yard::new();
    let repo = hooked(&yard, "repo");
    repo.git(&["checkout", "-qb", "side"]);
    repo.commit("side.py", assign(1));
    repo.git(&["checkout", "-q", "main"]);
    repo.commit("main.py", "fine\n");
    // The side's own secret is the side's: it is in its history whatever we do here.
    repo.try_git(&["merge", "-q", "--no-edit", "side"]).code(0);
    repo.git(&["reset", "-q", "--hard", "HEAD^"]);
    // Whatever else gets into the merge is new.
    repo.script(".git/hooks/pre-merge-commit.first", "");
    let hook = repo.read(".git/hooks/pre-merge-commit");
    let evil = format!("#!/bin/sh\necho 'aws_access_key_id = \"{}\"' >evil.py\ngit add evil.py\n", key(9));
    repo.script(".git/hooks/pre-merge-commit", &hook.replacen("#!/bin/sh\n", &evil, 1));
    let said = repo.try_git(&["merge", "-q", "--no-edit", "side"]);
    assert!(
        said.code != 0 && said.err.contains("evil.py:1") && !said.err.contains("side.py"),
        "{} {}",
        said.code,
        said.err
    );
}

#[test]
fn the_message_is_scanned_without_comments() {
    let yard = Yard::new();
    let repo = hooked(&yard, "repo");
    let said = repo.try_git(&["commit", "-q", "--allow-empty", "-m", &format!("use {}", key(1))]).code(1);
    assert!(said.err.contains("commit message:1") && !said.err.contains(&key(1)), "{}", said.err);
    repo.write("message", format!("fine\n\n# {}\n", key(1)));
    repo.try_git(&["commit", "-q", "--allow-empty", "--cleanup=strip", "-F", "message"]).code(0);
}

fn remote(yard: &Yard, repo: &Repo<'_>) {
    let path = yard.path("remote.git").display().to_string();
    repo.git(&["init", "-q", "--bare", &path]);
    repo.git(&["remote", "add", "origin", &path]);
}

#[test]
fn a_push_is_scanned_ref_by_ref() {
    let yard = Yard::new();
    let repo = hooked(&yard, "repo");
    remote(&yard, &repo);
    repo.try_git(&["push", "-q", "origin", "main"]).code(0);
    // The second of two new branches leaks, in a commit that a later one undoes.
    repo.git(&["branch", "fine"]);
    repo.git(&["checkout", "-qb", "leaks"]);
    let leak = repo.commit("a.py", assign(1));
    repo.commit("a.py", "fine\n");
    let said = repo.try_git(&["push", "-q", "origin", "fine", "leaks"]);
    assert!(said.code != 0 && said.err.contains(&leak[..10]) && said.err.contains("a.py:1"), "{}", said.err);
    assert_eq!(repo.git(&["ls-remote", "--heads", "origin"]).lines().count(), 1);
    // A tag alone carries its commits as well.
    repo.git(&["tag", "-a", "v1", "-m", "one", "leaks"]);
    assert_ne!(repo.try_git(&["push", "-q", "origin", "v1"]).code, 0);
    // What the remote has is not scanned again; deletes and forced pushes are fine.
    repo.git(&["push", "-q", "--no-verify", "origin", "leaks"]);
    repo.commit("b.py", "fine\n");
    repo.try_git(&["push", "-q", "origin", "leaks"]).code(0);
    repo.git(&["reset", "-q", "--hard", "HEAD^"]);
    repo.commit("c.py", "fine\n");
    repo.try_git(&["push", "-q", "--force", "origin", "leaks"]).code(0);
    repo.try_git(&["push", "-q", "origin", ":leaks"]).code(0);
    // A tag on a blob has no commits; the blob is what there is.
    repo.write("blob", assign(5));
    let blob = repo.git(&["hash-object", "-w", "blob"]);
    repo.git(&["tag", "blob", &blob]);
    assert_ne!(repo.try_git(&["push", "-q", "origin", "blob"]).code, 0);
}

#[test]
fn a_server_scans_what_is_pushed_before_it_is_taken() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.commit("readme", "hello\n");
    remote(&yard, &repo);
    let server = yard.at("remote.git");
    server.git(&["config", "receive.advertisePushOptions", "true"]);
    server.stanch(&["hook", "install", "--way", "file"]).code(0);
    assert!(server.exists("hooks/pre-receive"));
    repo.try_git(&["push", "-q", "origin", "main"]).code(0);
    repo.git(&["checkout", "-qb", "two"]);
    repo.commit("a.py", assign(1));
    let said = repo.try_git(&["push", "-q", "origin", "main:one", "two", "-o", "please"]);
    assert!(said.code != 0 && said.err.contains("a.py:1") && said.err.contains("push option: please"), "{}", said.err);
    assert!(!said.err.contains(&key(1)));
    assert_eq!(server.git(&["branch", "--list"]).lines().count(), 1, "nothing was taken");
    let hook = server.read("hooks/pre-receive");
    server.script(
        "hooks/pre-receive",
        &hook.replace("hook run pre-receive", "hook run --bypass-push-option glass pre-receive"),
    );
    let said = repo.try_git(&["push", "-q", "origin", "two", "-o", "glass"]).code(0);
    assert!(said.err.contains("let through by push option"), "{}", said.err);
    // No time at all: the policy decides, and what was not read is said.
    repo.commit("b.py", assign(2));
    for (policy, taken) in [("deny", false), ("allow", true)] {
        let with = format!("hook run --deadline 0ms --on-deadline {policy} pre-receive");
        server.script("hooks/pre-receive", &hook.replace("hook run pre-receive", &with));
        let said = repo.try_git(&["push", "-q", "origin", "two"]);
        assert_eq!(said.code == 0, taken, "{}", said.err);
        assert!(said.err.contains("time is up"), "{}", said.err);
    }
}

#[test]
fn a_server_scans_what_no_ref_will_lead_to() {
    use std::io::Write;
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.commit("old.py", assign(4));
    remote(&yard, &repo);
    repo.git(&["push", "-q", "origin", "main"]);
    let server = yard.at("remote.git");
    server.stanch(&["hook", "install", "--way", "file"]).code(0);
    // A pack with a blob in it that nothing names, as no git sends it and any other program can.
    let head = repo.commit("new.py", "fine\n");
    let hidden = |text: String| {
        repo.write("hidden", text);
        repo.git(&["hash-object", "-w", "hidden"])
    };
    let push = |extra: &str, at: u32| {
        let ids = format!("{head}\n{head}^{{tree}}\n{head}:new.py\n{extra}\n");
        let ids: String = ids.lines().map(|id| format!("{}\n", repo.git(&["rev-parse", id]))).collect();
        let mut command = yard.command("git", &repo.path);
        let mut pack = command
            .args(["pack-objects", "-q", "--stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        pack.stdin.take().unwrap().write_all(ids.as_bytes()).unwrap();
        let pack = pack.wait_with_output().unwrap().stdout;
        let line = format!("{} {head} refs/heads/x{at}\0report-status", "0".repeat(40));
        let input = [format!("{:04x}{line}0000", line.len() + 4).as_bytes(), &pack].concat();
        let mut command = yard.command("git", &repo.path);
        let mut receive = command
            .args(["receive-pack", "../remote.git"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        receive.stdin.take().unwrap().write_all(&input).unwrap();
        let output = receive.wait_with_output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let blob = hidden(assign(5));
    let (answer, said) = push(&blob, 1);
    assert!(answer.contains("ng refs/heads/x1 pre-receive hook declined"), "{answer}{said}");
    assert!(said.contains(&format!("object {}", &blob[..10])) && !said.contains(&key(5)), "{said}");
    // What the server has already, as the base of a thin pack, is not new; nor is a harmless blob.
    let known = repo.git(&["rev-parse", "HEAD^:old.py"]);
    let (answer, said) = push(&format!("{known}\n{}", hidden("harmless\n".to_owned())), 2);
    assert!(answer.contains("ok refs/heads/x2"), "{answer}{said}");
}

#[test]
fn hooks_go_in_beside_others_and_out_without_a_trace() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    let own = "#!/bin/sh\ntouch own-ran\nexec true\n";
    repo.script(".git/hooks/pre-commit", own);
    repo.script(
        ".git/hooks/pre-push",
        "#!/usr/bin/env python3\nopen('python-ran', 'w').write(__import__('sys').stdin.read())\n",
    );
    for _ in 0..2 {
        repo.stanch(&["hook", "install", "--way", "file"]).code(0);
    }
    let doctor = repo.stanch(&["doctor", "--json"]).code(0);
    assert!(doctor.out.contains("\"protected\": true"), "{}", doctor.out);
    repo.write("a", "fine\n");
    repo.git(&["add", "."]);
    repo.try_git(&["commit", "-qm", "x"]).code(0);
    assert!(repo.exists("own-ran"));
    remote(&yard, &repo);
    repo.try_git(&["push", "-q", "origin", "main"]).code(0);
    assert!(repo.read("python-ran").starts_with("refs/heads/main "), "what was there reads the same input");
    repo.stanch(&["hook", "uninstall"]).code(0);
    assert_eq!(repo.read(".git/hooks/pre-commit"), own);
    assert!(repo.read(".git/hooks/pre-push").starts_with("#!/usr/bin/env python3"));
    assert!(!repo.exists(".git/hooks/commit-msg") && !repo.exists(".git/hooks/pre-push.before-stanch"));
    assert!(repo.stanch(&["doctor"]).code(1).out.contains("does not run here"));
}

#[test]
fn hooks_path_husky_and_the_users_own_are_seen() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.stanch(&["hook", "install", "--way", "file"]).code(0);
    repo.git(&["config", "core.hooksPath", ".githooks"]);
    let doctor = repo.stanch(&["doctor"]).code(1);
    assert!(doctor.out.contains("core.hooksPath hides that file"), "{}", doctor.out);
    repo.stanch(&["hook", "install", "--way", "file"]).code(0);
    assert!(repo.read(".githooks/pre-commit").contains("stanch"));
    repo.stanch(&["doctor"]).code(0);
    repo.stanch(&["hook", "uninstall"]).code(0);
    assert!(!repo.exists(".githooks/pre-commit"));

    let husky = yard.repo("husky");
    husky.git(&["config", "core.hooksPath", ".husky/_"]);
    husky.write(".husky/pre-commit", "npm test\n");
    husky.stanch(&["hook", "install", "--way", "file"]).code(0);
    assert!(husky.read(".husky/pre-commit").ends_with("npm test\n"));
    assert!(!husky.read(".husky/pre-commit").contains(env!("CARGO_BIN_EXE_stanch")), "it is committed, for others too");
    husky.stanch(&["hook", "uninstall"]).code(0);
    assert_eq!(husky.read(".husky/pre-commit"), "npm test\n");

    let kept = yard.repo("kept");
    kept.write("lefthook.yml", "pre-commit:\n");
    // A git that takes hooks as configuration leaves lefthook's files alone; before that, what to add to its own is said.
    let said = kept.stanch(&["hook", "install"]);
    let configured = kept.try_git(&["config", "--get-regexp", r"^hook\."]).code == 0;
    let told = said.code == 2 && said.err.contains("stanch hook run pre-commit");
    assert!((configured || told) && !kept.exists(".git/hooks/pre-commit"), "{} {}", said.code, said.err);
    // What it has already is not asked for again.
    let entry = |name: &str| format!("{name}:\n  commands:\n    stanch:\n      run: stanch hook run {name}\n");
    kept.write("lefthook.yml", entry("pre-commit"));
    let said = kept.stanch(&["hook", "install"]);
    assert!(
        configured || !said.err.contains("hook run pre-commit\n") && said.err.contains("hook run pre-push"),
        "{}",
        said.err
    );
    kept.stanch(&["hook", "install", "pre-commit"]).code(0);
    std::fs::remove_file(kept.path.join("lefthook.yml")).unwrap();
    kept.write(".pre-commit-config.yaml", "repos:\n  - repo: x\n    hooks:\n      - id: stanch-system\n");
    let said = kept.stanch(&["hook", "install"]).code(0);
    assert!(configured || said.err.contains("`pre-commit install"), "{}", said.err);
}

#[test]
fn a_global_install_passes_on_to_each_repositorys_own_hooks() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.script(".git/hooks/pre-commit", "#!/bin/sh\ntouch own-ran\n");
    repo.script(".git/hooks/post-commit", "#!/bin/sh\ntouch post-ran\n");
    repo.stanch(&["hook", "install", "--global"]).code(0);
    repo.write("a", "fine\n");
    repo.git(&["add", "."]);
    repo.try_git(&["commit", "-qm", "x"]).code(0);
    assert!(repo.exists("own-ran") && repo.exists("post-ran"));
    repo.write("a", assign(1));
    repo.try_git(&["commit", "-qam", "x"]).code(1);
    repo.stanch(&["hook", "uninstall", "--global"]).code(0);
    repo.try_git(&["commit", "-qam", "x"]).code(0);
    assert_eq!(repo.try_git(&["config", "--global", "core.hooksPath"]).out, "");
}

#[test]
fn the_framework_with_nothing_staged_means_all_tracked_files() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.commit("a.py", assign(1));
    repo.write("untracked.py", assign(2));
    let run = |variables: &[(&str, &str)]| repo.stanch_with(&["hook", "run", "pre-commit"], variables);
    run(&[]).code(0);
    let said = run(&[("PRE_COMMIT", "1")]).code(1);
    assert!(said.err.contains("a.py:1") && !said.err.contains("untracked"), "{}", said.err);
    repo.commit("a.py", "fine\n");
    run(&[("PRE_COMMIT", "1")]).code(0);
    run(&[("PRE_COMMIT", "1"), ("PRE_COMMIT_FROM_REF", "HEAD^"), ("PRE_COMMIT_TO_REF", "HEAD")]).code(0);
    repo.commit("b.py", assign(3));
    run(&[("PRE_COMMIT", "1"), ("PRE_COMMIT_FROM_REF", "HEAD^"), ("PRE_COMMIT_TO_REF", "HEAD")]).code(1);
    // The first push of all: no range, but a branch, and what it brings although it is gone again.
    repo.commit("b.py", "fine\n");
    let said = run(&[
        ("PRE_COMMIT", "1"),
        ("PRE_COMMIT_REMOTE_NAME", "origin"),
        ("PRE_COMMIT_LOCAL_BRANCH", "refs/heads/main"),
    ])
    .code(1);
    assert!(said.err.contains("b.py:1") && said.err.contains("in this push"), "{}", said.err);
    // A merge that brings nothing of its own is no wish for all files.
    repo.commit("b.py", assign(3));
    repo.git(&["checkout", "-qb", "side", "HEAD^"]);
    let side = repo.commit("side", "fine\n");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    run(&[("PRE_COMMIT", "1")]).code(0);
    std::fs::remove_file(repo.path.join(".git/MERGE_HEAD")).unwrap();
    run(&[("PRE_COMMIT", "1"), (&format!("GITHEAD_{side}"), "side")]).code(0);
}

#[test]
fn ids_of_sixty_four_digits_are_ids_like_others() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    std::fs::remove_dir_all(repo.path.join(".git")).unwrap();
    repo.git(&["init", "-q", "-b", "main", "--object-format=sha256"]);
    repo.stanch(&["hook", "install", "--way", "file"]).code(0);
    repo.commit("readme", "hello\n");
    let server = yard.path("server.git").display().to_string();
    repo.git(&["init", "-q", "--bare", "--object-format=sha256", &server]);
    yard.at("server.git").stanch(&["hook", "install", "--way", "file"]).code(0);
    repo.git(&["remote", "add", "origin", &server]);
    repo.try_git(&["push", "-q", "origin", "main"]).code(0);
    repo.write("a.py", assign(1));
    repo.git(&["add", "."]);
    repo.try_git(&["commit", "-qm", "x"]).code(1);
    repo.git(&["commit", "-qnm", "x"]);
    let said = repo.try_git(&["push", "-q", "origin", "main"]);
    assert!(said.code != 0 && said.err.contains("a.py:1") && !said.err.contains("remote:"), "{}", said.err);
    let said = repo.try_git(&["push", "-q", "--no-verify", "origin", "main:new"]);
    assert!(said.code != 0 && said.err.contains("remote:   a.py:1"), "{}", said.err);
    // A delete is all zeros, as many as an id has digits.
    repo.git(&["push", "-q", "--no-verify", "origin", "main~1:refs/heads/gone"]);
    repo.try_git(&["push", "-q", "origin", ":gone"]).code(0);
}

#[test]
fn gitlab_shows_what_its_server_hook_says() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.commit("a.py", assign(1));
    remote(&yard, &repo);
    let server = yard.at("remote.git");
    server.stanch(&["hook", "install", "--way", "file"]).code(0);
    let hook = server.read("hooks/pre-receive");
    server.script("hooks/pre-receive", &hook.replacen('\n', "\nexport GL_PROTOCOL=web\n", 1));
    let said = repo.try_git(&["push", "-q", "origin", "main"]);
    assert!(said.code != 0 && said.err.contains("remote: GL-HOOK-ERR:   a.py:1"), "{}", said.err);
}

/// The three refs of one push, of which only the tag leaks, are three lines for the server.
#[test]
fn a_server_reads_every_line_of_a_push() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.commit("readme", "hello\n");
    remote(&yard, &repo);
    let server = yard.at("remote.git");
    server.stanch(&["hook", "install", "--way", "file"]).code(0);
    repo.git(&["branch", "two"]);
    repo.git(&["checkout", "-q", "--detach"]);
    repo.commit("a.py", assign(1));
    repo.git(&["tag", "-a", "v1", "-m", "one"]);
    let said = repo.try_git(&["push", "-q", "origin", "main", "two", "v1"]);
    assert!(said.code != 0 && said.err.contains("a.py:1"), "{}", said.err);
    repo.try_git(&["push", "-q", "origin", "main", "two"]).code(0);
    // A tag's own message is pushed, too.
    repo.git(&["tag", "-a", "v2", "-m", &format!("use {}", key(2)), "main"]);
    let said = repo.try_git(&["push", "-q", "origin", "v2"]);
    assert!(said.code != 0 && said.err.contains("tag") && !said.err.contains(&key(2)), "{}", said.err);
}

/// What the framework must be told of hooks that read the index by themselves.
#[test]
fn the_framework_hands_no_names_over_and_starts_one_at_a_time() {
    let file = yaml_rust2::YamlLoader::load_from_str(include_str!("../../.pre-commit-hooks.yaml")).unwrap();
    let hooks = file[0].as_vec().unwrap();
    let ids: Vec<&str> = hooks.iter().map(|hook| hook["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["stanch", "stanch-system", "stanch-message", "stanch-rust"]);
    for hook in hooks {
        assert_eq!(hook["require_serial"].as_bool(), Some(true));
        assert_eq!(hook["minimum_pre_commit_version"].as_str(), Some("3.2.0"));
        let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
        assert_eq!(entry[..3], ["stanch", "hook", "run"]);
        if hook["id"].as_str() == Some("stanch-message") {
            continue;
        }
        assert_eq!(hook["pass_filenames"].as_bool(), Some(false));
        let stages: Vec<&str> = hook["stages"].as_vec().unwrap().iter().map(|stage| stage.as_str().unwrap()).collect();
        assert_eq!(stages, ["pre-commit", "pre-merge-commit", "pre-push", "manual"]);
    }
    let version = format!("stanch=={}", env!("CARGO_PKG_VERSION"));
    assert_eq!(hooks[0]["additional_dependencies"][0].as_str(), Some(version.as_str()));
}

/// Git 2.54 and later takes hooks as configuration, before that they are files: the same commits are stopped.
#[test]
fn by_default_hooks_go_in_the_way_of_the_git_at_hand() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.commit("readme", "hello\n");
    let own = "#!/bin/sh\ntouch own-ran\n";
    repo.script(".git/hooks/pre-commit", own);
    let config = repo.read(".git/config");
    for _ in 0..2 {
        repo.stanch(&["hook", "install"]).code(0);
    }
    repo.stanch(&["doctor"]).code(0);
    repo.write("a.py", assign(1));
    repo.git(&["add", "."]);
    let said = repo.try_git(&["commit", "-qm", "x"]).code(1);
    assert_eq!(said.err.matches("a.py:1").count(), 1, "installed twice, run once: {}", said.err);
    repo.write("a.py", "fine\n");
    repo.try_git(&["commit", "-qam", "x"]).code(0);
    assert!(repo.exists("own-ran"));
    repo.stanch(&["hook", "uninstall"]).code(0);
    assert_eq!((repo.read(".git/hooks/pre-commit"), repo.read(".git/config")), (own.to_owned(), config));
}
