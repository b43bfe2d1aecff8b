//! Values that are words of code or of settings: variables, types, encodings, members of lists, lines of other files.
//!
//! What is plain by form is none at all; what a password might be by chance is shown at *low* only.

use super::{
    AFTER, Operator, Proposal, ProposalKind, Quote, lex,
    refuse::{before_key, behind, last_words, run_before},
};
use crate::detect::entropy::{ends_caseless, holds, holds_caseless, is_word};

/// Whether a value is none by its form.
pub(super) fn is_none(hay: &[u8], p: &Proposal) -> bool {
    let value = p.value.of(hay);
    is_selector(value)
        || is_escape(value)
        || holds(value, b":x:0:0:")
        || value.starts_with(b"UUID=")
        || is_moment(value)
        || is_point(value)
        || is_rising(value)
        || is_fingerprint_of_ssh(value)
        || is_agent(p, value)
        || is_nonce(hay, p)
        || is_inside_a_blob(hay, p)
        || is_encoding(value)
        || is_member_of_a_list(hay, p)
}

/// Whether a value that the judge thinks likely is shown at *low* only.
pub(super) fn for_low(hay: &[u8], p: &Proposal, path: &[u8]) -> bool {
    let value = p.value.of(hay);
    is_setting(p, value)
        || is_yours(p, value)
        || is_sealed(value)
        || is_variable(p, value, path)
        || is_type(hay, p, path)
        || is_document(p, value)
        || is_short_id_of_key(hay, p)
        || is_directory(p.key.of(hay), value)
        || is_digest_of_nothing(value)
}

/// Part of a name in Objective-C: `initWithUser:password:persistence:`.
fn is_selector(value: &[u8]) -> bool {
    value.strip_suffix(b":").is_some_and(|word| word.iter().all(u8::is_ascii_alphabetic))
}

/// What colours a terminal.
fn is_escape(value: &[u8]) -> bool {
    [&b"\\033["[..], b"\\x1b[", b"\\u001b[", b"\\e[", b"\x1b["].iter().any(|start| value.starts_with(start))
}

/// `2026-07-02 09:51:24 UTC`
fn is_moment(value: &[u8]) -> bool {
    const FORM: &[u8] = b"0000-00-00 00:00";
    value.len() >= FORM.len()
        && FORM.iter().zip(value).all(|(&form, &b)| match form {
            b'0' => b.is_ascii_digit(),
            b' ' => matches!(b, b' ' | b'T'),
            sign => b == sign,
        })
}

/// A point of a curve in hex, compressed or whole: a public key.
fn is_point(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    let form = match digits.len() {
        66 => digits.starts_with(b"02") || digits.starts_with(b"03"),
        130 => digits.starts_with(b"04"),
        _ => false,
    };
    form && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Eight numbers and more, each larger than the one before: pages, places in a list.
fn is_rising(value: &[u8]) -> bool {
    let mut last = None;
    let mut count = 0;
    for part in value.split(|&b| b == b',') {
        let Some(next) = std::str::from_utf8(part.trim_ascii()).ok().and_then(|text| text.parse::<u32>().ok()) else {
            return false;
        };
        if last.is_some_and(|last| next <= last) {
            return false;
        }
        (last, count) = (Some(next), count + 1);
    }
    count >= 8
}

/// `SHA256:` and a digest without its padding: how OpenSSH shows a public key.
fn is_fingerprint_of_ssh(value: &[u8]) -> bool {
    value.strip_prefix(b"SHA256:").is_some_and(|digest| digest.len() == 43)
}

/// What a crawler calls itself: `http://crawler.example.org;+agent@example.org`.
fn is_agent(p: &Proposal, value: &[u8]) -> bool {
    p.operator == Operator::Userinfo && p.value.start == p.anchor.end && holds(value, b";+")
}

/// What a server makes up for each request: `WWW-Authenticate: Digest nonce="…"`, `oauth_nonce="…"`.
fn is_nonce(hay: &[u8], p: &Proposal) -> bool {
    let before = &hay[p.value.start.saturating_sub(8).max(p.key.start.min(p.value.start))..p.value.start];
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    ends_caseless(before.strip_suffix(b"\\").unwrap_or(before), b"nonce=")
}

/// Two letters by chance in text in base85, and what follows the equals sign.
fn is_inside_a_blob(hay: &[u8], p: &Proposal) -> bool {
    const SIGNS: &[u8] = b"{}<>^`|~!*";
    if p.quote != Quote::None || p.key.len() > 4 || p.operator != Operator::Assign {
        return false;
    }
    let before = run_before(hay, p);
    let signs = |text: &[u8]| text.iter().filter(|b| SIGNS.contains(b)).count();
    before.len() >= 16 && signs(before) >= 2 && signs(p.value.of(hay)) >= 1
}

/// `password.encode('utf-16-le')`
fn is_encoding(value: &[u8]) -> bool {
    const NAMES: &[&str] = &["utf8", "utf16", "utf16le", "utf16be", "utf32", "ascii", "latin1", "latin", "iso88591"];
    let mut name = [0; 10];
    let mut len = 0;
    for b in value.iter().filter(|b| !matches!(b, b'-' | b'_')) {
        if len == name.len() {
            return false;
        }
        name[len] = b.to_ascii_lowercase();
        len += 1;
    }
    NAMES.iter().any(|known| name[..len] == *known.as_bytes())
}

/// One of many: constants (`"TLS", "NATIVE_PASSWORD", "SCRAM_SHA_256"`), ids that are as long as their neighbour, the last
/// name of a tuple (`'password', 'remote_dns')`).
fn is_member_of_a_list(hay: &[u8], p: &Proposal) -> bool {
    if p.operator != Operator::Argument || hay[p.key.start] == b'-' {
        return false;
    }
    let (key, value) = (p.key.of(hay), p.value.of(hay));
    let is_quote = |b: Option<&u8>| matches!(b, Some(b'"' | b'\'' | b'\\'));
    let before = before_key(hay, p).split_last().map_or(&[][..], |(_, rest)| rest);
    let before = before.strip_suffix(b"\\").unwrap_or(before).trim_ascii_end();
    let previous = before.strip_suffix(b",").map(<[u8]>::trim_ascii_end);
    let mut after = behind(hay, p, 40);
    while let [b'"' | b'\'' | b'\\', rest @ ..] = after {
        after = rest;
    }
    let after = after.trim_ascii_start();
    let next = after.strip_prefix(b",").map(<[u8]>::trim_ascii_start);
    let is_constant = |text: &[u8]| {
        text.contains(&b'_') && text.iter().all(|&b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let is_name = |text: &[u8]| text.contains(&b'_') && text.iter().all(|&b| b.is_ascii_lowercase() || b == b'_');
    let follows = is_quote(previous.and_then(<[u8]>::last));
    let is_followed = is_quote(next.and_then(<[u8]>::first));
    let is_id = |text: &[u8]| text.len() <= 12 && text.iter().all(u8::is_ascii_alphanumeric);
    (follows || is_followed) && is_constant(key) && is_constant(value)
        || follows && is_name(value) && after.starts_with(b")")
        || follows
            && is_followed
            && key.len() == value.len()
            && is_id(key)
            && is_id(value)
            && key.iter().any(u8::is_ascii_digit)
}

/// A word that says when or whether, not what: `update_password: always`.
fn is_setting(p: &Proposal, value: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "always",
        "never",
        "on_create",
        "auto",
        "automatic",
        "disable",
        "disabled",
        "enable",
        "enabled",
        "unavailable",
        "redacted",
        "optional",
    ];
    !p.kind.is_made() && WORDS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// `yourpassword`, to be filled in.
fn is_yours(p: &Proposal, value: &[u8]) -> bool {
    p.operator != Operator::Userinfo
        && value.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"your"))
        && value.iter().all(u8::is_ascii_alphabetic)
        && [&b"password"[..], b"secret", b"token", b"key", b"passphrase"].iter().any(|end| ends_caseless(value, end))
}

/// Hashes of passwords as databases keep them: of MySQL, of PostgreSQL, with the salt between dollars.
fn is_sealed(value: &[u8]) -> bool {
    let hex = |text: &[u8], len: usize| text.len() == len && text.iter().all(u8::is_ascii_hexdigit);
    value.strip_prefix(b"*").is_some_and(|digits| hex(digits, 40))
        || value.strip_prefix(b"md5").is_some_and(|digits| hex(digits, 32))
        || value.strip_prefix(b"md5$").is_some_and(|rest| rest.contains(&b'$'))
        || value.starts_with(b"NACL[")
}

/// Where a shell stands: `…:/usr/binPWD=/app`.
fn is_directory(key: &[u8], value: &[u8]) -> bool {
    value.starts_with(b"/") && key.strip_suffix(b"PWD").is_some_and(|before| before.last() != Some(&b'_'))
}

/// MD5, SHA-1 and SHA-256 of no bytes.
fn is_digest_of_nothing(value: &[u8]) -> bool {
    ["d41d8cd98f00b204", "da39a3ee5e6b4b0d", "e3b0c44298fc1c14"].iter().any(|head| value.starts_with(head.as_bytes()))
}

/// A variable, in languages whose strings have quotes: `password=user3_pwd,`.
fn is_variable(p: &Proposal, value: &[u8], path: &[u8]) -> bool {
    const LAST: &[&str] = &["pwd", "pass", "password", "passwd", "passphrase", "key", "token", "secret", "utf"];
    p.quote == Quote::None
        && p.operator == Operator::Assign
        && value.contains(&b'_')
        && value.iter().all(|&b| is_word(b))
        && is_source(path, &["py", "js", "ts", "go", "java", "rs", "rb", "c", "cc", "cpp", "cs", "kt", "swift"])
        && LAST.iter().any(|last| last_words(value).0.eq_ignore_ascii_case(last.as_bytes()))
}

/// The type of an argument, and what a method is called on: `password: Uint8Array | string`, `= GF2Matrix.create(…)`.
fn is_type(hay: &[u8], p: &Proposal, path: &[u8]) -> bool {
    let value = p.value.of(hay);
    if p.quote != Quote::None
        || !value.first().is_some_and(u8::is_ascii_uppercase)
        || !value.iter().any(u8::is_ascii_lowercase)
        || !value.iter().all(u8::is_ascii_alphanumeric)
    {
        return false;
    }
    let end = hay.len().min(p.anchor.end + AFTER);
    let next = hay.get(lex::skip_space(hay, p.value.end.min(end), end));
    match p.operator {
        Operator::Colon => is_source(path, &["ts", "rs", "kt", "swift"]) && matches!(next, Some(b')' | b'|' | b'>')),
        Operator::Assign => is_source(path, &["java", "kt", "cs", "scala"]) && next == Some(&b'.'),
        _ => false,
    }
}

fn is_source(path: &[u8], endings: &[&str]) -> bool {
    path.rsplit(|&b| b == b'.').next().is_some_and(|end| endings.iter().any(|ending| end == ending.as_bytes()))
}

/// A list of objects in JSON: `[{"id": …`. What is secret in it has its own name.
fn is_document(p: &Proposal, value: &[u8]) -> bool {
    p.kind.is_made() && (value.starts_with(b"[{\"") || value.starts_with(b"{\""))
}

/// The eight or sixteen digits by which a key of OpenPGP is asked for: `gpg.delete_key keyid=3FAD9F1E`.
fn is_short_id_of_key(hay: &[u8], p: &Proposal) -> bool {
    let value = p.value.of(hay);
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    let begin = p.key.start.saturating_sub(24).max(p.anchor.start.saturating_sub(super::BEFORE)).min(p.value.start);
    let near = &hay[begin..p.value.start];
    matches!(digits.len(), 8 | 16 | 40)
        && !p.kind.eq(&ProposalKind::Password)
        && digits.iter().all(|b| b.is_ascii_digit() || matches!(b, b'A'..=b'F'))
        && ["gpg", "pgp", "keyid", "key_id", "ppa_key", "receive-key", "recv-key"]
            .iter()
            .any(|word| holds_caseless(near, word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Says, tell_apart};
    use super::{
        is_encoding, is_escape, is_fingerprint_of_ssh, is_moment, is_point, is_rising, is_sealed, is_selector,
    };

    const FORMS: &[Says] = &[
        (is_selector, &["persistence:"], &["q7Zp:", "user:pass", "word"]),
        (is_escape, &["\\033[32mPASS\\033[0m", "\u{1b}[0m"], &["\\0332", "[32m"]),
        (is_moment, &["2026-07-02 09:51:24 UTC", "2024-06-08T02:45:21"], &["2026-07-02", "2026-07-02-09:51:24"]),
        (
            is_rising,
            &["0, 1, 4, 8, 13, 15, 16, 17"],
            &["0, 1, 4, 8, 13, 15, 16", "8, 1, 4, 9, 13, 15, 16, 17", "1,2,3,4,5,6,7,x"],
        ),
        (is_encoding, &["utf-16-le", "UTF_16LE", "latin-1", "ascii"], &["utf-16-x", "asciiPass", ""]),
        (
            is_sealed,
            &["*4DF33B3B12E43384677050A818327877FAB2F4BA", "md5a0b1c2d3e4f5061728394a5b6c7d8e9f", "md5$salt$9f"],
            &["*4DF33B3B", "md5-of-q7Zp", "a0b1c2d3e4f5061728394a5b6c7d8e9f"],
        ),
    ];

    #[test]
    fn forms_are_told_from_what_looks_like_them() {
        tell_apart(FORMS);
    }

    #[test]
    fn points_and_fingerprints_have_their_length() {
        let hex = |start: &str, len: usize| format!("{start}{}", "7c".repeat(len));
        assert!(is_point(hex("02", 32).as_bytes()) && is_point(hex("0x03", 32).as_bytes()));
        assert!(is_point(hex("04", 64).as_bytes()));
        assert!(!is_point(hex("05", 32).as_bytes()) && !is_point(hex("02", 31).as_bytes()));
        let digest = "q".repeat(43);
        assert!(is_fingerprint_of_ssh(format!("SHA256:{digest}").as_bytes()));
        assert!(!is_fingerprint_of_ssh(b"SHA256:q7Zp") && !is_fingerprint_of_ssh(digest.as_bytes()));
    }
}
