//! What can be read off a rule's regex before it is ever compiled: lengths, where the keyword stands, which bytes the
//! secret is made of. Shared by the build script and the reader of user files.

use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind},
};

/// Bytes that a pattern without an upper bound may reach past its keyword, where the rule does not say.
pub const DEFAULT_WINDOW: usize = 1024;
/// The widest window a rule may ask for: a private key of 8,192 bits in PEM takes about 7 KiB.
pub const MAX_WINDOW: usize = 64 * 1024;

/// A set of bytes, one bit each.
pub type ByteSet = [u64; 4];

/// What a pattern demands of the bytes round a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes before the keyword that a match may reach.
    pub before: usize,
    /// Whether the match starts exactly `before` bytes before the keyword.
    pub exact: bool,
    /// Bytes from the start of the keyword that a match may reach.
    pub after: usize,
    /// Bytes that must follow the keyword at once, at least this many of `follow`.
    pub follow_min: usize,
    /// The bytes that may follow.
    pub follow: ByteSet,
    /// Whether `follow_min` and `follow` speak of the secret instead: somewhere in the window so many of these bytes must
    /// stand in a row.
    pub in_window: bool,
}

/// Parses a pattern as the detector will: bytes, no Unicode.
pub fn parse(pattern: &str) -> Result<Hir, String> {
    ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).map_err(|error| error.to_string())
}

/// The bytes that can occur in a match of `hir`, roughly from above.
#[must_use]
pub fn alphabet(hir: &Hir) -> ByteSet {
    let mut set = [0; 4];
    collect(hir, &mut set);
    set
}

fn insert(set: &mut ByteSet, byte: u8) {
    set[usize::from(byte) / 64] |= 1 << (byte % 64);
}

/// Whether the set has the byte.
#[must_use]
pub fn has(set: &ByteSet, byte: u8) -> bool {
    set[usize::from(byte) / 64] >> (byte % 64) & 1 == 1
}

fn collect(hir: &Hir, set: &mut ByteSet) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => literal.0.iter().for_each(|&b| insert(set, b)),
        HirKind::Class(Class::Bytes(class)) => {
            for range in class.ranges() {
                (range.start()..=range.end()).for_each(|b| insert(set, b));
            }
        }
        HirKind::Class(Class::Unicode(class)) => {
            for range in class.ranges() {
                for c in range.start()..=range.end().min('\u{ff}') {
                    insert(set, c as u8);
                }
            }
        }
        HirKind::Repetition(repetition) => collect(&repetition.sub, set),
        HirKind::Capture(capture) => collect(&capture.sub, set),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|part| collect(part, set)),
    }
}

/// The pieces of a pattern that follow one another, with groups opened.
fn pieces<'h>(hir: &'h Hir, out: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| pieces(part, out)),
        HirKind::Capture(capture) => pieces(&capture.sub, out),
        _ => out.push(hir),
    }
}

/// The group named `secret`, where there is one.
#[must_use]
pub fn secret_group(hir: &Hir) -> Option<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some("secret") => Some(&capture.sub),
        HirKind::Capture(capture) => secret_group(&capture.sub),
        HirKind::Repetition(repetition) => secret_group(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(secret_group),
        _ => None,
    }
}

fn fold(text: &[u8], caseless: bool) -> Vec<u8> {
    if caseless { text.to_ascii_lowercase() } else { text.to_vec() }
}

/// The text of a piece that can only be one text (up to case).
fn only_text(hir: &Hir) -> Option<Vec<u8>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(literal.0.to_vec()),
        HirKind::Class(Class::Bytes(class)) => {
            let mut bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let first = bytes.next()?;
            bytes.all(|b| b.eq_ignore_ascii_case(&first)).then(|| vec![first.to_ascii_lowercase()])
        }
        _ => None,
    }
}

/// What `pattern` demands of the bytes round `keyword`.
#[must_use]
pub fn shape(hir: &Hir, keyword: &[u8], caseless: bool, window: Option<usize>) -> Shape {
    let limit = window.unwrap_or(DEFAULT_WINDOW).min(MAX_WINDOW);
    let longest =
        hir.properties().maximum_len().unwrap_or(limit).min(limit.max(hir.properties().minimum_len().unwrap_or(0)));
    let mut anywhere =
        Shape { before: longest, exact: false, after: longest, follow_min: 0, follow: [0; 4], in_window: false };
    if window.is_some_and(|window| window > longest) {
        anywhere.after = limit;
    }
    let mut parts = Vec::new();
    pieces(hir, &mut parts);
    let wanted = fold(keyword, caseless);
    let (mut least, mut most) = (0usize, Some(0usize));
    let mut at = 0;
    while at < parts.len() {
        // A run of pieces with one text each is where a keyword can be pinned.
        let mut text = Vec::new();
        let mut end = at;
        while let Some(piece) = parts.get(end).and_then(|part| only_text(part)) {
            text.extend(piece);
            end += 1;
        }
        let text = fold(&text, caseless);
        if let Some(offset) = find(&text, &wanted) {
            let Some(most) = most else { break };
            let (before_min, before_max) = (least + offset, most + offset);
            let tail = &text[offset + wanted.len()..];
            let (follow_min, follow) = following(tail, parts.get(end).copied());
            let rest = longest.saturating_sub(before_min);
            let after = rest.max(wanted.len());
            let exact = before_min == before_max;
            let pinned = Shape { before: before_max, exact, after, follow_min, follow, in_window: false };
            return if follow_min > 0 { pinned } else { with_secret(hir, pinned) };
        }
        let next = end.max(at + 1);
        for part in &parts[at..next] {
            least += part.properties().minimum_len().unwrap_or(0);
            most = most.zip(part.properties().maximum_len()).map(|(a, b)| a + b);
        }
        at = next;
    }
    with_secret(hir, anywhere)
}

/// The group named `secret` where every match has it.
fn sure_secret(hir: &Hir) -> Option<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some("secret") => Some(&capture.sub),
        HirKind::Capture(capture) => sure_secret(&capture.sub),
        HirKind::Concat(parts) => parts.iter().find_map(sure_secret),
        _ => None,
    }
}

/// Where nothing need follow the keyword: what the secret itself must be made of.
fn with_secret(hir: &Hir, shape: Shape) -> Shape {
    let Some(secret) = sure_secret(hir) else { return shape };
    let least = secret.properties().minimum_len().unwrap_or(0);
    if least < 8 {
        return shape;
    }
    Shape { follow_min: least, follow: alphabet(secret), in_window: true, ..shape }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// What must stand right behind a keyword: only where the keyword ends its literal and a repeated class follows.
fn following(tail: &[u8], next: Option<&Hir>) -> (usize, ByteSet) {
    let Some(next) = next.filter(|_| tail.is_empty()) else { return (0, [0; 4]) };
    match next.kind() {
        HirKind::Repetition(repetition) if matches!(repetition.sub.kind(), HirKind::Class(_)) => {
            (repetition.min as usize, alphabet(&repetition.sub))
        }
        _ => (0, [0; 4]),
    }
}

#[cfg(test)]
mod tests {
    use super::{has, parse, shape};

    #[test]
    fn a_prefix_pins_the_match() {
        let hir = parse(r"\b(?<secret>ghp_[0-9A-Za-z]{36})\b").unwrap();
        let shape = shape(&hir, b"ghp_", false, None);
        assert_eq!((shape.before, shape.exact, shape.after, shape.follow_min), (0, true, 40, 36));
        assert!(has(&shape.follow, b'z') && !has(&shape.follow, b'_'));
    }

    #[test]
    fn a_keyword_in_the_middle_has_a_range_before_it() {
        let hir = parse(r"[a-z]{2,5}-key=(?<secret>[a-z]{8})").unwrap();
        let shape = shape(&hir, b"-key", false, None);
        assert_eq!((shape.before, shape.exact, shape.after), (5, false, 16));
    }

    #[test]
    fn a_caseless_literal_is_still_a_literal() {
        let hir = parse(r"(?i)token[ =]{1,3}(?<secret>[a-z0-9]{10})").unwrap();
        let shape = shape(&hir, b"token", true, None);
        assert_eq!((shape.before, shape.exact, shape.follow_min), (0, true, 1));
    }

    #[test]
    fn an_unbounded_pattern_gets_the_stated_window() {
        let hir = parse(r"-----BEGIN[^-]+-----").unwrap();
        assert_eq!(shape(&hir, b"-----BEGIN", false, Some(9000)).after, 9000);
    }
}
