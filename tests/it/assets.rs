//! What is shipped: bundles with their maps wherever they lie, containers that break, and what reports say of it.

use std::io::{Cursor, Write};

use serde_json::Value;

use crate::runner::{Place, github_token};

/// Mappings of a bundle of one line whose literal at column 11 comes from the third line of its only source.
const MAPPINGS: &str = "AAAA,WAES";

fn original(token: &str) -> String {
    format!("// settings\nexport default {{\n  token: \"{token}\",\n}};\n")
}

fn bundle(token: &str, end: &str) -> String {
    format!("var a={{b:  \"{token}\"}};{end}")
}

fn map(token: &str, with_content: bool) -> String {
    let content = serde_json::to_string(&original(token)).unwrap();
    let content = if with_content { format!("\"sourcesContent\":[{content}],") } else { String::new() };
    format!("{{\"version\":3,\"sources\":[\"src/settings.ts\"],{content}\"names\":[],\"mappings\":\"{MAPPINGS}\"}}")
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A zip whose only member cannot be decrypted.
fn encrypted() -> Vec<u8> {
    let mut bytes = zip(&[("secret.bin", &[0x5a; 600])]);
    for (mark, offset) in [(&b"PK\x03\x04"[..], 6), (b"PK\x01\x02", 8)] {
        let at = memchr::memmem::find(&bytes, mark).unwrap();
        bytes[at + offset] |= 1;
    }
    let at = memchr::memmem::find(&bytes, b"secret.bin").unwrap() + 12;
    bytes[at] ^= 0x55;
    bytes
}

fn report(place: &Place, arguments: &[&str]) -> Value {
    let ran = place.stanch(&[arguments, &["-f", "json"]].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// The place in the original of the only place in the bundle.
fn from(report: &Value) -> (String, u64, u64) {
    let places =
        report["findings"].as_array().unwrap().iter().flat_map(|finding| finding["occurrences"].as_array().unwrap());
    let mapped: Vec<&Value> =
        places.filter(|place| place["original"].is_object()).map(|place| &place["original"]).collect();
    assert_eq!(mapped.len(), 1, "{report}");
    (
        mapped[0]["path"].as_str().unwrap().to_owned(),
        mapped[0]["line"].as_u64().unwrap(),
        mapped[0]["column"].as_u64().unwrap(),
    )
}

#[test]
fn a_bundle_leads_back_to_its_source_in_a_tree_the_index_a_range_and_the_history() {
    for (end, name) in [("\n//# sourceMappingURL=maps/app.js.map\n", "dist/maps/app.js.map"), ("", "dist/app.js.map")] {
        let place = Place::new();
        let token = github_token(1);
        place.git(&["init", "-q", "-b", "main"]);
        place.git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
        place.write("dist/app.js", bundle(&token, end));
        place.write(name, map(&token, false));
        place.git(&["add", "."]);
        let expected = ("src/settings.ts".to_owned(), 3, 11);
        assert_eq!(from(&report(&place, &["scan", "."])), expected);
        // The work tree does not matter for what is in git.
        std::fs::remove_file(place.path().join(name)).unwrap();
        assert_eq!(from(&report(&place, &["scan", "--staged"])), expected);
        place.git(&["commit", "-qm", "ship"]);
        assert_eq!(from(&report(&place, &["scan", "--range", "HEAD^..HEAD"])), expected);
        assert_eq!(from(&report(&place, &["scan", "--history", "."])), expected);
    }
}

#[test]
fn a_secret_in_source_bundle_and_map_is_one_finding() {
    let place = Place::new();
    let token = github_token(1);
    place.write("src/settings.ts", original(&token));
    place.write("dist/app.js", bundle(&token, "\n//# sourceMappingURL=app.js.map\n"));
    place.write("dist/app.js.map", map(&token, true));
    let report = report(&place, &["scan", "."]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report}");
    let places: Vec<String> = findings[0]["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| {
            let inside = at["place"]["inside"]
                .as_array()
                .map_or(String::new(), |inside| format!("!{}", inside[0]["name"].as_str().unwrap()));
            format!("{}{inside}:{}:{}", at["place"]["path"].as_str().unwrap(), at["line"], at["column"])
        })
        .collect();
    assert_eq!(places, ["dist/app.js:1:13", "dist/app.js.map!src/settings.ts:3:11", "src/settings.ts:3:11"]);
}

#[test]
fn every_format_tells_both_places() {
    let place = Place::new();
    place.write("dist/app.js", bundle(&github_token(1), ""));
    place.write("dist/app.js.map", map(&github_token(1), false));
    for format in ["text", "jsonl", "sarif", "gitlab", "junit", "csv", "github", "markdown", "codequality", "html"] {
        let said = place.stanch(&["scan", "dist", "-f", format]).out;
        assert!(said.contains("dist/app.js") && said.contains("src/settings.ts"), "{format}: {said}");
    }
    let sarif: Value = serde_json::from_str(&place.stanch(&["scan", "dist", "-f", "sarif"]).out).unwrap();
    let original = &sarif["runs"][0]["results"][0]["relatedLocations"][0]["physicalLocation"];
    assert_eq!(
        (&original["artifactLocation"]["uri"], &original["region"]["startLine"]),
        (&"src/settings.ts".into(), &3.into())
    );
}

#[cfg(unix)]
#[test]
fn a_map_is_not_read_through_a_link_that_leads_out() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    let token = github_token(1);
    place.write("outside/app.js.map", map(&token, false));
    place.write("dist/app.js", bundle(&token, "\n//# sourceMappingURL=maps/app.js.map\n"));
    symlink("../outside", place.path().join("dist/maps")).unwrap();
    place.write("other/app.js", bundle(&token, "\n//# sourceMappingURL=../outside/app.js.map\n"));
    place.write("third/app.js", bundle(&token, ""));
    symlink("../outside/app.js.map", place.path().join("third/app.js.map")).unwrap();
    for directory in ["dist", "other", "third"] {
        let report = report(&place, &["scan", directory]);
        let places = report["findings"][0]["occurrences"].as_array().unwrap();
        assert!(places.len() == 1 && places[0]["original"].is_null(), "{directory}: {report}");
    }
    // One that stays inside is followed.
    std::fs::remove_file(place.path().join("dist/maps")).unwrap();
    std::fs::rename(place.path().join("outside"), place.path().join("dist/real")).unwrap();
    symlink("real", place.path().join("dist/maps")).unwrap();
    assert_eq!(from(&report(&place, &["scan", "dist/app.js"])).1, 3);
}

#[test]
fn a_container_that_breaks_counts_where_it_was_asked_for() {
    let place = Place::new();
    place.write("bomb.gz", gzip(&vec![0; 40 << 20]));
    place.write("locked.zip", encrypted());
    place.write("cut.zip", &zip(&[("a.txt", b"some text")])[..60]);
    let ran = place.stanch(&["scan", "."]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for name in ["bomb.gz", "locked.zip", "cut.zip"] {
        assert!(ran.out.contains(name), "{name} is not listed: {}", ran.out);
        assert_eq!(place.stanch(&["scan", name]).code, 3, "{name}");
    }
    // Nor does one that is staged stop a commit, or fail a pull request.
    place.git(&["init", "-q"]);
    place.git(&["add", "."]);
    assert_eq!(place.stanch(&["scan", "--staged"]).code, 0);
    assert_eq!(place.stanch(&["hook", "run", "pre-commit"]).code, 0);
}

#[test]
fn what_a_compressed_file_gains_is_new() {
    let place = Place::new();
    place.git(&["init", "-q"]);
    let lines = |extra: &str| gzip(format!("{}{extra}", "a line like any other\n".repeat(4000)).as_bytes());
    place.write("dump.sql.gz", lines(&format!("k={}\n", github_token(1))));
    place.git(&["add", "."]);
    place.git(&["commit", "-qm", "dump"]);
    place.write("dump.sql.gz", lines(&format!("k={}\nk={}\n", github_token(1), github_token(2))));
    place.git(&["add", "."]);
    let found = report(&place, &["scan", "--staged", "--show-secrets"]);
    let secrets: Vec<&str> =
        found["findings"].as_array().unwrap().iter().map(|f| f["secret"].as_str().unwrap()).collect();
    assert_eq!(secrets, [github_token(2)]);
}

#[test]
fn keys_that_look_alike_are_told_apart_by_their_use() {
    let place = Place::new();
    let google = |seed: u64| format!("{}{}", ["AI", "za"].concat(), &github_token(seed)[4..39]);
    place.write("dist/a.js", format!("f({{apiKey:\"{}\",authDomain:\"x.example.com\"}})\n", google(1)));
    place.write("dist/b.js", format!("fetch(u,{{headers:{{'x-goog-api-key':'{}'}}}})\n", google(2)));
    place.write("dist/z.js", format!("var k='{}';\n", github_token(3)));
    let hex = |byte: u8| char::from(b"0123456789abcdef"[usize::from(byte) % 16]);
    let digits: String = github_token(7).bytes().map(hex).take(32).collect();
    place.write("dist/c.js", format!("var datadog_api_key='{digits}';\n"));
    let ran = place.stanch(&["assets", "dist"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let information = ran.out.find("For information").unwrap();
    assert!(ran.out.find("dist/a.js").unwrap() > information, "{}", ran.out);
    assert!(ran.out.contains("`authDomain` stands beside it; public by design: restrict it"), "{}", ran.out);
    assert!(ran.out.contains("because keys for servers look the same"), "{}", ran.out);
    assert!(ran.out.contains("because shipped: every visitor has this"), "{}", ran.out);
    // Certain keys of servers go first, whatever their files are called.
    let first = ran.out.lines().next().unwrap();
    assert!(
        first == "dist/b.js" && ran.out.find("dist/z.js").unwrap() < ran.out.find("dist/c.js").unwrap(),
        "{}",
        ran.out
    );
    // In a private tree it is a key like any other.
    assert_eq!(place.stanch(&["scan", "dist/a.js"]).code, 1);
}

#[test]
fn a_shipped_map_with_sources_is_told_in_every_format_and_is_no_leak() {
    let place = Place::new();
    place.write("dist/app.js.map", map("nothing", true));
    place.write("dist/small.js.map", map("nothing", false));
    let ran = place.stanch(&["assets", "dist"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let line = "  dist/app.js.map:1:1  Source map with original sources 1 of 1 sources: src/settings.ts (shipped-source-map, info)";
    assert!(ran.out.contains(line) && !ran.out.contains("small"), "{}", ran.out);
    let inline = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, map("nothing", true));
    place.write(
        "dist/app.zip",
        zip(&[("js/a.js", format!("f();\n//# sourceMappingURL=data:application/json;base64,{inline}").as_bytes())]),
    );
    for format in ["json", "jsonl", "sarif", "github", "csv", "markdown", "html"] {
        let ran = place.stanch(&["assets", "dist", "-f", format]);
        assert!(ran.code == 0 && ran.out.contains("shipped-source-map"), "{format}: {}", ran.out);
        // An annotation, and a line of a table, name the first place only.
        assert!(ran.out.contains("js/a.js") || ["github", "markdown"].contains(&format), "{format}: {}", ran.out);
    }
    // Formats that fail a build know leaks only.
    for format in ["gitlab", "junit", "codequality"] {
        assert!(!place.stanch(&["assets", "dist", "-f", format]).out.contains("source-map"), "{format}");
    }
    // Not where nobody says that it is shipped, nor where it is not wanted.
    assert!(!place.stanch(&["scan", "dist"]).out.contains("source-map"));
    assert!(!place.stanch(&["assets", "dist", "--disable-rule", "shipped-source-map"]).out.contains("source-map"));
    place.write("dist/stanch.toml", "[[allow]]\nrules = ['shipped-source-map']\nreason = 'open source'\n");
    let ran = place.stanch(&["assets", "dist", "-f", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(report["findings"].as_array().unwrap().is_empty() && report["suppressed"].as_array().unwrap().len() == 1);
}
