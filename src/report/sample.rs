//! A rich outcome for tests, its secrets made from parts.

use std::sync::Arc;

use bstr::BString;

use crate::model::{
    BlobId, CommitInfo, Confidence, Coverage, Excerpt, Exposure, Finding, Fingerprint, FingerprintKey, Kind,
    LineColumn, Location, ObjectPart, Occurrence, Original, Outcome, Place, Provenance, RuleInfo, Secret, Severity,
    SkipReason, Skipped, Span, Stats, Suppressed, Suppression, Timestamp, UnknownReason, UnusedAllow, Verdict,
};

/// A file name made to attack whoever prints it.
pub(super) const HOSTILE: &[u8] = b"evil\n::stop-commands::x\x1b[2J\xe2\x80\xae\r,=cmd|' /C calc'!A0.txt";

pub(super) fn rule(id: &str, name: &str, severity: Severity, kind: Kind) -> Arc<RuleInfo> {
    Arc::new(RuleInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        provider: id.split('-').next().unwrap_or("generic").to_owned(),
        category: "vcs".to_owned(),
        severity,
        kind,
        remediation: format!("Revoke the {name} in its settings, make a new one, and keep that in a secret store."),
        references: vec![format!("{id} documentation")],
        tags: vec!["token".to_owned()],
        owasp: "API2:2023".to_owned(),
        cwe: "CWE-798".to_owned(),
    })
}

/// An occurrence of `shown` in `before + shown + after`.
pub(super) fn occurrence(place: Place, line: u32, before: &str, shown: &[u8], after: &str) -> Occurrence {
    let start = before.len();
    let text = [before.as_bytes(), shown, after.as_bytes()].concat();
    let column = before.chars().count() as u32 + 1;
    let width = String::from_utf8_lossy(shown).chars().count() as u32;
    Occurrence {
        exposure: match place.provenance {
            Provenance::History { .. } | Provenance::Object { .. } => Exposure::History,
            _ if place.inside.is_empty() => Exposure::Private,
            _ => Exposure::Shipped,
        },
        place,
        location: Location {
            span: Span::new(1000 + start, 1000 + start + shown.len()),
            start: LineColumn { line, column },
            end: LineColumn { line, column: column + width },
        },
        original: None,
        decoded: Vec::new(),
        excerpt: Excerpt {
            text: text.into(),
            secret: Span::new(start, start + shown.len()),
            cut_before: false,
            cut_after: false,
        },
    }
}

pub(super) fn finding(rule: &Arc<RuleInfo>, secret: &[u8], occurrences: Vec<Occurrence>) -> Finding {
    Finding {
        rule: Arc::clone(rule),
        fingerprint: Fingerprint::of(&FingerprintKey::default(), &rule.id, secret),
        secret: Secret::new(secret),
        partner: None,
        severity: rule.severity,
        confidence: Confidence::High,
        probability: None,
        exposure: occurrences.iter().map(|at| at.exposure).max().unwrap_or(Exposure::Private),
        notes: vec!["the checksum is right".into()],
        verdict: Verdict::Unchecked,
        occurrences,
    }
}

pub(super) fn file(path: &[u8]) -> Place {
    Place::plain(Provenance::File { path: path.into() })
}

fn commit(summary: &str) -> Arc<CommitInfo> {
    Arc::new(CommitInfo {
        id: BlobId::of(b"commit"),
        author: "Ann Example\n::error::x".into(),
        email: "ann@example.org".into(),
        date: Timestamp { seconds: 1_700_000_000, offset_minutes: 120 },
        summary: summary.into(),
        at_head: Some(false),
        removed_by: Some(BlobId::of(b"later")),
        refs: [BString::from("refs/heads/main")].into(),
    })
}

/// The secrets of [`outcome`], each with how many first bytes may be shown.
pub(super) fn secrets() -> Vec<(String, usize)> {
    let body = |seed: u32, len: usize| -> String {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(alphabet[(state >> 24) as usize % alphabet.len()])
        };
        (0..len).map(next).collect()
    };
    vec![
        (format!("ghp_{}", body(1, 36)), 4),
        (format!("AKIA{}", body(2, 16)), 4),
        (body(3, 40), 0),
        (format!("pa$$&w/rd\"{}", body(4, 12)), 0),
        (format!("sk_live_{}", body(5, 99)), 8),
        (format!("pk_live_{}", body(6, 40)), 8),
        (format!("eyJ{}", body(7, 60)), 3),
    ]
}

/// Everything an outcome can hold, with hostile names and several secrets on one line.
pub(super) fn outcome() -> Outcome {
    let secrets: Vec<String> = secrets().into_iter().map(|(secret, _)| secret).collect();
    let [github, key_id, key, password, stripe, publishable, jwt] = &secrets[..] else { panic!("seven secrets") };
    let mut outcome = Outcome { findings: findings(&secrets), ..Outcome::default() };
    let stripe_rule = rule("stripe-live", "Stripe live key", Severity::High, Kind::Secret);
    let hidden = |why, at: &str| Suppressed {
        finding: finding(
            &stripe_rule,
            stripe.as_bytes(),
            vec![occurrence(file(at.as_bytes()), 3, "k=", stripe.as_bytes(), "")],
        ),
        why,
    };
    let inline = Suppression::Inline { mark: "stanch:allow".into(), reason: format!("test key {stripe}") };
    outcome.suppressed = vec![
        hidden(inline, "tests/a.rs"),
        hidden(Suppression::Allowlist { entry: "stanch.toml:4".into(), reason: "docs".into() }, "docs/a.md"),
        hidden(Suppression::Baseline { file: ".stanch-baseline".into(), reason: String::new() }, "old.cfg"),
        hidden(Suppression::Rejected { reason: "placeholder".into() }, "example.env"),
    ];
    let skip = |what: &[u8], reason, asked| Skipped { what: what.into(), reason, asked };
    outcome.skipped = vec![
        skip(HOSTILE, SkipReason::Unreadable("permission denied".into()), true),
        skip(b"big\xff.bin", SkipReason::TooLarge { size: 300 << 20, limit: 256 << 20 }, false),
        skip(b"link", SkipReason::NotAFile("symbolic link"), false),
        skip(format!("dir/{jwt}").as_bytes(), SkipReason::Vanished, false),
    ];
    outcome.unused_allows =
        vec![UnusedAllow { entry: "stanch.toml:9".into(), why: format!("matched nothing ({password}{key})") }];
    outcome.coverage =
        Coverage { asked: vec!["tree .".into()], items: 1204, members: 12, bytes: 12_345_678, commits: 35 };
    outcome.stats = Stats { anchors: 9876, regexes: 543 };
    let _ = (github, key_id, publishable);
    outcome
}

fn findings(secrets: &[String]) -> Vec<Finding> {
    let [github, key_id, key, password, stripe, publishable, jwt] = secrets else { panic!("seven secrets") };
    let (github_bytes, key_bytes) = (github.as_bytes(), key.as_bytes());
    let github_rule = rule("github-pat", "GitHub personal access token", Severity::Critical, Kind::Secret);
    let line = format!("  GITHUB_TOKEN={github} STRIPE={stripe} # and again ");
    let mut places =
        vec![occurrence(file(b"src/prod.env"), 12, "\t日本 GITHUB_TOKEN=", github_bytes, &format!("{line}{github}"))];
    places.extend((0..8).map(|n| occurrence(file(format!("copy{n}.env").as_bytes()), 1, "", github_bytes, "")));
    let mut first = finding(&github_rule, github_bytes, places);
    first.verdict = Verdict::Live;

    let aws = rule("aws-secret-key", "AWS secret access key", Severity::High, Kind::Secret);
    let inner = Place {
        provenance: Provenance::File { path: "dist/app one.zip".into() },
        inside: vec!["js/app.js.map".into(), HOSTILE.into()],
    };
    let mut at = occurrence(inner, 2, &format!("{{id:'{key_id}',key:'"), b"c2VjcmV0LXJ1bg", "'}");
    at.decoded = vec!["base64"];
    at.original = Some(Original { path: "webpack:///src/s.ts".into(), at: LineColumn { line: 7, column: 3 } });
    let mut second = finding(&aws, key_bytes, vec![at]);
    second.partner = Some(Secret::new(key_id.as_bytes()));

    let generic = rule("generic-password", "Generic password", Severity::Medium, Kind::Secret);
    let blob = BlobId::of(b"x");
    let summary = format!("Add {key} to <b>config</b> | [x](y)");
    let past = Provenance::History { path: HOSTILE.into(), blob, commit: Some(commit(&summary)) };
    let quoted = password.replace('&', "%26");
    let at = occurrence(Place::plain(past), 40, "password: ", password.as_bytes(), &format!(" url=u:{quoted}@h"));
    let mut third = finding(&generic, password.as_bytes(), vec![at]);
    third.probability = Some(0.934_56);
    third.confidence = Confidence::Medium;
    third.verdict = Verdict::Unknown(UnknownReason("timeout\x1b[0m".into()));

    let jwt_rule = rule("jwt", "JSON Web Token", Severity::Low, Kind::Secret);
    let message = Provenance::Object {
        part: ObjectPart::RefName,
        id: None,
        name: format!("refs/heads/{jwt}").into(),
        commit: None,
    };
    let fourth = finding(
        &jwt_rule,
        jwt.as_bytes(),
        vec![
            occurrence(Place::plain(message), 1, "refs/heads/", jwt.as_bytes(), ""),
            occurrence(Place::plain(Provenance::Stdin), 5, "Authorization: ", jwt.as_bytes(), ""),
        ],
    );

    let public = rule("stripe-publishable", "Stripe publishable key", Severity::Info, Kind::Publishable);
    let fifth = finding(
        &public,
        publishable.as_bytes(),
        vec![occurrence(
            Place::plain(Provenance::Staged { path: b"caf\xe9.js".into(), blob }),
            9,
            "Stripe('",
            publishable.as_bytes(),
            "')",
        )],
    );
    vec![first, second, third, fourth, fifth]
}
