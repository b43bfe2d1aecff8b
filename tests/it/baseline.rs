//! Baselines, our own and the peers', and the small commands round reports.

use sha1::{Digest, Sha1};

use crate::yard::{Repo, Yard, key};

fn sha1(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn assign(seed: u32) -> String {
    format!("aws_access_key_id = \"{}\"\n", key(seed))
}

fn json(repo: &Repo<'_>, arguments: &[&str]) -> serde_json::Value {
    let said = repo.stanch(&[&["scan", "."], arguments, &["--report", "json"]].concat());
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
}

#[test]
fn what_is_known_stays_quiet_and_what_is_new_does_not() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.write("a.py", assign(1));
    repo.write("b.py", assign(2));
    repo.stanch(&["baseline", "create", "--reason", "from before"]).code(0);
    repo.stanch(&["baseline", "create"]).code(2);
    let text = repo.read("stanch.baseline.toml");
    let sha1 = sha1(&key(1));
    assert!(!text.contains(&key(1)) && !text.contains(&sha1[..8]), "{text}");
    assert!(
        text.contains("salt = ") && text.contains("paths = [\"a.py\"]") && text.matches("from before").count() == 2,
        "{text}"
    );
    repo.write("stanch.toml", "[scan]\nbaseline = \"stanch.baseline.toml\"\n");
    repo.stanch(&["scan", "."]).code(0);
    // Moved lines and renamed files stay quiet; a copy is said; another secret is found.
    repo.write("a.py", format!("{}{}", "\n".repeat(50), assign(1)));
    std::fs::rename(repo.path.join("b.py"), repo.path.join("c.py")).unwrap();
    let said = repo.stanch(&["scan", "."]).code(0);
    assert!(!said.err.contains("is now at"), "{}", said.err);
    repo.write("copy.py", assign(1));
    let said = repo.stanch(&["scan", "."]).code(0);
    assert!(said.err.contains("knows from a.py is now at copy.py"), "{}", said.err);
    repo.write("new.py", assign(3));
    repo.stanch(&["scan", "."]).code(1);
    // What people wrote stays through an update; what is gone is said, then pruned.
    repo.stanch(&["baseline", "update"]).code(0);
    repo.stanch(&["scan", "."]).code(0);
    assert_eq!(repo.read("stanch.baseline.toml").matches("from before").count(), 2);
    let before = repo.read("stanch.baseline.toml");
    repo.stanch(&["baseline", "update"]).code(0);
    assert_eq!(repo.read("stanch.baseline.toml"), before, "the same scan writes the same file");
    std::fs::remove_file(repo.path.join("new.py")).unwrap();
    let report = json(&repo, &[]);
    assert!(report["unused_allows"][0]["why"].as_str().unwrap().contains("prune"), "{}", report["unused_allows"]);
    let said = repo.stanch(&["baseline", "prune", "a.py"]).code(2);
    assert!(said.err.contains("whole project"), "{}", said.err);
    repo.stanch(&["baseline", "prune"]).code(0);
    assert_eq!(repo.read("stanch.baseline.toml").matches("[[known]]").count(), 2);
    assert_eq!(repo.stanch(&["baseline", "show"]).code(0).out.lines().count(), 2);
    // An entry whose day is over no longer holds.
    let text =
        repo.read("stanch.baseline.toml").replacen("owner = \"\"\n", "owner = \"\"\nexpires = \"2020-01-01\"\n", 1);
    repo.write("stanch.baseline.toml", text);
    repo.stanch(&["scan", "."]).code(1);
    // Another key makes other fingerprints: that is an error, not a silent miss.
    let said = repo.stanch_with(&["scan", "."], &[("STANCH_FINGERPRINT_KEY", "another")]).code(2);
    assert!(said.err.contains("another fingerprint key"), "{}", said.err);
}

#[test]
fn peers_lists_suppress_the_same() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.write("dir/a.py", format!("\n{}", assign(1)));
    repo.write("dir/b.py", assign(1));
    repo.write(".gitleaksignore", "# known\ndir/a.py:aws-access-token:2\ngone.py:generic-api-key:1\n");
    let report = json(&repo, &["--baseline", ".gitleaksignore"]);
    let only = &report["findings"][0]["occurrences"];
    assert_eq!(
        (only.as_array().unwrap().len(), &only[0]["place"]["path"]),
        (1, &"dir/b.py".into()),
        "place by place: {only}"
    );
    assert_eq!(report["suppressed"][0]["origin"], ".gitleaksignore:2");
    assert_eq!(report["unused_allows"][0]["entry"], ".gitleaksignore:3");

    let sha1 = sha1(&key(1));
    let detect = format!(
        r#"{{"version":"1.5.0","plugins_used":[],"results":{{"dir/a.py":[{{"type":"AWS Access Key","filename":"dir/a.py","hashed_secret":"{sha1}","is_verified":false,"line_number":99}}]}}}}"#
    );
    repo.write(".secrets.baseline", detect);
    let report = json(&repo, &["--baseline", ".secrets.baseline"]);
    let open: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"].as_str().unwrap().starts_with("aws"))
        .collect();
    assert_eq!(open[0]["occurrences"][0]["place"]["path"], "dir/b.py");

    let entry = |file: &str, secret: &str| {
        format!(r#"{{"RuleID":"aws-access-token","File":"{file}","StartLine":2,"Commit":"","Secret":"{secret}"}}"#)
    };
    repo.write("known.json", format!("[{},{}]", entry("dir/a.py", "REDACTED"), entry("dir/b.py", &key(1))));
    std::fs::remove_file(repo.path.join(".secrets.baseline")).unwrap();
    // The list of a peer holds the secret itself; it is not scanned here, and never shown.
    std::fs::rename(repo.path.join("known.json"), yard.path("known.json")).unwrap();
    let known = yard.path("known.json").display().to_string();
    let said = repo.stanch(&["scan", ".", "--baseline", &known, "--explain"]).code(0);
    assert!(!said.out.contains(&key(1)) && !said.err.contains(&key(1)));
    // Moved over into a file of our own.
    repo.stanch(&["baseline", "create", "--baseline", &known, "--only-listed"]).code(0);
    repo.stanch(&["scan", ".", "--baseline", "stanch.baseline.toml"]).code(0);

    // Kingfisher's: by file and line, in one list or by repository.
    let matches = "matches:\n  - filepath: dir/a.py/\n    fingerprint: '389162583612032034'\n    linenum: 2\n    lastupdated: Mon, 14 Jul 2025 10:17:56 -0700\n";
    for text in
        [format!("ExactFindings:\n  {matches}"), format!("version: 2\nrepositories:\n- id: example\n  {matches}")]
    {
        std::fs::write(yard.path("kingfisher.yml"), text).unwrap();
        let report = json(&repo, &["--baseline", &yard.path("kingfisher.yml").display().to_string()]);
        assert_eq!(report["findings"][0]["occurrences"][0]["place"]["path"], "dir/b.py");
        assert!(report["suppressed"][0]["reason"].as_str().unwrap().contains("389162583612032034"));
    }

    let commit = repo.commit("later.py", assign(5));
    repo.write(".gitleaksignore", format!("{commit}:later.py:aws-access-token:1\n"));
    repo.stanch(&["scan", "--range", "HEAD", "--baseline", ".gitleaksignore"]).code(0);
}

#[test]
fn the_small_commands() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    assert!(repo.stanch(&["self-test"]).code(0).out.contains("works here"));
    let version: serde_json::Value = serde_json::from_str(&repo.stanch(&["version", "--json"]).code(0).out).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(repo.stanch(&["completions", shell]).code(0).out.contains("baseline"));
    }
    // What a command's help begins with is what the list of commands says of it.
    let help = repo.stanch(&["--help"]).code(0).out;
    let list = help
        .split("Commands:")
        .nth(1)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for (name, about) in list
        .filter_map(|line| line.trim().split_once(' '))
        .filter(|(name, _)| *name != "help" && !name.starts_with('-'))
    {
        let own = repo.stanch(&[name, "--help"]).code(0).out;
        let words = |text: &str| text.split_whitespace().take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&own), words(about), "{name}");
    }
    repo.stanch(&["man", "--dir", "man"]).code(0);
    assert!(repo.read("man/stanch.1").contains("stanch") && repo.read("man/stanch-hook-install.1").contains("global"));
    repo.write("a.py", assign(1));
    let said = repo.stanch(&["scan", "a.py", "--report", "json=report.json"]).code(1);
    assert!(said.out.is_empty() || !said.out.contains(&key(1)));
    let report: serde_json::Value = serde_json::from_str(&repo.read("report.json")).unwrap();
    let fingerprint = report["findings"][0]["fingerprint"].as_str().unwrap();
    let told = repo.stanch(&["explain", &fingerprint[..8], "--in", "report.json"]).code(0).out;
    assert!(told.contains("a.py:1") && told.contains("do  ") && !told.contains(&key(1)), "{told}");
    let rule = report["findings"][0]["rule"].as_str().unwrap();
    assert!(repo.stanch(&["explain", rule]).code(0).out.contains(rule));
    repo.stanch(&["explain", "no-such-thing"]).code(2);
    let sarif: serde_json::Value =
        serde_json::from_str(&repo.stanch(&["report", "report.json", "--report", "sarif"]).code(1).out).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let direct = repo.stanch(&["scan", "a.py", "--report", "sarif"]).code(1).out;
    assert_eq!(
        repo.stanch(&["report", "report.json", "--report", "sarif"]).out,
        direct,
        "converted as written at once"
    );
}
