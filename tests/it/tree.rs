//! Scans of working trees: what is read, what is listed, how it ends.

use crate::runner::{Place, github_token};

#[test]
fn a_clean_tree_is_clean() {
    let place = Place::new();
    place.write("src/a.rs", "fn main() {}\n");
    let ran = place.stanch(&["scan", "."]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
}

#[test]
fn a_token_is_found_masked_and_ends_with_one() {
    let place = Place::new();
    let token = github_token(1);
    place.write("a.env", format!("# first\nTOKEN={token}\n"));
    let ran = place.stanch(&["scan", "."]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("a.env") && ran.out.contains("github-pat"), "{}", ran.out);
    assert!(!ran.out.contains(&token[8..20]), "the token shows in {}", ran.out);
    assert_eq!(place.findings(&["scan", "."]), [("github-pat".into(), "a.env".into(), 2)]);
    assert_eq!(place.stanch(&["scan", ".", "--exit-code", "7"]).code, 7);
    assert!(place.stanch(&["scan", ".", "--show-secrets"]).out.contains(&token));
}

#[test]
fn ignore_files_hold_below_a_root_but_not_for_what_is_named() {
    let place = Place::new();
    place.write(".gitignore", "out/\n*.log\n");
    place.write("out/a", github_token(1));
    place.write("b.log", github_token(2));
    place.write(".git/config", github_token(3));
    assert_eq!(place.findings(&["scan", "."]), []);
    assert_eq!(place.findings(&["scan", ".", "--no-ignore"]).len(), 2);
    assert_eq!(place.findings(&["scan", "out", "b.log"]).len(), 2);
}

#[test]
fn encodings_binaries_links_and_odd_names() {
    let place = Place::new();
    let wide: Vec<u8> =
        format!("\u{feff}key = {}\n", github_token(1)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    place.write("wide.txt", wide);
    place.write("bin.dat", [&[0, 1, 2, 255][..], github_token(2).as_bytes(), &[0, 0]].concat());
    let inside: Vec<u8> = github_token(3).encode_utf16().flat_map(u16::to_le_bytes).collect();
    place.write("prog.exe", [&[0x4d, 0x5a, 1, 0, 0, 7][..], &inside, &[0, 0, 9]].concat());
    place.write("latin1.txt", [&[0xe9, 0xe8, b' '][..], github_token(4).as_bytes()].concat());
    std::os::unix::fs::symlink("wide.txt", place.path().join("link")).unwrap();
    std::os::unix::fs::symlink(".", place.path().join("loop")).unwrap();
    let found: Vec<_> = place.findings(&["scan", "."]).into_iter().map(|(_, path, _)| path).collect();
    assert_eq!(found, ["bin.dat", "latin1.txt", "prog.exe", "wide.txt"]);
}

#[test]
fn what_cannot_be_read_is_listed_and_incomplete() {
    let place = Place::new();
    place.write("a", "nothing");
    let missing = place.stanch(&["scan", "a", "no-such-file"]);
    assert_eq!(missing.code, 3, "{missing:?}");
    assert!(missing.out.contains("no-such-file: cannot be read: there is no such file"), "{}", missing.out);
    let large = place.stanch(&["scan", ".", "--max-file-size", "3"]);
    assert_eq!(large.code, 3);
    place.command("mkfifo").arg("pipe").status().unwrap();
    assert_eq!(place.stanch(&["scan", "."]).code, 0);
    assert_eq!(place.stanch(&["scan", "pipe"]).code, 3);
    place.write("empty", "");
    assert_eq!(place.stanch(&["scan", "empty"]).code, 0);
}

#[test]
fn inline_marks_and_allow_entries_suppress_with_a_reason() {
    let place = Place::new();
    place.write("a.py", format!("k = '{}'  # stanch:allow a made-up key\n", github_token(1)));
    place.write("tests/b.py", format!("k = '{}'\n", github_token(2)));
    let config = "[[allow]]\npaths = ['tests/**']\nreason = 'made up'\n\n[[allow]]\nrules = ['github-pat']\nvalue = '^x'\nreason = 'none'\n";
    place.write("stanch.toml", config);
    let ran = place.stanch(&["scan", ".", "-f", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["suppressed"].as_array().unwrap().len(), 2);
    assert_eq!(report["unused_allows"].as_array().unwrap().len(), 1);
    place.write("stanch.toml", "[scan]\nconfidnce = 'low'\n");
    let ran = place.stanch(&["scan", "."]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("stanch.toml:2") && ran.err.contains("`confidence`"), "{}", ran.err);
}

#[test]
fn entries_hold_from_wherever_one_scans_and_are_stale_only_after_the_whole() {
    let place = Place::new();
    place.write(
        "stanch.toml",
        "[[allow]]\npaths = ['tests/**']\nreason = 'made up'\n\n[[allow]]\npaths = ['gone/**']\nreason = 'none'\n",
    );
    place.write("tests/deep/b.py", format!("k = '{}'\n", github_token(2)));
    place.write("src/c.py", "nothing\n");
    let unused = |arguments: &[&str], directory: &str| {
        let ran = place.stanch_with(&[arguments, &["-f", "json"]].concat(), |command| {
            command.current_dir(place.path().join(directory));
        });
        assert_eq!(ran.code, 0, "{arguments:?} in {directory:?}: {}", ran.out);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        report["unused_allows"].as_array().unwrap().len()
    };
    let top = place.path().display().to_string();
    for (arguments, directory, count) in [
        (&["scan", "."][..], "", 1),
        (&["scan", top.as_str()], "", 1),
        (&["scan", top.as_str()], "src", 1),
        (&["scan", ".."], "tests", 1),
        (&["scan", "."], "tests", 0),
        (&["scan", "deep/../deep/b.py"], "tests", 0),
        (&["scan", "src"], "", 0),
    ] {
        assert_eq!(unused(arguments, directory), count, "{arguments:?} in {directory:?}");
    }
    place.git(&["init", "-q"]);
    place.write("other.toml", "[[allow]]\nrules = ['no-such-rule']\nreason = 'mistyped'\n");
    let ran = place.stanch(&["scan", ".", "--config", "other.toml"]);
    assert!(ran.out.contains("other.toml:1: matched nothing: there is no rule `no-such-rule`"), "{}", ran.out);
    place.git(&["add", "."]);
    assert_eq!(unused(&["scan", "--staged"], ""), 0);
    place.git(&["commit", "-qm", "all"]);
    assert_eq!(unused(&["scan", "--range", "HEAD"], ""), 0);
    assert_eq!(unused(&["scan", "--history", "."], ""), 1);
}

#[test]
fn standard_input_is_one_blob() {
    let place = Place::new();
    let file = place.write("in", format!("one\ntwo {}\n", github_token(1)));
    let ran = place.stanch_with(&["scan", "-", "-f", "json"], |command| {
        command.stdin(std::fs::File::open(&file).unwrap());
    });
    assert_eq!(ran.code, 1);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["findings"][0]["occurrences"][0]["line"], 2);
}

#[test]
fn encoded_and_split_secrets_are_found_at_their_place() {
    use base64::prelude::*;
    let place = Place::new();
    let token = github_token(1);
    place.write("a.yaml", format!("x: 1\ndata: {}\n", BASE64_STANDARD.encode(format!("export TOKEN={token}\n"))));
    place.write("b.js", format!("const t = '{}' + '{}';\n", &token[..12], &token[12..]));
    let escaped: String = token.bytes().map(|b| format!("\\x{b:02x}")).collect();
    place.write("c.py", format!("t = \"{escaped}\"\n"));
    let found = place.findings(&["scan", "."]);
    let places: Vec<_> = found.iter().map(|(rule, path, line)| (rule.as_str(), path.as_str(), *line)).collect();
    assert_eq!(places, [("github-pat", "a.yaml", 2), ("github-pat", "b.js", 1), ("github-pat", "c.py", 1)]);
}

#[test]
fn fingerprints_survive_moved_lines_and_renames() {
    let place = Place::new();
    let fingerprint = |text: String, name: &str| {
        let place = Place::new();
        place.write(name, text);
        let report: serde_json::Value = serde_json::from_str(&place.stanch(&["scan", ".", "-f", "json"]).out).unwrap();
        report["findings"][0]["fingerprint"].as_str().unwrap().to_owned()
    };
    let token = github_token(9);
    let one = fingerprint(format!("t={token}\n"), "a.env");
    assert_eq!(one, fingerprint(format!("{}t={token}\n", "# more\n".repeat(50)), "b.env"));
    assert_ne!(one, fingerprint(format!("t={}\n", github_token(10)), "a.env"));
    drop(place);
}

#[test]
fn what_is_shipped_is_everybodys() {
    let place = Place::new();
    place.write(".gitignore", "dist/\n");
    place.write("dist/app.js", format!("var k='{}';\n", github_token(1)));
    let ran = place.stanch(&["assets", ".", "-f", "json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let finding = &report["findings"][0];
    assert_eq!((&finding["exposure"], &finding["severity"]), (&"shipped".into(), &"critical".into()));
}

#[test]
fn revoke_sends_nothing_without_yes() {
    let place = Place::new();
    place.write("a.env", format!("T={}\n", github_token(1)));
    let ran = place.stanch(&["revoke", "."]);
    assert!(ran.err.contains("nothing was sent"), "{ran:?}");
    assert!(!ran.err.contains(&github_token(1)[8..]) && !ran.out.contains(&github_token(1)[8..]));
}

#[test]
fn findings_that_pass_do_not_hide_that_something_was_not_read() {
    let place = Place::new();
    place.write("a.env", format!("T={}\n", github_token(1)));
    assert_eq!(place.stanch(&["scan", "a.env", "--exit-code", "0"]).code, 0);
    assert_eq!(place.stanch(&["scan", "a.env", "no-such-file"]).code, 1);
    assert_eq!(place.stanch(&["scan", "a.env", "no-such-file", "--exit-code", "0"]).code, 3);
}

#[test]
fn answers_that_are_required_and_missing_make_it_incomplete() {
    let place = Place::new();
    place.write("a.env", format!("T={}\n", github_token(1)));
    // Nobody listens on the discard port.
    let webhook = ["--webhook", "http://127.0.0.1:9/", "--webhook-http-loopback", "--webhook-patience", "hook"];
    let scan = [&["scan", "a.env"][..], &webhook].concat();
    assert_eq!(place.stanch(&scan).code, 1);
    assert_eq!(place.stanch(&[&scan[..], &["--webhook-required"]].concat()).code, 3);
}
