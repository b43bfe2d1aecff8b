//! What holds for every format.

mod machine;

use base64::Engine as _;
use proptest::prelude::*;

use super::{Format, Style, document, read_json, sample, write, write_document};
use crate::model::{Kind, Outcome, Severity};

pub(super) fn rendered(format: Format, outcome: &Outcome, style: &Style) -> String {
    let mut bytes = Vec::new();
    write(format, outcome, style, &mut bytes).expect("a vector takes all");
    String::from_utf8(bytes).expect("reports are UTF-8")
}

/// Every style that a format may look different in.
fn styles() -> Vec<Style> {
    let plain = Style::default();
    let full = Style { color: true, explain: true, suppressed: true, width: 0, ..Style::default() };
    let narrow = Style { explain: true, width: 30, ..Style::default() };
    vec![plain, full, narrow]
}

/// Fails if any six bytes of the secret after its shown prefix are in the text, plainly or in Base64 or hexadecimal.
fn assert_hidden(text: &str, secret: &str, shown: usize, format: Format) {
    let hidden = &secret.as_bytes()[shown..];
    for window in hidden.windows(6) {
        let part = std::str::from_utf8(window).expect("ASCII");
        assert!(!text.contains(part), "{format} shows {part} of {secret}");
    }
    let coded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
    assert!(!text.contains(&coded[8..]), "{format} shows {secret} in Base64");
}

#[test]
fn no_format_shows_a_secret() {
    let outcome = sample::outcome();
    for &format in Format::ALL {
        for style in styles() {
            let text = rendered(format, &outcome, &style);
            for (secret, shown) in sample::secrets() {
                assert_hidden(&text, &secret, shown, format);
            }
            assert!(!text.contains("c2VjcmV0LXJ1bg"), "{format} shows the encoded run");
        }
    }
}

#[test]
fn asked_for_secrets_are_shown() {
    let outcome = sample::outcome();
    let style = Style { show_secrets: true, ..Style::default() };
    let (secret, _) = &sample::secrets()[0];
    for format in [Format::Text, Format::Json, Format::Jsonl, Format::Sarif] {
        assert!(rendered(format, &outcome, &style).contains(secret), "{format}");
    }
}

#[test]
fn no_format_lets_a_name_act() {
    let outcome = sample::outcome();
    for &format in Format::ALL {
        for style in styles().into_iter().filter(|style| !style.color) {
            let text = rendered(format, &outcome, &style);
            for line in text.split(['\n', '\r']) {
                assert!(!line.trim_start().starts_with("::stop-commands"), "{format}: {line}");
                let own = format == Format::Github && line.trim_start().starts_with("::");
                assert!(own || !line.trim_start().starts_with("::error"), "{format}: {line}");
            }
            let bad = |c: char| (c.is_control() && !matches!(c, '\n' | '\r')) || c == '\u{202e}';
            assert!(!text.contains(bad), "{format}");
            assert!(!text.replace("\r\n", "\n").contains('\r'), "{format}");
        }
    }
}

#[test]
fn the_same_outcome_gives_the_same_bytes() {
    for &format in Format::ALL {
        for style in styles() {
            let (one, two) = (sample::outcome(), sample::outcome());
            assert_eq!(rendered(format, &one, &style), rendered(format, &two, &style), "{format}");
        }
    }
}

#[test]
fn an_empty_outcome_is_a_report_too() {
    for &format in Format::ALL {
        assert!(!rendered(format, &Outcome::default(), &Style::default()).trim().is_empty(), "{format}");
    }
}

#[test]
fn a_json_report_converts_to_every_format_as_if_it_were_direct() {
    let outcome = sample::outcome();
    let style = Style { suppressed: true, explain: true, ..Style::default() };
    let read = read_json(rendered(Format::Json, &outcome, &style).as_bytes()).expect("our own report");
    assert_eq!(read, document(&outcome, &style));
    for &format in Format::ALL {
        let mut bytes = Vec::new();
        write_document(format, &read, &style, &mut bytes).expect("a vector takes all");
        assert_eq!(String::from_utf8_lossy(&bytes), rendered(format, &outcome, &style), "{format}");
    }
}

#[test]
fn a_report_that_is_read_back_is_not_trusted() {
    let text = rendered(Format::Json, &sample::outcome(), &Style::default());
    let text = text.replace("src/prod.env", "a\\n::stop-commands::x\\u001b[2J");
    let read = read_json(text.as_bytes()).expect("still a report");
    for &format in Format::ALL {
        let mut bytes = Vec::new();
        write_document(format, &read, &Style::default(), &mut bytes).expect("a vector takes all");
        let shown = String::from_utf8_lossy(&bytes);
        assert!(!shown.contains('\x1b') && !shown.contains("\n::stop-commands"), "{format}");
    }
    let error = read_json(b"{\"schema\":\"other\\u001b\"}").expect_err("another schema");
    assert!(error.to_string().contains("other\\\\x1b"), "{error}");
    assert!(read_json(b"[]").is_err() && read_json(b"\xff").is_err());
}

#[test]
fn a_wrong_format_names_the_nearest() {
    let error = "sarfi".parse::<Format>().expect_err("no such format");
    assert_eq!(error.nearest, "sarif");
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(*format));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two secrets on lines that repeat, cut, encode and mix them.
    #[test]
    fn secrets_stay_hidden_on_any_line(
        first in "[A-Za-z]{3}[0-9][A-Za-z0-9+/=&%\"]{8,40}",
        second in "[0-9a-z!#$]{6,24}",
        noise in "\\PC{0,20}",
        cut in 0usize..12,
        encode in 0usize..5,
    ) {
        prop_assume!(!noise.as_bytes().windows(6).any(|w| first.as_bytes().windows(6).any(|v| v == w)));
        let rule = sample::rule("generic", "Generic", Severity::High, Kind::Secret);
        let other = match encode {
            0 => first.clone(),
            1 => base64::engine::general_purpose::STANDARD.encode(format!("a{first}b")),
            2 => first.bytes().map(|b| format!("{b:02x}")).collect(),
            3 => first.bytes().map(|b| format!("%{b:02X}")).collect(),
            _ => first.replace('"', "\\\""),
        };
        let after = format!(" {noise} {other} {second} {}", &second[..second.len() - cut.min(second.len())]);
        let mut place = sample::occurrence(sample::file(b"a"), 1, &noise, first.as_bytes(), &after);
        place.excerpt.cut_after = true;
        let beside = sample::occurrence(sample::file(b"a"), 1, "x ", second.as_bytes(), &format!(" {first}"));
        let outcome = Outcome {
            findings: vec![
                sample::finding(&rule, first.as_bytes(), vec![place]),
                sample::finding(&rule, second.as_bytes(), vec![beside]),
            ],
            ..Outcome::default()
        };
        for format in [Format::Text, Format::Json] {
            let text = rendered(format, &outcome, &Style { width: 0, ..Style::default() });
            for secret in [&first, &second] {
                for window in secret.as_bytes().windows(6) {
                    let part = std::str::from_utf8(window).expect("ASCII");
                    prop_assert!(!text.contains(part), "{format} shows {part:?} of {secret:?} in\n{text}");
                }
            }
            if encode == 2 {
                prop_assert!(!text.contains(&other));
            }
        }
    }
}

/// Writes each format to a directory for a person, or a validator, to look at: `STANCH_SAMPLES=DIR cargo test -- --ignored`.
#[test]
#[ignore = "writes files, for looking at"]
fn write_samples() {
    let Some(directory) = std::env::var_os("STANCH_SAMPLES") else { return };
    for &format in Format::ALL {
        for (name, style) in ["plain", "full", "narrow"].iter().zip(styles()) {
            let path = std::path::Path::new(&directory).join(format!("{name}.{format}"));
            std::fs::write(path, rendered(format, &sample::outcome(), &style)).expect("a writable directory");
        }
    }
}

/// The whole page once, as people see it; a change here is to be looked at.
#[test]
fn the_text_report_reads_well() {
    let mut outcome = sample::outcome();
    outcome.findings.truncate(1);
    outcome.findings[0].occurrences.truncate(3);
    outcome.suppressed.clear();
    outcome.skipped.truncate(1);
    outcome.skipped[0].what = "locked.db".into();
    outcome.unused_allows.clear();
    let text = rendered(Format::Text, &outcome, &Style { width: 72, ..Style::default() });
    let expect = "\
src/prod.env
  12:18    critical  GitHub personal access token
    12 | 日本 GITHUB_TOKEN=ghp_********  GITHUB_TOKEN=******** STR...
       |                   ^^^^^^^^^^^^
       = github-pat, high confidence, LIVE: it still works
       = also at copy0.env:1:1
       = also at copy1.env:1:1
       = fingerprint fad7b1a6e0d1c46e21b591c7e6fa20c6

Not scanned
  locked.db: cannot be read: permission denied

What to do
  github-pat
    Revoke the GitHub personal access token in its settings, make a new
    one, and keep that in a secret store.

1 leak in 3 places (1 critical)
Read 1,204 items (12 more inside containers) in 35 commits, 12.3 MB; INCOMPLETE: 1 item not scanned
";
    assert_eq!(text, expect, "\n{text}");
}

#[test]
fn a_fact_is_shown_and_its_words_are_not_masked_in_paths() {
    let rule = sample::rule("source-map", "Shipped source map", Severity::Info, Kind::Info);
    let place = sample::occurrence(sample::file(b"dist/app.js.map"), 1, "//# sourceMappingURL=", b"app.js.map", "");
    let outcome = Outcome { findings: vec![sample::finding(&rule, b"app.js.map", vec![place])], ..Outcome::default() };
    let text = rendered(Format::Text, &outcome, &Style::default());
    assert!(text.contains("dist/app.js.map:1:22") && text.contains("Shipped source map app.js.map"), "{text}");
}

#[test]
fn a_plain_word_is_masked_where_it_is_the_secret_but_not_in_paths() {
    let rule = sample::rule("database-url", "Database URL", Severity::High, Kind::Secret);
    let mut place =
        sample::occurrence(sample::file(b"docker/postgres/x.yml"), 1, "postgres://postgres:", b"postgres", "@h");
    place.excerpt.cut_after = true;
    let mut finding = sample::finding(&rule, b"postgres", vec![place]);
    finding.notes = vec!["postgres is a weak password".into()];
    let outcome = Outcome { findings: vec![finding], ..Outcome::default() };
    let text = rendered(Format::Text, &outcome, &Style { explain: true, ..Style::default() });
    assert!(text.contains("docker/postgres/x.yml"), "{text}");
    assert_eq!(text.matches("postgres").count(), 1, "{text}");
}

fn corrupt(value: &mut serde_json::Value, number: u64) {
    match value {
        serde_json::Value::Number(old) if !old.is_f64() => *value = number.into(),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| corrupt(item, number)),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| corrupt(field, number)),
        _ => {}
    }
}

#[test]
fn a_report_with_absurd_numbers_is_still_written() {
    let style = Style { suppressed: true, explain: true, ..Style::default() };
    let whole = rendered(Format::Json, &sample::outcome(), &style);
    for (number, parts) in
        [(u64::from(u32::MAX), vec![""]), (0, vec![""]), (u64::MAX, vec!["/summary", "/coverage", "/stats"])]
    {
        let mut value: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        for part in parts {
            corrupt(value.pointer_mut(part).expect("a part"), number);
        }
        let read = read_json(value.to_string().as_bytes()).expect("of the right shape");
        for &format in Format::ALL {
            write_document(format, &read, &style, &mut Vec::new()).expect("a vector takes all");
        }
    }
}

#[test]
fn a_long_encoded_run_is_masked_beyond_the_cut_of_its_excerpt() {
    let rule = sample::rule("vendor-key", "Vendor key", Severity::High, Kind::Secret);
    let run: String = (0..100).map(|n: u32| format!("{:04x}", n.wrapping_mul(40_503) & 0xffff)).collect();
    let mut place = sample::occurrence(sample::file(b"a"), 1, "x=", run.as_bytes(), "\r");
    place.excerpt.secret.end = place.excerpt.secret.start + 256;
    place.decoded = vec!["hex"];
    let outcome = Outcome { findings: vec![sample::finding(&rule, b"decoded", vec![place])], ..Outcome::default() };
    let text = rendered(Format::Text, &outcome, &Style { width: 0, ..Style::default() });
    assert!(text.contains("| x=********\n"), "{text}");
}
