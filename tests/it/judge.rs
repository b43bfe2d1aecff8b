//! What the judge of names and values reports at which confidence, by the program itself.

use crate::runner::Place;

/// A random-looking text that no one ever issued; another for each `seed`.
fn random(seed: u64, length: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5ca1_ab1e;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[(state >> 33) as usize % 62])
    };
    (0..length).map(step).collect()
}

#[test]
fn random_strings_without_a_telling_name_are_reported_at_low_only() {
    let place = Place::new();
    let call = |seed| format!("start(\"{}\")\n", random(seed, 40));
    place.write("src/a.py", (0..8).map(call).collect::<String>());
    let line = |seed: u64| format!("colour{seed}={}\n", random(seed + 100, 40));
    place.write("conf/a.env", (0..8).map(line).collect::<String>());
    // Neither a literal nor a configuration file; a name that explains it; a word that is none.
    place.write("notes.txt", (0..8).map(|seed| format!("see {}\n", random(seed + 200, 40))).collect::<String>());
    place.write("src/b.py", (0..8).map(|seed| format!("sha = \"{}\"\n", random(seed + 300, 40))).collect::<String>());
    place.write("src/c.py", "start(\"org.acme.security.oauth2.Encoder2\")\n".repeat(8));

    for confidence in ["medium", "high"] {
        assert_eq!(place.findings(&["scan", ".", "--confidence", confidence]), [], "{confidence}");
    }
    let found = place.findings(&["scan", ".", "--confidence", "low"]);
    assert!(found.iter().all(|(rule, _, _)| rule == "high-entropy"), "{found:?}");
    let of = |path: &str| found.iter().filter(|(_, found, _)| found == path).count();
    assert!(of("src/a.py") >= 6 && of("conf/a.env") >= 6, "{found:?}");
    assert_eq!(of("src/a.py") + of("conf/a.env"), found.len(), "{found:?}");
}

#[test]
fn what_the_judge_reports_is_not_reported_as_random_too() {
    let place = Place::new();
    place.write("a.py", format!("db_password = \"{}\"\n", random(7, 24)));
    let found = place.findings(&["scan", ".", "--confidence", "low"]);
    assert_eq!(found, [("generic-password".to_owned(), "a.py".to_owned(), 1)]);
}

#[test]
fn an_encrypted_key_stops_nobody_at_a_hook() {
    let place = Place::new();
    let body = (0..20).map(|seed| random(seed, 64) + "\n").collect::<String>();
    let mark = |side: &str| format!("-----{side} RSA PRIVATE {}-----\n", "KEY");
    let head = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n";
    place.write("id.pem", format!("{}{head}{body}{}", mark("BEGIN"), mark("END")));
    assert_eq!(place.findings(&["scan", ".", "--confidence", "high"]), []);
    assert_eq!(place.findings(&["scan", "."]), [("private-key-pem".to_owned(), "id.pem".to_owned(), 1)]);
}

#[test]
fn what_is_named_after_a_provider_must_have_one_of_its_formats_to_be_reported_at_medium() {
    let place = Place::new();
    // Instamojo's have forty letters and digits.
    place.write("a.py", format!("instamojo_token = \"{}\"\n", random(3, 31)));
    assert_eq!(place.findings(&["scan", "."]), []);
    let low = place.findings(&["scan", ".", "--confidence", "low"]);
    assert_eq!(low, [("generic-token".to_owned(), "a.py".to_owned(), 1)]);

    place.write("a.py", format!("instamojo_token = \"{}\"\n", random(3, 40)));
    assert_eq!(place.findings(&["scan", "."]), [("instamojo-api-key".to_owned(), "a.py".to_owned(), 1)]);
    place.write("a.py", format!("our_shop_token = \"{}\"\n", random(3, 31)));
    assert_eq!(place.findings(&["scan", "."]), [("generic-token".to_owned(), "a.py".to_owned(), 1)]);
    // A password is whatever somebody chose.
    place.write("a.py", format!("instamojo_password = \"{}\"\n", random(3, 31)));
    assert_eq!(place.findings(&["scan", "."]), [("generic-password".to_owned(), "a.py".to_owned(), 1)]);
}

#[test]
fn numbers_of_code_and_tokens_of_badges_are_no_secrets() {
    let place = Place::new();
    place.write("a.rs", "let seed = 0x9e37_79b9_7f4a_7c15u64;\nlet mut secret = 0x243f_6a88_85a3_08d3u64;\n");
    let badge =
        format!("[![cov](https://codecov.io/gh/a/b/graph/badge.svg?token={})](https://codecov.io)\n", random(5, 10));
    place.write("README.md", badge);
    assert_eq!(place.findings(&["scan", ".", "--confidence", "low"]), []);
}
