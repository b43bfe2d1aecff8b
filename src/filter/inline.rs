//! `stanch:allow` comments, and the peers' own, on the matching line or the line before.

use std::sync::LazyLock;

use bstr::ByteSlice;
use memchr::memmem::Finder;

use crate::model::{Span, Suppression};

/// How far from the secret a mark may stand on its line: lines of bundles have megabytes.
const REACH: usize = 2048;

/// Marks that hold for their own line.
const SAME_LINE: &[&str] = &[
    "gitleaks:allow",
    "betterleaks:allow",
    "trufflehog:ignore",
    "kingfisher:ignore",
    "pragma: allowlist secret",
    "pragma: whitelist secret",
    "ggignore",
    "secretlint-disable-line",
];

/// Marks that hold for the line after.
const NEXT_LINE: &[&str] = &["pragma: allowlist nextline secret", "secretlint-disable-next-line"];

const OURS: &str = "stanch:allow";

/// One of these is in every mark: most lines have none.
static SIGNS: LazyLock<[Finder<'static>; 4]> =
    LazyLock::new(|| ["allow", "ignore", "disable", "pragma"].map(Finder::new));

/// Why a secret is allowed by a comment, where it is. `is_rule` tells whether a word is the rule, or another rule's id.
#[must_use]
pub fn check(text: &[u8], secret: Span, rule: &str, is_other_rule: &dyn Fn(&str) -> bool) -> Option<Suppression> {
    // No further than a mark may stand: a line may have megabytes, and thousands of findings.
    let (from, until) = (secret.start.saturating_sub(REACH), text.len().min(secret.end + REACH));
    let newline = text[from..secret.start].rfind_byte(b'\n').map(|newline| from + newline);
    let end = text[secret.end..until].find_byte(b'\n').map_or(until, |newline| secret.end + newline);
    let line = &text[newline.map_or(from, |newline| newline + 1)..end];
    let before = newline.map_or(&text[..0], |end| {
        let before = &text[end.saturating_sub(REACH)..end];
        &before[before.rfind_byte(b'\n').map_or(0, |newline| newline + 1)..]
    });
    let has_sign = |line: &[u8]| SIGNS.iter().any(|sign| sign.find(line).is_some());
    if !has_sign(line) && !has_sign(before) {
        return None;
    }
    let same = SAME_LINE.iter().find(|mark| holds(line, mark));
    let next = NEXT_LINE.iter().find(|mark| holds(before, mark));
    if let Some(mark) = same.or(next) {
        return Some(Suppression::Inline { mark: (*mark).to_owned(), reason: String::new() });
    }
    ours(line, rule, is_other_rule).or_else(|| ours(before, rule, is_other_rule))
}

fn holds(line: &[u8], mark: &str) -> bool {
    line.find(mark).is_some()
}

fn ours(line: &[u8], rule: &str, is_other_rule: &dyn Fn(&str) -> bool) -> Option<Suppression> {
    let at = line.find(OURS)?;
    let rest = line[at + OURS.len()..].to_str_lossy();
    // The comment's own end is no part of the reason.
    let rest = rest
        .trim_end_matches(['*', '/', '-', '>', '}', '#', '%', ' ', '\t', '\r'])
        .trim_start_matches([':', ' ', '\t']);
    let first = rest.split_whitespace().next().unwrap_or("");
    let reason = if first == rule {
        rest[first.len()..].trim()
    } else if is_other_rule(first) {
        return None;
    } else {
        rest
    };
    Some(Suppression::Inline { mark: OURS.to_owned(), reason: reason.chars().take(200).collect() })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::model::{Span, Suppression};

    fn reason(text: &str) -> Option<String> {
        let start = text.find("SECRET").unwrap();
        match check(text.as_bytes(), Span::new(start, start + 6), "acme-key", &|word| word == "other-key")? {
            Suppression::Inline { reason, .. } => Some(reason),
            _ => unreachable!(),
        }
    }

    #[test]
    fn every_mark_has_a_sign() {
        let marks = super::SAME_LINE.iter().chain(super::NEXT_LINE).chain([&super::OURS]);
        assert!(marks.into_iter().all(|mark| super::SIGNS.iter().any(|sign| sign.find(mark.as_bytes()).is_some())));
    }

    #[test]
    fn marks_hold_for_their_line_or_the_next() {
        let silent = Some(String::new());
        assert_eq!(reason("k = SECRET # stanch:allow"), silent);
        assert_eq!(reason("k = SECRET # stanch:allow acme-key a test key"), Some("a test key".into()));
        assert_eq!(reason("k = SECRET /* stanch:allow not in use */"), Some("not in use".into()));
        assert_eq!(reason("<!-- stanch:allow sample -->\nk = SECRET"), Some("sample".into()));
        assert_eq!(reason("k = SECRET # stanch:allow other-key"), None);
        assert_eq!(reason("# stanch:allow\n\nk = SECRET"), None);
        assert_eq!(reason("k = SECRET\n# stanch:allow"), None);
        assert_eq!(reason("k = SECRET // gitleaks:allow"), silent);
        assert_eq!(reason("# gitleaks:allow\nk = SECRET"), None);
        assert_eq!(reason("# pragma: allowlist nextline secret\nk = SECRET"), silent);
        assert_eq!(reason("k = SECRET  # pragma: allowlist secret"), silent);
        assert_eq!(reason("k = SECRET"), None);
    }
}
