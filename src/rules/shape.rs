//! What can be read off a rule's regex before it is ever compiled: lengths, where the keyword stands, which bytes the
//! secret is made of. Shared by the build script and the reader of user files.

use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind, Look},
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
    /// Whether no byte of a word may stand before the keyword.
    pub bounded: bool,
}

/// States that a compiled pattern may have: ten times what the largest of the catalogue takes, and few enough for any
/// engine.
const MOST_STATES: usize = 100_000;

/// Parses a pattern as the detector will: bytes, no Unicode.
///
/// # Errors
///
/// It is no regex, or too large to be compiled.
pub fn parse(pattern: &str) -> Result<Hir, String> {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
    let hir = parser.parse(pattern).map_err(|error| error.to_string())?;
    match states(&hir) {
        many if many > MOST_STATES => Err(format!(
            "too large: its repetitions, multiplied, need {many} states, and {MOST_STATES} is the most; narrow them"
        )),
        _ => Ok(hir),
    }
}

/// The states that a pattern takes where each repetition is written out.
fn states(hir: &Hir) -> usize {
    let sum = |parts: &[Hir]| parts.iter().map(states).fold(parts.len(), usize::saturating_add);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() * 4,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1) as usize;
            states(&repetition.sub).saturating_add(1).saturating_mul(times)
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
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

/// The bytes that pass a test.
#[must_use]
pub fn set_of(test: impl Fn(u8) -> bool) -> ByteSet {
    let mut set = [0; 4];
    (0..=u8::MAX).filter(|&byte| test(byte)).for_each(|byte| insert(&mut set, byte));
    set
}

/// A byte of a word as `\b` takes it.
#[must_use]
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
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

/// Ways through a pattern's alternatives that are followed one by one; beyond that an alternative stays one piece.
const MOST_WAYS: usize = 64;

/// The ways through a pattern: for each, the pieces that follow one another, with groups and alternatives opened.
fn ways<'h>(hir: &'h Hir, ways_so_far: Vec<Vec<&'h Hir>>) -> Vec<Vec<&'h Hir>> {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().fold(ways_so_far, |so_far, part| ways(part, so_far)),
        HirKind::Capture(capture) => ways(&capture.sub, ways_so_far),
        HirKind::Alternation(parts) if parts.len() * ways_so_far.len() <= MOST_WAYS => {
            parts.iter().flat_map(|part| ways(part, ways_so_far.clone())).collect()
        }
        _ => {
            let mut longer = ways_so_far;
            longer.iter_mut().for_each(|way| way.push(hir));
            longer
        }
    }
}

/// The bytes that a match can begin with, and whether it can be empty.
#[must_use]
pub fn first_bytes(hir: &Hir) -> (ByteSet, bool) {
    let mut set = [0; 4];
    let empty = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            literal.0.iter().take(1).for_each(|&b| insert(&mut set, b));
            literal.0.is_empty()
        }
        HirKind::Class(_) => {
            collect(hir, &mut set);
            false
        }
        HirKind::Repetition(repetition) => {
            let (first, empty) = first_bytes(&repetition.sub);
            set = first;
            empty || repetition.min == 0
        }
        HirKind::Capture(capture) => return first_bytes(&capture.sub),
        HirKind::Concat(parts) => parts.iter().all(|part| {
            let (first, empty) = first_bytes(part);
            set = union(set, first);
            empty
        }),
        HirKind::Alternation(parts) => parts.iter().fold(false, |any, part| {
            let (first, empty) = first_bytes(part);
            set = union(set, first);
            any || empty
        }),
    };
    (set, empty)
}

/// What is in either set.
#[must_use]
pub fn union(a: ByteSet, b: ByteSet) -> ByteSet {
    std::array::from_fn(|at| a[at] | b[at])
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

/// One byte of a text in a pattern.
struct Place {
    /// What it may be.
    bytes: Vec<u8>,
    /// The piece that it belongs to, and whether that begins with it.
    piece: usize,
    begins: bool,
}

/// A class of more bytes is no part of a text. Small and capital letters are one.
const FEW: usize = 8;

impl Place {
    /// Whether it may be a byte, be it in the other case where that does not matter.
    fn may_be(&self, wanted: u8, caseless: bool) -> bool {
        self.bytes.iter().any(|&byte| byte == wanted || caseless && byte.eq_ignore_ascii_case(&wanted))
    }

    /// What it may be, up to case.
    fn choices(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_ascii_lowercase();
        bytes.sort_unstable();
        bytes.dedup();
        bytes
    }
}

/// The pieces of a way from one on that are all of known length, and of few texts.
fn text_from(way: &[&Hir], at: usize) -> Vec<Place> {
    let mut text: Vec<Place> = Vec::new();
    for (piece, part) in way.iter().enumerate().skip(at) {
        match part.kind() {
            HirKind::Literal(literal) => {
                let place = |(n, &byte)| Place { bytes: vec![byte], piece, begins: n == 0 };
                text.extend(literal.0.iter().enumerate().map(place));
            }
            HirKind::Class(Class::Bytes(class)) => {
                let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect();
                let place = Place { bytes, piece, begins: true };
                if place.choices().len() > FEW {
                    break;
                }
                text.push(place);
            }
            _ => break,
        }
    }
    text
}

/// What a pattern demands of the bytes round each of its keywords.
///
/// A keyword is pinned where it stands in every match on some way through the pattern. Only if each way has a keyword
/// that is pinned on it are the windows narrowed to that; else a match may lie anywhere round a keyword.
#[must_use]
pub fn shapes(hir: &Hir, keywords: &[Vec<u8>], caseless: bool, window: Option<usize>) -> Vec<Shape> {
    let limit = window.unwrap_or(DEFAULT_WINDOW).min(MAX_WINDOW);
    let ways = ways(hir, vec![Vec::new()]);
    let pinned: Vec<Vec<Option<Pin>>> =
        keywords.iter().map(|keyword| ways.iter().map(|way| pin(way, keyword, caseless, limit)).collect()).collect();
    let all_pinned = (0..ways.len()).all(|way| is_covered(pinned.iter().filter_map(|pins| pins[way].as_ref())));
    let of_keyword = |pins: Vec<Option<Pin>>| {
        let shapes = pins.into_iter().flatten().map(|pin| pin.shape);
        let joined = shapes.reduce(Shape::join).filter(|_| all_pinned);
        let shape = joined.unwrap_or_else(|| anywhere(hir, limit, window));
        if shape.follow_min > 0 { shape } else { with_secret(hir, shape) }
    };
    pinned.into_iter().map(of_keyword).collect()
}

fn anywhere(hir: &Hir, limit: usize, window: Option<usize>) -> Shape {
    let properties = hir.properties();
    let longest = properties.maximum_len().unwrap_or(limit).min(limit.max(properties.minimum_len().unwrap_or(0)));
    let after = if window.is_some_and(|window| window > longest) { limit } else { longest };
    Shape { before: longest, exact: false, after, follow_min: 0, follow: [0; 4], in_window: false, bounded: false }
}

impl Shape {
    /// What holds wherever one of the two does.
    fn join(self, other: Self) -> Self {
        Self {
            before: self.before.max(other.before),
            exact: self.exact && other.exact && self.before == other.before,
            after: self.after.max(other.after),
            follow_min: self.follow_min.min(other.follow_min),
            follow: union(self.follow, other.follow),
            in_window: false,
            bounded: self.bounded && other.bounded,
        }
    }
}

/// Where a keyword stands on one way through a pattern.
struct Pin {
    shape: Shape,
    /// The pieces in it that may be other bytes as well: which piece, what it may be up to case, and what it is here.
    chosen: Vec<(usize, Vec<u8>, u8)>,
}

/// Whether every match on a way has one of the keywords that are pinned on it: one that is there whatever the match, or
/// for each byte that some piece may be one with that byte.
fn is_covered<'p>(pins: impl Iterator<Item = &'p Pin>) -> bool {
    let pins: Vec<_> = pins.filter(|pin| pin.chosen.len() < 2).collect();
    let has = |piece: usize, byte: u8| pins.iter().any(|pin| pin.chosen.iter().any(|c| (c.0, c.2) == (piece, byte)));
    pins.iter().any(|pin| pin.chosen.iter().all(|(piece, choices, _)| choices.iter().all(|&byte| has(*piece, byte))))
}

/// Where the keyword stands on one way through a pattern, if it does.
fn pin(way: &[&Hir], wanted: &[u8], caseless: bool, limit: usize) -> Option<Pin> {
    let (mut least, mut most) = (0usize, 0usize);
    let mut at = 0;
    while at < way.len() {
        // A run of pieces of one length and few texts each is where a keyword can be pinned.
        let text = text_from(way, at);
        let end = text.last().map_or(at, |place| place.piece + 1);
        if let Some(offset) = find(&text, wanted, way.get(end).copied(), caseless) {
            let (before, before_max) = (least + offset, most + offset);
            let tail = text.get(offset + wanted.len()..);
            let (follow_min, follow) = tail.map_or((0, [0; 4]), |tail| following(tail, way.get(end).copied()));
            let rest = way[end..].iter().fold(text.len() - offset, |sum, part| {
                sum.saturating_add(part.properties().maximum_len().unwrap_or(limit))
            });
            // A way that may be longer than the window gets the window.
            let after = rest.min(limit.max(text.len() - offset));
            let exact = before == before_max;
            let first = &text[offset];
            let bounded = first.begins && is_word(wanted[0]) && is_bounded(&way[..first.piece]);
            let shape = Shape { before: before_max, exact, after, follow_min, follow, in_window: false, bounded };
            let places = text[offset..].iter().zip(wanted).map(|(place, byte)| (place.piece, place.choices(), byte));
            let chosen = places.filter(|(_, choices, _)| choices.len() > 1);
            let chosen = chosen.map(|(piece, choices, byte)| (piece, choices, byte.to_ascii_lowercase())).collect();
            return Some(Pin { shape, chosen });
        }
        let next = end.max(at + 1);
        for part in &way[at..next] {
            least += part.properties().minimum_len().unwrap_or(0);
            most += part.properties().maximum_len()?;
        }
        at = next;
    }
    None
}

/// Whether no byte of a word can stand between these pieces and a word.
fn is_bounded(before: &[&Hir]) -> bool {
    let no_word = |class: &Hir| alphabet(class).iter().zip(set_of(is_word)).all(|(a, b)| a & b == 0);
    let look = |part: &&&Hir| matches!(part.kind(), HirKind::Look(look) if !BOUNDS.contains(look));
    let Some(last) = before.iter().rev().find(|part| !look(part)) else { return false };
    match last.kind() {
        HirKind::Look(_) => true,
        HirKind::Class(_) => no_word(last),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            matches!(repetition.sub.kind(), HirKind::Class(_)) && no_word(&repetition.sub)
        }
        _ => false,
    }
}

/// What parts a word from what stands before it.
const BOUNDS: &[Look] = &[Look::WordAscii, Look::WordStartAscii, Look::Start, Look::StartLF];

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

/// Where in a text the keyword stands. It may end behind the text, in the bytes that must be repeated there: `basic ` in
/// `basic\s{1,4}`.
fn find(text: &[Place], wanted: &[u8], next: Option<&Hir>, caseless: bool) -> Option<usize> {
    let is = |text: &[Place], wanted: &[u8]| text.iter().zip(wanted).all(|(place, &byte)| place.may_be(byte, caseless));
    let inside = text.windows(wanted.len()).position(|window| is(window, wanted));
    inside.or_else(|| {
        let HirKind::Repetition(repetition) = next?.kind() else { return None };
        if !matches!(repetition.sub.kind(), HirKind::Class(_)) {
            return None;
        }
        let class = alphabet(&repetition.sub);
        (1..wanted.len().min(repetition.min as usize + 1))
            .map(|behind| wanted.split_at(wanted.len() - behind))
            .filter_map(|(head, tail)| Some((text.len().checked_sub(head.len())?, head, tail)))
            .find(|&(at, head, tail)| is(&text[at..], head) && tail.iter().all(|&b| has(&class, b)))
            .map(|(at, ..)| at)
    })
}

/// What must stand right behind a keyword: only where the keyword ends its literal and a repeated class follows.
fn following(tail: &[Place], next: Option<&Hir>) -> (usize, ByteSet) {
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
    use regex_syntax::hir::Hir;

    use super::{Shape, first_bytes, has, parse, shapes};

    fn shape(hir: &Hir, keyword: &[u8], caseless: bool, window: Option<usize>) -> Shape {
        shapes(hir, &[keyword.to_vec()], caseless, window)[0]
    }

    #[test]
    fn a_pattern_too_large_to_be_compiled_is_refused() {
        let error = parse("x(?:(?:[0-9a-z]{0,100}X){0,100}Y){0,100}").unwrap_err();
        assert!(error.starts_with("too large") && error.contains("states"), "{error}");
        assert!(parse("x(?:[0-9a-z]{0,100}X){0,100}").is_ok());
        assert!(parse("(?:(?:(?:x{4000}){4000}){4000}){4000}").is_err());
    }

    #[test]
    fn a_prefix_pins_the_match() {
        let hir = parse(r"\b(?<secret>ghp_[0-9A-Za-z]{36})\b").unwrap();
        let shape = shape(&hir, b"ghp_", false, None);
        assert_eq!((shape.before, shape.exact, shape.after, shape.follow_min), (0, true, 40, 36));
        assert!(has(&shape.follow, b'z') && !has(&shape.follow, b'_'));
        assert!(shape.bounded);
    }

    #[test]
    fn a_keyword_is_bounded_where_each_way_says_so() {
        let bounded =
            |pattern: &str, keyword: &str| shape(&parse(pattern).unwrap(), keyword.as_bytes(), false, None).bounded;
        assert!(bounded(r"\b(?:key|\bkey)-[a-z]{9}", "key"));
        assert!(!bounded(r"(?:\bkey|[a-z]key)-[a-z]{9}", "key"));
        assert!(!bounded(r"\b[a-z]{2}key-[a-z]{9}", "key") && !bounded(r"key-[a-z]{9}", "key"));
        assert!(bounded(r"(?:^|[^\w/])key-[a-z]{9}", "key") && bounded(r"id[=: ]{1,3}key-[a-z]{9}", "key"));
        assert!(!bounded(r"(?:^|[^a-z])key-[a-z]{9}", "key") && !bounded(r"id[=: ]{0,3}key-[a-z]{9}", "key"));
        // Here `\b` asks for a letter before.
        assert!(!bounded(r"\b--key-[a-z]{9}", "--key"));
    }

    #[test]
    fn a_keyword_in_the_middle_has_a_range_before_it() {
        let hir = parse(r"[a-z]{2,5}-key=(?<secret>[a-z]{8})").unwrap();
        let shape = shape(&hir, b"-key", false, None);
        assert_eq!((shape.before, shape.exact, shape.after), (5, false, 13));
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

    #[test]
    fn a_keyword_is_pinned_on_each_way_through_the_pattern() {
        let hir = parse(r"(?m)(?:^|[a-z]{1,3}:)_(?:auth|password)=(?<secret>[a-z]{10,20})").unwrap();
        let words = [b"_auth".to_vec(), b"_password".to_vec()];
        let both = shapes(&hir, &words, false, None);
        assert_eq!((both[0].before, both[0].exact, both[0].after), (4, false, 26));
        assert_eq!(both[1].after, 30);
        // On the way of the password no keyword is pinned.
        assert_eq!(shape(&hir, b"_auth", false, None).before, 34);
    }

    #[test]
    fn keywords_for_each_byte_of_a_class_pin_a_way_together() {
        let hir = parse(r"(?:^|[^\w/])(?<secret>[sr]k_(?i:live)_[0-9A-Z]{9,99})").unwrap();
        let words = [b"sk_live_".to_vec(), b"rk_live_".to_vec()];
        for found in shapes(&hir, &words, false, None) {
            assert_eq!((found.before, found.exact, found.after, found.follow_min), (1, false, 107, 9));
            assert!(found.bounded);
        }
        assert_eq!(shape(&hir, b"sk_live_", false, None).before, 108, "that of the other is not pinned");
        assert_eq!(shape(&hir, b"k_live_", false, None).before, 2, "whatever stands before it");
    }

    #[test]
    fn a_keyword_may_end_in_what_is_repeated_behind_it() {
        let hir = parse(r"[a-z]{0,3}basic\s{1,4}(?<secret>[a-z]{10})").unwrap();
        let found = shape(&hir, b"basic ", false, None);
        assert_eq!((found.before, found.after), (3, 19));
        assert_eq!(shape(&hir, b"basic  ", false, None).before, 22);
    }

    #[test]
    fn the_first_bytes_are_those_of_all_ways() {
        let first = |pattern: &str| {
            let (set, empty) = first_bytes(&parse(pattern).unwrap());
            ((0..=255u8).filter(|&b| has(&set, b)).map(char::from).collect::<String>(), empty)
        };
        assert_eq!(first(r"\b(?:ab|c?d)e"), ("acd".to_owned(), false));
        assert_eq!(first(r"[x-z]{0,3}(?i:k)"), ("Kkxyz".to_owned(), false));
        assert_eq!(first(r"a*"), ("a".to_owned(), true));
    }
}
