//! Values that only look like secrets: placeholders, templates, documented examples, runs.

use super::entropy::{holds, holds_any_caseless};

/// Words that, inside a value, say that it stands for another. Only such as no generator of keys makes by chance.
const STATED: &[&[u8]] = &[
    b"example",
    b"placeholder",
    b"changeme",
    b"change_me",
    b"change-me",
    b"your_",
    b"your-",
    b"yourapi",
    b"yourkey",
    b"yourtoken",
    b"yoursecret",
    b"insert_",
    b"insert-",
    b"redacted",
    b"xxxxx",
];

/// Words that say that it is made up.
const TELLING: &[&[u8]] = &[
    b"replace",
    b"00000000",
    b"dummy",
    b"notreal",
    b"not-real",
    b"not_real",
    b"fakefake",
    b"1234567890",
    b"abcdefghij",
    b"deadbeefdeadbeef",
    b"sample_",
    b"sample-",
    b"_here",
    b"-here",
    b"todo_",
    b"aaaaaaaa",
    b"my_secret",
    b"mysecret",
];

/// Letters and digits that a value says over and over, at most, where that is all it takes to refute it,
const SHORT_REPEATED: usize = 3;
/// and where nobody would have made it at random;
const LONG_REPEATED: usize = 12;
/// and so many of them in all, at least.
const SHORTEST_REPEATING: usize = 16;

/// Why a value cannot be a secret; `None` when it can.
#[must_use]
pub fn reason(value: &[u8]) -> Option<&'static str> {
    if template(value) {
        return Some("a template or a reference, not a value");
    }
    if distinct(value) < 5.min(value.len()) {
        return Some("fewer than five different characters");
    }
    if holds_any_caseless(value, TELLING) {
        return Some("holds a placeholder's word");
    }
    if goes_round(value) {
        return Some("runs of equal or consecutive characters, or the same over and over");
    }
    stated(value)
}

/// Why a value says of itself that it is none: a blank to be filled in, or one that has been struck out.
#[must_use]
pub fn stated(value: &[u8]) -> Option<&'static str> {
    if value.len() >= 8 && distinct(value) < 3 {
        return Some("fewer than three different characters");
    }
    holds_any_caseless(value, STATED).then_some("holds a placeholder's word")
}

/// `${X}`, `{{ x }}`, `<x>`, `%s`, `$(x)`, `#{x}`, `[x]`, `@x@`, `***`.
fn template(value: &[u8]) -> bool {
    const OPEN: &[&[u8]] =
        &[b"${", b"{{", b"$(", b"#{", b"<%", b"%{", b"{%", b"[[", b"***", b"%(", b"\\(", b"...", b"\xe2\x80\xa2"];
    let ends = |first: u8, last: u8| value.first() == Some(&first) && value.last() == Some(&last) && value.len() > 1;
    OPEN.iter().any(|open| holds(value, open))
        || ends(b'<', b'>')
        || ends(b'{', b'}')
        || ends(b'[', b']')
        || ends(b'%', b'%')
        || ends(b'@', b'@')
}

fn distinct(value: &[u8]) -> usize {
    let mut seen = [false; 256];
    value.iter().for_each(|&b| seen[usize::from(b)] = true);
    seen.iter().filter(|&&b| b).count()
}

/// Bytes in runs of four or more, each a step from the one before, and each the same step.
fn in_runs(value: &[u8], step: impl Fn(u8, u8) -> Option<i16>) -> usize {
    let (mut total, mut length, mut last) = (0, 1, None);
    for pair in value.windows(2) {
        let this = step(pair[0], pair[1]);
        if this.is_some() && (this == last || length == 1) {
            length += 1;
        } else {
            total += if length >= 4 { length } else { 0 };
            length = if this.is_some() { 2 } else { 1 };
        }
        last = this;
    }
    total + if length >= 4 { length } else { 0 }
}

/// Bytes in runs that are equal, rise or fall by one.
fn runs(value: &[u8]) -> usize {
    in_runs(value, |a, b| Some(i16::from(b) - i16::from(a)).filter(|step| (-1..=1).contains(step)))
}

/// Bytes in runs that stand side by side on a keyboard, row after row.
fn keys(value: &[u8]) -> usize {
    const ROWS: &[u8] = b"qwertyuiopasdfghjklzxcvbnm";
    let next = |key: u8| ROWS.iter().position(|&known| known == key | 0x20).and_then(|at| ROWS.get(at + 1));
    in_runs(value, |a, b| (next(a) == Some(&(b | 0x20))).then_some(1))
}

/// Why a value that says the same over and over cannot be one that was made at random.
#[must_use]
pub fn repeating(value: &[u8]) -> Option<&'static str> {
    repeats(value, SHORT_REPEATED).then_some("repeats itself")
}

/// Whether a value goes through the alphabet or along a keyboard, or says the same over and over: somebody typed it.
#[must_use]
pub fn goes_round(value: &[u8]) -> bool {
    (runs(value) + keys(value)) * 2 > value.len() || repeats(value, LONG_REPEATED)
}

/// Whether a value ends in the same few letters and digits over and over (`a1a1…`, `abcabc…`, `cafebabe-cafe…`): behind a
/// prefix that says nothing of it.
fn repeats(value: &[u8], longest: usize) -> bool {
    let made = || value.iter().rev().filter(|b| b.is_ascii_alphanumeric());
    let length = made().count();
    (1..=longest).any(|step| {
        let same = made().zip(made().skip(step)).take_while(|(a, b)| a == b).count();
        same + step >= SHORTEST_REPEATING.max(2 * step) && (same + step) * 2 > length
    })
}

/// Whether a value has the shape of a UUID.
#[must_use]
pub fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::{is_uuid, reason};

    #[test]
    fn tells_placeholders_from_values() {
        for made_up in [
            "xxxxxxxxxxxxxxxxxxxx",
            "${GITHUB_TOKEN}",
            "<your-key>",
            "{{ token }}",
            "AKIAIOSFODNN7EXAMPLE",
            "abcdefghijklmnop",
            "0123456789abcdef0123456789abcdef",
            "your_api_key_goes_here",
            "11111111222222223333",
            "%API_KEY%",
            "acme_a1a1a1a1a1a1a1a1a1a1",
            "cafebabecafebabe",
            "abcd1234-abcd-1234-abcd-1234abcd1234",
            "acme_abcdef123456abcdef123456",
            "acme_QWERTYuiopasdfgh",
        ] {
            assert!(reason(made_up.as_bytes()).is_some(), "{made_up}");
        }
        for real in ["q7Zp0Lm3Xv9Rt2Kd8Wb4", "c2f9d07be41a5836", "hunter2-Tr0ub4dor"] {
            assert_eq!(reason(real.as_bytes()), None, "{real}");
        }
    }

    #[test]
    fn knows_a_uuid() {
        assert!(is_uuid(b"01234567-89ab-cdef-0123-456789abcdef"));
        assert!(!is_uuid(b"0123456789abcdef0123456789abcdef0123"));
    }
}
