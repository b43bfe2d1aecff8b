//! What is no credential by its form or its name, however random it looks; and what is for *low* only.
//!
//! These are statements about forms (a public key, a resource name, a page token), each with its rows in the table of hard
//! cases. What is a matter of degree belongs to the model.

use super::{AFTER, BEFORE, Operator, Proposal, ProposalKind, Quote, code, forms, lex, purposes, words};
use crate::detect::{
    entropy::{holds, holds_caseless},
    placeholder::goes_round,
};

/// Whether a value is none at first sight: before any number is computed.
pub(super) fn at_sight(hay: &[u8], p: &Proposal) -> bool {
    let value = p.value.of(hay);
    value.len() < 3
        || value.len() > 2000
        || is_word_of_code(value)
        || (!value[0].is_ascii_alphanumeric() && value.iter().all(|&b| b == value[0]))
        || is_number(p, value)
        || is_badge(hay, p)
}

/// Whether a value is none by its form or by what stands round it.
pub(super) fn by_form(hay: &[u8], p: &Proposal) -> bool {
    let value = p.value.of(hay);
    is_public(value)
        || is_resource_name(hay, p, value)
        || is_key_of_a_pair(hay, p)
        || names_stored_credentials(p.key.of(hay))
        || is_one_of_a_list(hay, p)
        || is_one_of_words(hay, p)
        || is_counting(value)
        || is_pass_that_draws(p, p.key.of(hay), value)
        || is_outcome(hay, p)
        || is_handshake(hay, p)
        || is_host(p, value)
        || (p.kind == ProposalKind::BasicAuth && is_small_letters(value))
        || is_binary(value)
        || forms::is_none(hay, p)
        || code::is_none(hay, p)
}

/// Whether a value that the judge thinks likely is shown at *low* only.
pub(super) fn for_low(hay: &[u8], p: &Proposal, path: &[u8]) -> bool {
    let (key, value) = (p.key.of(hay), p.value.of(hay));
    let made = p.kind.is_made();
    passes_over(key)
        || says_sealed(key)
        || is_checked(p, key)
        || is_word_for_password(value)
        || (made && (is_made_up(value) || goes_round(value)))
        || is_address(value)
        || is_said_public(hay, p)
        || (p.kind == ProposalKind::Auth && p.operator == Operator::Compare)
        || (!made && says_test(value))
        || names_key_file(value)
        || is_fingerprint(hay, p, value)
        || is_formatted(value)
        || is_pair_of_digests(value)
        || (key.eq_ignore_ascii_case(b"pwd") && value.starts_with(b"/"))
        || is_download(hay, p)
        || is_of_vectors(path)
        || forms::for_low(hay, p, path)
        || purposes::for_low(hay, p)
        || code::for_low(hay, p, path)
}

/// `credentialsId`: says which of the stored credentials are meant, and holds none.
fn names_stored_credentials(key: &[u8]) -> bool {
    let ends_in = |name: &[u8]| {
        let letters = key.iter().rev().filter(|b| b.is_ascii_alphabetic()).map(u8::to_ascii_lowercase);
        letters.take(name.len()).eq(name.iter().rev().copied())
    };
    ends_in(b"credentialsid") || ends_in(b"credentialid")
}

fn is_word_of_code(value: &[u8]) -> bool {
    [&b"true"[..], b"false", b"null", b"none", b"undefined", b"nil"].iter().any(|w| value.eq_ignore_ascii_case(w))
}

/// A number of code, of up to 64 bits: `0x9e37_79b9_7f4a_7c15u64`.
fn is_number(p: &Proposal, value: &[u8]) -> bool {
    let Some(text) = value.strip_prefix(b"0x").filter(|_| p.quote == Quote::None) else { return false };
    let end = text.iter().position(|&b| !b.is_ascii_hexdigit() && b != b'_').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    let count = digits.iter().filter(|&&b| b != b'_').count();
    (1..=16).contains(&count)
        && suffix.iter().all(|b| matches!(b, b'u' | b'U' | b'i' | b'l' | b'L' | b'n') || b.is_ascii_digit())
}

/// The bytes before the key, within the window.
pub(super) fn before_key<'t>(hay: &'t [u8], p: &Proposal) -> &'t [u8] {
    &hay[p.anchor.start.saturating_sub(BEFORE).min(p.key.start)..p.key.start]
}

/// What stands before the key and a blank.
pub(super) fn words_before<'t>(hay: &'t [u8], p: &Proposal) -> &'t [u8] {
    let before = before_key(hay, p);
    let words = before.trim_ascii_end();
    if words.len() < before.len() { words } else { b"" }
}

/// So many bytes behind the value, within the window.
pub(super) fn behind<'t>(hay: &'t [u8], p: &Proposal, most: usize) -> &'t [u8] {
    let end = hay.len().min(p.anchor.end + AFTER).min(p.value.end.saturating_add(most));
    &hay[p.value.end..end.max(p.value.end)]
}

/// What stands before the key without a blank or quote between.
pub(super) fn run_before<'t>(hay: &'t [u8], p: &Proposal) -> &'t [u8] {
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'(' | b'<');
    let before = before_key(hay, p);
    before.rsplit(ends).next().unwrap_or(before)
}

/// The token of a badge, which is made to be shown: `…/badge.svg?token=…`.
fn is_badge(hay: &[u8], p: &Proposal) -> bool {
    if p.operator != Operator::Query {
        return false;
    }
    let address = run_before(hay, p);
    holds(address, b"badge") || holds(address, b"shields.io")
}

/// The token of a link that is handed out to download one file.
fn is_download(hay: &[u8], p: &Proposal) -> bool {
    p.operator == Operator::Query && run_before(hay, p).ends_with(b"alt=media&")
}

/// How public keys and certificates begin: of SSH; and in DER of RSA, of the NIST curves, of Ed25519.
const PUBLIC: &[&str] = &[
    "ssh-rsa ",
    "ssh-dss ",
    "ssh-ed25519 ",
    "ecdsa-sha2-",
    "sk-ssh-",
    "AAAAB3NzaC1",
    "AAAAC3NzaC1",
    "AAAAE2VjZHNh",
    "MIIBIjANBgkqhkiG9w0BAQEF",
    "MIICIjANBgkqhkiG9w0BAQEF",
    "MIGfMA0GCSqGSIb3DQEBAQUA",
    "MFkwEwYHKoZIzj0CAQYI",
    "MHYwEAYHKoZIzj0CAQYF",
    "MCowBQYDK2VwAyEA",
];

fn is_public(value: &[u8]) -> bool {
    PUBLIC.iter().any(|start| value.starts_with(start.as_bytes()))
}

/// Names of resources: URNs, ARNs and what follows `…:secret:` in one, packages by their reversed domain, the scope of an
/// AWS signature.
fn is_resource_name(hay: &[u8], p: &Proposal, value: &[u8]) -> bool {
    let starts = |text: &[u8]| value.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text));
    starts(b"urn:")
        || starts(b"arn:")
        || value.ends_with(b"aws4_request")
        || is_reversed_domain(value)
        || (p.operator == Operator::Colon && holds(run_before(hay, p), b"arn:"))
}

/// `org.w3.clearkey`
fn is_reversed_domain(value: &[u8]) -> bool {
    let mut parts = value.split(|&b| b == b'.');
    let top = parts.next().is_some_and(|top| [&b"com"[..], b"org", b"net", b"io", b"edu", b"gov"].contains(&top));
    let name =
        |part: &[u8]| !part.is_empty() && part.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    top && value.iter().filter(|&&b| b == b'.').count() >= 2 && parts.all(name)
}

/// A string before a colon is itself the key of a pair: `["password", "user": …`, as where a value happens to be called
/// `token` and the next key follows, or `"password": {"shape": …`.
fn is_key_of_a_pair(hay: &[u8], p: &Proposal) -> bool {
    if p.quote == Quote::None {
        return false;
    }
    let joint = &hay[p.key.end.min(p.value.start)..p.value.start];
    let opens =
        joint.iter().rfind(|b| !matches!(b, b'"' | b'\'' | b'`' | b'\\') && !b.is_ascii_whitespace()) == Some(&b'{');
    if !opens && !matches!(p.operator, Operator::Argument | Operator::Call) {
        return false;
    }
    let end = hay.len().min(p.anchor.end + AFTER).min(p.value.end + 8);
    let quotes = hay[p.value.end..end].iter().take_while(|b| matches!(b, b'"' | b'\'' | b'`' | b'\\')).count();
    let at = lex::skip_blank(hay, p.value.end + quotes, end);
    at < end && hay[at] == b':' && hay.get(at + 1) != Some(&b':')
}

/// One name among others that follow each other in a list: `['html5', 'password', 'managesieve', 'jqueryui']`. What follows
/// an option of a command is its value.
fn is_one_of_a_list(hay: &[u8], p: &Proposal) -> bool {
    let is_quote = |b: Option<&u8>| matches!(b, Some(b'"' | b'\''));
    let name = |text: &[u8]| {
        let escaped = holds(text, b"\\u");
        text.iter()
            .all(|&b| b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 || escaped && (b == b'\\' || lex::is_word(b)))
    };
    if p.operator != Operator::Argument || hay[p.key.start] == b'-' || !name(p.value.of(hay)) {
        return false;
    }
    let Some(before) = before_key(hay, p).split_last().map(|(_, rest)| rest.trim_ascii_end()) else { return false };
    let after = behind(hay, p, 40).trim_ascii_start();
    let follows = after.split_first().map(|(_, rest)| rest.trim_ascii_start());
    let next = follows.and_then(|rest| rest.strip_prefix(b",")).map(<[u8]>::trim_ascii_start);
    let previous = before.strip_suffix(b",").map(<[u8]>::trim_ascii_end);
    is_quote(previous.and_then(<[u8]>::last)) && is_quote(next.and_then(<[u8]>::first))
}

/// One word of many with bars between, as a highlighter lists them: `|auth_password|auth_pubkey_file|`.
fn is_one_of_words(hay: &[u8], p: &Proposal) -> bool {
    let bar = |at: Option<usize>| at.and_then(|at| hay.get(at)) == Some(&b'|');
    let name = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_';
    p.operator == Operator::Cell
        && bar(p.key.start.checked_sub(1))
        && bar(Some(p.value.end))
        && p.value.start == p.key.end + 1
        && p.value.of(hay).iter().all(name)
        && p.value.of(hay).contains(&b'_')
}

/// Numbers of a list that rise by one: `1, 2, 3, 4`.
fn is_counting(value: &[u8]) -> bool {
    let number = |part: &[u8]| std::str::from_utf8(part.trim_ascii()).ok()?.parse::<u32>().ok();
    let mut numbers = value.split(|&b| b == b',').map(number);
    let Some(Some(mut last)) = numbers.next() else { return false };
    let mut count = 1;
    for next in numbers {
        if next != last.checked_add(1) {
            return false;
        }
        (last, count) = (last + 1, count + 1);
    }
    count >= 4
}

/// What a renderer draws in one pass: `pass === 'translucent'`.
fn is_pass_that_draws(p: &Proposal, key: &[u8], value: &[u8]) -> bool {
    const DRAWN: &[&str] =
        &["opaque", "translucent", "transparent", "offscreen", "geometry", "shadow", "depth", "lighting"];
    p.kind == ProposalKind::Password
        && key.to_ascii_lowercase().ends_with(b"pass")
        && DRAWN.iter().any(|drawn| value == drawn.as_bytes())
}

/// What a call with a literal `secret` comes to (`sign('', 'secret') => '…'`), and the next choice of a type
/// (`'pass' | 'fail'`).
fn is_outcome(hay: &[u8], p: &Proposal) -> bool {
    match p.operator {
        Operator::Arrow => p.key.end < p.value.start && hay[p.key.end..p.value.start].contains(&b')'),
        Operator::Cell => matches!(p.quote, Quote::Double | Quote::Single) && matches!(hay[p.key.end], b'"' | b'\''),
        _ => false,
    }
}

/// Values that a protocol shows to everybody: `Sec-WebSocket-Key`, the id of the ClearKey system.
fn is_handshake(hay: &[u8], p: &Proposal) -> bool {
    let key = p.key.of(hay);
    [&b"sec-websocket-"[..], b"secwebsocket", b"clearkey"].iter().any(|name| holds_caseless(key, name))
}

/// A word of prose behind `basic`, which base64 of a user and a password hardly looks like: `basic authentication`.
fn is_small_letters(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_lowercase)
}

/// A host where a user would stand, as in links that lead astray: `https://www.acme.io@example.org`.
fn is_host(p: &Proposal, value: &[u8]) -> bool {
    let name =
        |part: &[u8]| !part.is_empty() && part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'%'));
    let top = value.rsplit(|&b| b == b'.').next().unwrap_or(value);
    p.operator == Operator::Userinfo
        && p.value.start == p.anchor.end
        && value.contains(&b'.')
        && value.split(|&b| b == b'.').all(name)
        && (2..=8).contains(&top.len())
        && top.iter().all(u8::is_ascii_lowercase)
}

/// Bytes of no text: control characters, or several that are no UTF-8 (one may be a letter of an older encoding).
fn is_binary(value: &[u8]) -> bool {
    let control = value.iter().any(|b| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r' | 0x1b));
    control || value.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count() > 2
}

/// Names of what goes to and fro with requests, and of passes that draw: `NextToken`, `client_id`, `renderPass`.
fn passes_over(key: &[u8]) -> bool {
    const TOKENS: &str = "next page paging pagination continuation cursor scroll resume sync delta version request \
                          idempotency change lock fencing zone action merchant state spl";
    const PASSES: &str = "render shader shadow bloom blur geometry depth lighting effect";
    let (last, before) = last_words(key);
    let (last, before) = (last.to_ascii_lowercase(), before.to_ascii_lowercase());
    let one_of = |list: &str| list.split(' ').any(|word| before == word.as_bytes());
    match &last[..] {
        b"token" => one_of(TOKENS),
        b"pass" => one_of(PASSES),
        b"id" => before == b"client",
        _ => false,
    }
}

/// The last word of a name and the one before it.
pub(super) fn last_words(key: &[u8]) -> (&[u8], &[u8]) {
    let mut found = (&key[..0], &key[..0]);
    words::each(key, |_, start, end| found = (&key[start..end], found.0));
    found
}

/// The name says that the value was hashed or encrypted: `encrypted_key`, `hashedToken`, `keyhash`.
fn says_sealed(key: &[u8]) -> bool {
    let name = key.rsplit(|&b| b == b'.').next().unwrap_or(key);
    let starts = |word: &[u8]| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    let sealed: [&[u8]; 4] = [b"encrypted", b"hashed", b"crypted", b"legacyhashed"];
    let (last, before) = last_words(name);
    sealed.iter().any(|word| starts(word))
        || name.eq_ignore_ascii_case(b"keyhash")
        || last.eq_ignore_ascii_case(b"key") && before.eq_ignore_ascii_case(b"sealed")
}

/// An argument to a call that hashes or checks passwords, as tests of such calls do: `check_password("…")`.
fn is_checked(p: &Proposal, key: &[u8]) -> bool {
    let name = key.rsplit(|&b| b == b'.').next().unwrap_or(key);
    const CALLS: &[&str] = &["make", "check", "encode", "hash", "verify", "validate", "is", "has", "assert"];
    let mut first = None;
    words::each(name, |_, start, end| first = first.or(Some(&name[start..end])));
    p.operator == Operator::Call
        && p.kind == ProposalKind::Password
        && first.is_some_and(|first| CALLS.iter().any(|call| first.eq_ignore_ascii_case(call.as_bytes())))
}

/// `password` in other languages: what a translation gives the key `password`.
const PASSWORD: &[&str] = &[
    "adgangskode", // stanch:allow a word
    "contraseña",
    "contrasenya",
    "cyfrinair",
    "fjalëkalim",
    "geslo",
    "hasło",
    "haslo",
    "heslo",
    "jelszó",
    "kata sandi",
    "kennwort",
    "lozinka",
    "lykilorð",
    "lösenord",
    "mot de passe",
    "palavra-passe",
    "parola",
    "parole",
    "parool",
    "passord",
    "pasahitza",
    "passwort",
    "pasvorto",
    "salasana",
    "senha",
    "slaptažodis",
    "wachtwoord",
    "şifre",
    "лозинка",
    "пароль",
    "парола",
    "сырсөз",
];

fn is_word_for_password(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| {
        let lower = text.to_lowercase();
        PASSWORD.contains(&lower.trim()) || lower.split(' ').any(|word| PASSWORD.contains(&word))
    })
}

/// What is made by a machine does not say that it is made up, masked or the name of itself.
fn is_made_up(value: &[u8]) -> bool {
    const SAID: &[&str] =
        &["deadbeefdeadbeef", "thisis", "faketoken", "fakekey", "fakesecret", "notreal", "...", "…", "****"];
    const NAMES: &[&str] = &["s3cret", "s3cr3t", "t0ken", "t0k3n", "tok3n"];
    SAID.iter().any(|word| holds_caseless(value, word.as_bytes()))
        || NAMES.iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes()))
}

/// Passwords of tests: `testpass`, `test1234`.
fn says_test(value: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    value.starts_with(b"test") && value.len() <= 16 && value.iter().all(plain)
}

/// A URL with neither user nor query: where to ask for a token.
fn is_address(value: &[u8]) -> bool {
    (value.starts_with(b"http://") || value.starts_with(b"https://"))
        && !value.iter().any(|b| matches!(b, b'?' | b'@' | b'#'))
}

/// `public key: age1…`
fn is_said_public(hay: &[u8], p: &Proposal) -> bool {
    let before = before_key(hay, p);
    let word = before.trim_ascii_end();
    p.kind == ProposalKind::Key
        && word.len() < before.len()
        && word.len() >= 6
        && word[word.len() - 6..].eq_ignore_ascii_case(b"public")
}

/// A path to where the key is: `%2Fetc%2Fclient.key`.
fn names_key_file(value: &[u8]) -> bool {
    const ENDINGS: &[&str] = &[".key", ".pem", ".crt", ".cer", ".p12", ".pfx", ".jks", ".pub", ".asc", ".gpg"];
    let apart = value.iter().any(|b| matches!(b, b'/' | b'\\')) || holds_caseless(value, b"%2f");
    apart && ENDINGS.iter().any(|ending| value.ends_with(ending.as_bytes()))
}

/// The forty digits by which a key of OpenPGP is known: `GPG key: 9554F04D…`.
fn is_fingerprint(hay: &[u8], p: &Proposal, value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    let near =
        &hay[p.key.start.saturating_sub(16).max(p.anchor.start.saturating_sub(BEFORE))..p.value.start.max(p.key.start)];
    digits.len() == 40
        && digits.iter().all(u8::is_ascii_hexdigit)
        && [&b"gpg"[..], b"pgp", b"fingerprint"].iter().any(|word| holds_caseless(near, word))
}

/// A ciphertext or digest and its salt, each in base64 with its padding: `….==….==`.
fn is_pair_of_digests(value: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'=', value) else { return false };
    let second = &value[at..];
    let second = &second[second.iter().take_while(|&&b| b == b'=').count()..];
    let digits = |text: &[u8]| {
        text.len() >= 16 && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
    };
    digits(&value[..at]) && digits(second)
}

/// Something is put into it yet: `neo4j/%s`.
fn is_formatted(value: &[u8]) -> bool {
    let at = memchr::memmem::find(value, b"%s");
    at.is_some_and(|at| !value.get(at + 2).is_some_and(u8::is_ascii_alphanumeric))
}

/// Published vectors that implementations of ciphers are tested with.
fn is_of_vectors(path: &[u8]) -> bool {
    [&b"test_vector"[..], b"test-vector", b"testvector", b"wycheproof", b"_vectors.", b"-vectors.", b"/vectors/"]
        .iter()
        .any(|word| holds_caseless(path, word))
        || path.ends_with(b".rsp")
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Says, tell_apart};
    use super::{
        is_address, is_binary, is_counting, is_formatted, is_made_up, is_pair_of_digests, is_public,
        is_reversed_domain, is_small_letters, is_word_for_password, names_key_file, passes_over, says_sealed,
        says_test,
    };

    const FORMS: &[Says] = &[
        (
            is_public,
            &["ssh-rsa AAAAB3NzaC1yc2E", "MCowBQYDK2VwAyEAq7Zp"],
            &["ssh-Rsa9kq", "MC4CAQAwBQYDK2Vw", "rsa-key"],
        ),
        (
            is_reversed_domain,
            &["org.w3.clearkey", "com.acme.app.session"],
            &["com.acme", "combo.acme.app", "com.Acme.app"],
        ),
        (is_small_letters, &["authentication", "credentials"], &["dXNlcjpwYXNz", "authentication2"]),
        (is_binary, &["a\u{1}bcdef", "a\u{0}b"], &["sésame", "a\tb\r\n", "pässwörd"]),
        (
            passes_over,
            &[
                "NextToken",
                "next_page_token",
                "pagination_token",
                "syncToken",
                "merchant_token",
                "renderPass",
                "clientId",
                "x.client_id",
            ],
            &["nextApiToken", "token", "dbPass", "render_db_pass", "clientSecret", "pass", "id"],
        ),
        (
            says_sealed,
            &["encrypted_key", "hashedToken", "cfg.encryptedPassword", "keyhash", "X-Acme-Sealed-Key"],
            &["encryption_key", "hash_secret", "key"],
        ),
        (is_word_for_password, &["geslo", "Contraseña", "SMTP lozinka"], &["geslo77", "Geslo-Tr0ub4dor", "swordfish"]),
        (
            is_made_up,
            &["t0k3n", "fPk/Gya[...]4/j5bSuhDQ", "0123thisisafake", "8G6P****zaPc"],
            &["tok3nizer", "q7Zp.Lm3.Xv9R", "thistle"],
        ),
        (is_counting, &["1, 2, 3, 4", "7,8,9,10,11"], &["1, 2, 3", "1, 2, 4, 8", "12, 77, 3, 9"]),
        (is_address, &["https://id.acme.io/oauth/token"], &["https://a:b@acme.io", "https://acme.io/?key=q7", "http"]),
        (
            says_test,
            &["test", "testpass", "test_1234"],
            &["tester7!Kq", "Testpass", "latest99", "test-of-a-long-passphrase"],
        ),
        (names_key_file, &["/etc/a.key", "%2Fa.pem", "C:\\a.pfx"], &["a.key", "q7/Zp.keys", "/etc/passwd"]),
        (is_formatted, &["neo4j/%s", "%s:%s"], &["p%sword", "50%"]),
        (
            is_pair_of_digests,
            &["rCOSZxJrgze2AZdVQh12c6ErDMOG0M+Rx5Yu7S5d91c=GS4SbTQYmoaGwjm2shEobg=="],
            &["rCOSZxJrgze2AZdVQh12c6ErDMOG0M+Rx5Yu7S5d91c=", "user=q7Zp0Lm3", "q7Zp0Lm3Xv9Rt2Kd8Wb4=short"],
        ),
    ];

    #[test]
    fn forms_are_told_from_what_looks_like_them() {
        tell_apart(FORMS);
        assert!(is_binary(&[0xff, b'a', 0xfe, b'b', 0xfd]) && !is_binary(b"fran\xe7ois"));
    }
}
