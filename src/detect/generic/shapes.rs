//! Shapes of values: alphabets, runs, and the forms of things that are no secrets.

use super::{tally::Tally, words};
use crate::detect::{entropy::holds, placeholder::is_uuid};

/// So many bytes of a value are looked at.
pub(super) const LOOKED_AT: usize = 512;

/// Counts over the bytes of a value.
#[derive(Default)]
pub(super) struct Census {
    pub(super) lower: usize,
    pub(super) upper: usize,
    pub(super) digit: usize,
    pub(super) space: usize,
    pub(super) symbol: usize,
    pub(super) high: usize,
    pub(super) distinct: usize,
    /// Bits per byte.
    pub(super) entropy: f32,
    /// Longest run of one byte.
    pub(super) run: usize,
    /// Longest run up or down (`abcd`, `4321`).
    pub(super) sequence: usize,
    /// Longest run of neighbours on a keyboard row.
    pub(super) keyboard: usize,
    /// Places where the class of the byte changes.
    pub(super) changes: usize,
    pub(super) longest_letters: usize,
    pub(super) longest_digits: usize,
    pub(super) trailing_digits: usize,
    pub(super) vowels: usize,
    pub(super) consonants: usize,
    /// Small letter, then capital.
    pub(super) humps: usize,
    /// Letters with a digit on both sides, or the reverse: `p0st`.
    pub(super) mixed: usize,
    pub(super) hex: bool,
}

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

const CLASSES: [u8; 256] = {
    let mut table = [5; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            b' ' | b'\t' => 3,
            0x80.. => 4,
            _ => 5,
        };
        byte += 1;
    }
    table
};

/// Keyboard row (1 to 4, 0 for none) and place in it, of every byte.
const ROWS: [(u8, u8); 256] = {
    let rows: [&[u8]; 4] = [b"1234567890", b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    let mut table = [(0, 0); 256];
    let mut i = 0;
    while i < 4 {
        let mut at = 0;
        while at < rows[i].len() {
            let place = (i as u8 + 1, at as u8);
            table[rows[i][at] as usize] = place;
            table[rows[i][at].to_ascii_uppercase() as usize] = place;
            at += 1;
        }
        i += 1;
    }
    table
};

/// Counts over the first bytes of a value, whose sorts were counted.
pub(super) fn census(text: &[u8], tally: &Tally) -> Census {
    let text = &text[..text.len().min(LOOKED_AT)];
    let mut c = Census {
        lower: tally.lower(),
        upper: tally.upper(),
        digit: tally.digits(),
        space: tally.space(),
        high: tally.high(),
        symbol: tally.symbols(),
        hex: !text.is_empty(),
        ..Census::default()
    };
    let mut counts = [0_u16; 256];
    let mut seen = [0_u64; 4];
    let (mut run, mut up, mut down, mut keys, mut letters, mut digits, mut hard) = (0, 0, 0, 0, 0, 0, 0);
    let mut last: Option<u8> = None;
    for (i, &byte) in text.iter().enumerate() {
        counts[usize::from(byte)] += 1;
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
        let kind = class(byte);
        c.hex &= byte.is_ascii_hexdigit();
        letters = if kind <= 1 { letters + 1 } else { 0 };
        digits = if kind == 2 { digits + 1 } else { 0 };
        let vowel = is_vowel(byte);
        hard = if kind <= 1 && !vowel { hard + 1 } else { 0 };
        c.vowels += usize::from(vowel);
        if let Some(prev) = last {
            run = if prev == byte { run + 1 } else { 1 };
            up = if byte == prev.wrapping_add(1) && byte.is_ascii_alphanumeric() { up + 1 } else { 1 };
            down = if prev == byte.wrapping_add(1) && byte.is_ascii_alphanumeric() { down + 1 } else { 1 };
            let ((a, x), (b, y)) = (ROWS[usize::from(prev)], ROWS[usize::from(byte)]);
            keys = if a != 0 && a == b && y == x + 1 { keys + 1 } else { 1 };
            let before = class(prev);
            c.changes += usize::from(before != kind);
            c.humps += usize::from(before == 0 && kind == 1);
            if i + 1 < text.len() {
                let next = class(text[i + 1]);
                c.mixed +=
                    usize::from((before <= 1 && kind == 2 && next <= 1) || (before == 2 && kind <= 1 && next == 2));
            }
        } else {
            (run, up, down, keys) = (1, 1, 1, 1);
        }
        c.run = c.run.max(run);
        c.sequence = c.sequence.max(up).max(down);
        c.keyboard = c.keyboard.max(keys);
        c.longest_letters = c.longest_letters.max(letters);
        c.longest_digits = c.longest_digits.max(digits);
        c.consonants = c.consonants.max(hard);
        last = Some(byte);
    }
    c.trailing_digits = digits;
    c.distinct = seen.iter().map(|part| part.count_ones() as usize).sum();
    let n = text.len() as f32;
    // Mostly a byte stands once, and a logarithm is dear.
    let share = |k: u16| -(f32::from(k) / n) * (f32::from(k) / n).log2();
    let once = share(1);
    let bits = |k: u16| if k == 1 { once } else { share(k) };
    c.entropy = members_of(seen).map(|byte| bits(counts[byte])).sum();
    c
}

/// The bytes of a set, ascending.
fn members_of(set: [u64; 4]) -> impl Iterator<Item = usize> {
    set.into_iter().enumerate().flat_map(|(part, bits)| words::members(bits).map(move |bit| part * 64 + bit))
}

fn is_vowel(byte: u8) -> bool {
    const VOWELS: u32 = 1 << 1 | 1 << 5 | 1 << 9 | 1 << 15 | 1 << 21 | 1 << 25;
    byte.is_ascii_alphabetic() && VOWELS >> (byte & 31) & 1 == 1
}

/// What a value is, where it has a well-known form; 0 for none. Larger is more telling, in no strict order.
pub(super) fn form(text: &[u8], c: &Census) -> u8 {
    let n = text.len();
    let only = |f: fn(u8) -> bool| text.iter().all(|&b| f(b));
    if c.digit == n {
        return 1;
    }
    if is_uuid(text) {
        return 2;
    }
    if let Some(made) = made_of_a_secret(text) {
        return made;
    }
    if c.hex && n >= 16 && c.digit > 0 {
        return if matches!(n, 32 | 40 | 56 | 64 | 96 | 128) { 3 } else { 4 };
    }
    if text.starts_with(b"0x") {
        return 5;
    }
    if holds(text, b"://") {
        return 6;
    }
    if c.digit + c.symbol == n {
        return 7; // dates, versions, addresses, amounts
    }
    if is_path(text) {
        return 8;
    }
    if only(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit()) && text.contains(&b'_') {
        return 9;
    }
    if only(|b| b.is_ascii_lowercase() || b == b'_') && text.contains(&b'_') {
        return 10;
    }
    if only(|b| b.is_ascii_lowercase() || b == b'-') && text.contains(&b'-') {
        return 11;
    }
    if c.space > 0 {
        return if c.lower + c.upper + c.space == n { 12 } else { 13 };
    }
    if dotted(text) {
        return 14;
    }
    if c.lower == n {
        return 15;
    }
    if c.upper == n {
        return 16;
    }
    if c.lower + c.upper == n {
        return if c.humps > 0 { 17 } else { 18 };
    }
    if memchr::memchr(b'@', text).is_some_and(|i| memchr::memchr(b'.', &text[i..]).is_some()) {
        return 19;
    }
    if base32(text) {
        return 20;
    }
    if base64(text) {
        return 21;
    }
    if c.symbol == 0 && c.high == 0 { 22 } else { 23 }
}

/// What is made of a secret rather than one, by its marks: a hash or ciphertext, a public key or certificate; or a private
/// key, a signed token, a whole key file in base64. Or nothing: a word in brackets, a value that was masked.
fn made_of_a_secret(text: &[u8]) -> Option<u8> {
    let [first, .., last] = text else { return None };
    // The first byte tells nearly all apart.
    let starts = |marks: &[&str]| marks.iter().any(|m| m.as_bytes()[0] == *first && text.starts_with(m.as_bytes()));
    let crypt = *first == b'$' && text.len() > 12 && matches!(text[2..5], [b'$', ..] | [_, b'$', _] | [_, _, b'$']);
    if crypt || starts(SEALED) {
        return Some(24);
    }
    if text.starts_with(b"MI") && text.len() > 40 {
        let head = &text[..40];
        let has = |part: &str| holds(head, part.as_bytes());
        return if ["IBAAK", "IBAAJ", "IBADAN", "AgEAM", "CAQAw", "CAQEE"].iter().any(|part| has(part)) {
            Some(26)
        } else {
            Some(25)
        };
    }
    if starts(&["MFww", "MFkw", "MFYw", "MHYw", "MDIw", "MCow", "ssh-", "AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh"]) {
        return Some(25);
    }
    if starts(&["eyJ"]) && text.contains(&b'.') {
        return Some(27);
    }
    if starts(&["LS0tLS1CRUdJT"]) {
        return Some(28);
    }
    let bracketed = matches!((first, last), (b'[', b']') | (b'(', b')') | (b'<', b'>') | (b'{', b'}'));
    if bracketed && text.len() < 40 {
        return Some(29);
    }
    let masked = ["***", "...", "[…]", "…", "xxxx", "XXXX"].iter().any(|m| holds(text, m.as_bytes()));
    masked.then_some(30)
}

/// How hashes of passwords and ciphertexts begin.
const SEALED: &[&str] = &[
    "pbkdf2",
    "sha1$",
    "sha256$",
    "sha512$",
    "md5$",
    "bcrypt$",
    "argon2",
    "scrypt:",
    "scrypt$",
    "{SSHA",
    "{SHA",
    "{MD5}",
    "{CRYPT}",
    "{bcrypt}",
    "{cipher}",
    "{AES}",
    "{noop}",
    "ENC(",
    "ENC[",
    "enc:",
    "vault:",
    "AQICAH",
    "gAAAAA",
    "U2FsdGVkX1",
    "$ANSIBLE_VAULT",
    "$argon2",
    "$pbkdf2",
    "$scrypt",
    "$apr1$",
    "v2.local.",
];

fn is_path(text: &[u8]) -> bool {
    let slashes = text.iter().filter(|&&b| b == b'/' || b == b'\\').count();
    let plain = text
        .iter()
        .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'\\' | b'.' | b'_' | b'-' | b'~' | b':' | b'*'));
    let lead = text.starts_with(b"/") || text.starts_with(b"./") || text.starts_with(b"../") || text.starts_with(b"~/");
    plain && slashes > 0 && (lead || slashes * 12 >= text.len() && !text.iter().any(u8::is_ascii_digit))
}

/// `a.b.c` of words.
fn dotted(text: &[u8]) -> bool {
    text.contains(&b'.')
        && text.split(|&b| b == b'.').all(|w| {
            !w.is_empty()
                && w[0].is_ascii_alphabetic()
                && w.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
}

pub(super) fn base32(text: &[u8]) -> bool {
    text.len() >= 16
        && text.iter().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7' | b'='))
        && text.iter().any(u8::is_ascii_digit)
}

pub(super) fn base64(text: &[u8]) -> bool {
    let body = text.len() - text.iter().rev().take_while(|&&b| b == b'=').count();
    text.len() >= 8
        && text.len() - body <= 2
        && text[..body].iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'))
}

/// Decodes up to 48 characters of base64: the share of printable bytes, and whether a colon is among them.
pub(super) fn decoded(text: &[u8]) -> (f32, bool) {
    let (mut bits, mut have, mut total, mut printable, mut colon) = (0_u32, 0, 0_u32, 0_u32, false);
    for &byte in text.iter().take(48) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            let out = (bits >> have) as u8;
            total += 1;
            printable += u32::from((32..127).contains(&out) || out == b'\n');
            colon |= out == b':';
        }
    }
    if total < 4 { (0.0, false) } else { (printable as f32 / total as f32, colon) }
}
