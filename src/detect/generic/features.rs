//! A proposal as numbers: the only thing that the model sees, in training and in use.

use super::{
    Operator, Proposal, Quote, context,
    shapes::{self, Census, LOOKED_AT},
    tally::{Sort, Tally},
    text,
    words::{self, CLASS_NAMES, Class},
};
use crate::detect::entropy::holds;

macro_rules! row {
    ($($name:ident),* $(,)?) => {
        /// One number per property; see the functions that fill them.
        #[derive(Default)]
        #[repr(C)]
        pub(super) struct Row { $(pub(super) $name: f32),* }
        const FIELDS: &[&str] = &[$(stringify!($name)),*];
    };
}

impl Row {
    /// The row that lies in some numbers, one after the other.
    #[expect(unsafe_code, reason = "a row copied into the numbers is read before it has arrived in the cache")]
    fn within(numbers: &mut [f32; FIELDS.len()]) -> &mut Self {
        const { assert!(size_of::<Self>() == size_of::<[f32; FIELDS.len()]>()) };
        // SAFETY: a row is so many numbers and nothing else, by its `repr(C)` and the assertion above.
        unsafe { &mut *std::ptr::from_mut(numbers).cast() }
    }
}

row! {
    // the value
    length, lower, upper, digit, symbol, space, high, distinct, entropy, entropy_gap, run, sequence, keyboard, changes,
    longest_letters, longest_digits, trailing_digits, vowels, consonants, humps, mixed, hex, form, starts_upper,
    last_class, first_class, folded, paired, worst, best, rare, covered, covered_short, common, words, longest_word,
    pieces, base64, base32, printable, colon_inside, braces, percent, angle, dollar, backslash, masked, equals_key,
    contains_key, inside_key, key_overlap, word_count, capital_words, sentence, trivial_whole, length_mod4, dots,
    dashes, slashes, groups_equal, name_only, repeated, numeric_tail_trivial, inner_length, inner_rare, inner_digit, inner_share, padding,
    // the key
    key_length, key_words, key_last, key_first, key_next, key_anchor_end, key_anchor_start, key_upper, key_lower,
    key_dots, key_dashes, key_underscores, key_digits, key_dollar, key_spare,
    // between and round
    kind, operator, quote, wrapper, wrapper_length, space_before, space_after, newline_between, key_quoted, before_key,
    after_value, after_value_2, joined, indent, line_length, line_position, line_rest, line_quotes, line_words_before,
    comment, list_item, in_string, first_word, declaration, member, flag, sigil, rest_words,
    // the window
    high_bytes, lines, line_mean, templates, quotes, parens, semicolons, equals, colons, angles, hashes, digits_share,
    upper_share, wording, prev_like, prev_literal, prev_reference, next_like, next_literal, next_reference, value_again,
    key_again, pipes, backticks, commas, tabs, hex_share, hex_again,
    // the path
    user_literal, user_bare, user_equal, user_part_equal, user_part_known, host_local, host_example, language, path_test, path_example, path_doc, path_vendor, path_config, path_locale, path_deploy, path_template,
    path_depth, path_source, path_secret,
}

const CLASSES: usize = words::SHARED;
/// Numbers per proposal: the row, then a flag per class for the key, a share per class for the value, a count per class
/// for the line and for the window.
pub(super) const COUNT: usize = FIELDS.len() + 4 * CLASSES;

/// Room for the numbers: a power of two, and the last is never greater than anything.
pub(super) const SLOTS: usize = 512;

/// Names of the numbers, in order.
pub(super) fn names() -> Vec<String> {
    let sets = ["key", "value", "line", "window"];
    let classes =
        sets.iter().flat_map(|set| CLASS_NAMES[..CLASSES].iter().map(move |c| format!("{set}:{}", c.to_lowercase())));
    FIELDS.iter().map(|f| (*f).to_owned()).chain(classes).collect()
}

/// The numbers of one proposal as they come to be known: the cheap ones first, 0 for those that are not known yet.
pub(super) struct Numbers<'a> {
    hay: &'a [u8],
    proposal: &'a Proposal,
    /// The sorts of the value's bytes.
    tally: Tally,
    /// As the trees see them: the row, the classes, and room.
    all: [f32; SLOTS],
}

impl<'a> Numbers<'a> {
    /// None yet.
    pub(super) fn of(hay: &'a [u8], proposal: &'a Proposal) -> Self {
        let mut all = [0.0; SLOTS];
        all[SLOTS - 1] = f32::NEG_INFINITY;
        Self { hay, proposal, tally: Tally::of(proposal.value.of(hay)), all }
    }

    /// Those of the key, the value, and what joins them.
    pub(super) fn of_pair(hay: &'a [u8], proposal: &'a Proposal) -> Self {
        let mut numbers = Self::of(hay, proposal);
        numbers.add_cheap();
        numbers.add_pair();
        numbers
    }

    /// Those of the key, of what joins key and value, and what a glance at the value tells.
    pub(super) fn add_cheap(&mut self) {
        let (hay, p, tally) = (self.hay, self.proposal, self.tally);
        let value = p.value.of(hay);
        let (row, [key, ..]) = self.parts();
        key_numbers(hay, p, row, key);
        shares(value, &tally, row);
        row.length = value.len() as f32;
        row.starts_upper = f32::from(u8::from(value.first().is_some_and(u8::is_ascii_uppercase)));
        row.name_only = f32::from(u8::from(tally.is_word()));
        context::kind(hay, p, row);
    }

    /// Those of the value, and how much it shares with the key.
    pub(super) fn add_pair(&mut self) {
        let (hay, p, tally) = (self.hay, self.proposal, self.tally);
        let (row, [_, value, ..]) = self.parts();
        value_numbers(p.value.of(hay), &tally, row, value);
        relation(hay, p, row);
    }

    /// Those of the line, the window and the path.
    pub(super) fn add_context(&mut self, path: &[u8]) {
        let (hay, p) = (self.hay, self.proposal);
        let (row, [.., line, window]) = self.parts();
        context::fill(hay, p, row, line, window);
        context::path(path, row);
    }

    /// The row, and the classes of the key, the value, the line and the window.
    fn parts(&mut self) -> (&mut Row, [&mut [f32]; 4]) {
        let (row, classes) = self.all.split_first_chunk_mut().expect("room for a row");
        let mut classes = classes.chunks_exact_mut(CLASSES);
        (Row::within(row), std::array::from_fn(|_| classes.next().unwrap_or_default()))
    }

    /// The numbers as the trees see them.
    pub(super) fn all(&self) -> &[f32; SLOTS] {
        &self.all
    }
}

/// All numbers of a proposal.
pub(super) fn vector(hay: &[u8], p: &Proposal, path: &[u8]) -> [f32; SLOTS] {
    let mut numbers = Numbers::of_pair(hay, p);
    numbers.add_context(path);
    numbers.all
}

fn key_numbers(hay: &[u8], p: &Proposal, row: &mut Row, classes: &mut [f32]) {
    let key = p.key.of(hay);
    let offset = p.anchor.end.saturating_sub(p.key.start);
    let (mut count, mut spare) = (0, 0);
    let (mut first, mut last, mut next) = (0.0, 0.0, 0.0);
    words::each(key, |set, start, end| {
        let rank = if set == 0 { 40.0 } else { set.trailing_zeros() as f32 + 1.0 };
        if count == 0 {
            first = rank;
        }
        if start >= offset && next == 0.0 {
            next = rank;
        }
        last = rank;
        count += 1;
        spare += if set == 0 { end - start } else { 0 };
        words::members(set).for_each(|class| classes[class] = 1.0);
    });
    row.key_length = key.len() as f32;
    row.key_words = count as f32;
    row.key_first = first;
    row.key_last = last;
    row.key_next = next;
    row.key_spare = spare as f32 / key.len().max(1) as f32;
    row.key_anchor_end = p.key.end.saturating_sub(p.anchor.end) as f32;
    row.key_anchor_start = p.anchor.start.saturating_sub(p.key.start) as f32;
    let tally = Tally::of(key);
    row.key_upper = tally.upper() as f32 / key.len().max(1) as f32;
    row.key_lower = tally.lower() as f32 / key.len().max(1) as f32;
    row.key_digits = tally.digits() as f32;
    row.key_dots = tally.count(Sort::Dot);
    row.key_dashes = tally.count(Sort::Dash);
    row.key_underscores = tally.count(Sort::Underscore);
    row.key_dollar = tally.count(Sort::Dollar);
}

/// Which shares of the value's first bytes are of the commonest sorts; its sorts were counted.
fn shares(value: &[u8], tally: &Tally, row: &mut Row) {
    let first = first_counted(value, tally);
    let n = value.len().clamp(1, LOOKED_AT) as f32;
    (row.lower, row.upper, row.digit) = (first.lower() as f32 / n, first.upper() as f32 / n, first.digits() as f32 / n);
    row.space = first.space() as f32 / n;
}

/// The sorts among the bytes that are looked at, from those of the whole value.
fn first_counted(value: &[u8], tally: &Tally) -> Tally {
    if value.len() <= LOOKED_AT { *tally } else { Tally::of(&value[..LOOKED_AT]) }
}

fn value_numbers(value: &[u8], tally: &Tally, row: &mut Row, classes: &mut [f32]) {
    let c = shapes::census(value, &first_counted(value, tally));
    census_numbers(value, &c, tally, row);
    let l = text::likelihood(value);
    (row.folded, row.paired, row.worst, row.best, row.rare) = (l.folded, l.paired, l.worst, l.best, l.rare);
    let v = text::vocabulary(value);
    (row.covered, row.covered_short, row.common, row.words) = (v.covered, v.covered_short, v.common, v.words);
    (row.longest_word, row.pieces) = (v.longest, v.pieces);
    row.base64 = f32::from(u8::from(shapes::base64(value)));
    row.base32 = f32::from(u8::from(shapes::base32(value)));
    if row.base64 > 0.0 {
        let (printable, colon) = shapes::decoded(value);
        row.printable = printable;
        row.colon_inside = f32::from(u8::from(colon));
    }
    let (mut count, mut capitals) = (0, 0);
    let n = value.len().min(160) as f32;
    words::each(&value[..value.len().min(160)], |set, start, end| {
        count += 1;
        capitals += usize::from(value[start].is_ascii_uppercase());
        words::members(set).for_each(|class| classes[class] += (end - start) as f32 / n);
    });
    row.word_count = count as f32;
    row.capital_words = capitals as f32;
    let letters = c.lower + c.upper;
    let body = (value.len() - c.trailing_digits) as f32;
    let trivial = classes[Class::Trivial as usize] * n;
    row.trivial_whole = f32::from(u8::from(letters > 0 && trivial >= n - 0.5));
    row.numeric_tail_trivial = f32::from(u8::from(c.trailing_digits > 0 && trivial > 0.0 && trivial >= body - 0.5));
    row.sentence = f32::from(u8::from(c.space > 0 && value[0].is_ascii_uppercase() && count > 1));
}

fn census_numbers(value: &[u8], c: &Census, tally: &Tally, row: &mut Row) {
    let n = value.len().min(LOOKED_AT) as f32;
    (row.symbol, row.high) = (c.symbol as f32 / n, c.high as f32 / n);
    row.distinct = c.distinct as f32 / n;
    row.entropy = c.entropy;
    row.entropy_gap = n.min(if c.hex { 16.0 } else { 64.0 }).log2() - c.entropy;
    (row.run, row.sequence, row.keyboard) = (c.run as f32, c.sequence as f32, c.keyboard as f32);
    row.changes = c.changes as f32 / n;
    (row.longest_letters, row.longest_digits) = (c.longest_letters as f32, c.longest_digits as f32);
    row.trailing_digits = c.trailing_digits as f32;
    row.vowels = c.vowels as f32 / (c.lower + c.upper).max(1) as f32;
    (row.consonants, row.humps, row.mixed) = (c.consonants as f32, c.humps as f32, c.mixed as f32);
    row.hex = f32::from(u8::from(c.hex));
    row.form = f32::from(shapes::form(value, c));
    row.first_class = context::byte_class(value[0]);
    row.last_class = context::byte_class(value[value.len() - 1]);
    row.padding = value.iter().rev().take_while(|&&b| b == b'=').count() as f32;
    row.length_mod4 = (value.len() % 4) as f32;
    row.braces = tally.count(Sort::Bracket);
    row.percent = tally.count(Sort::Percent);
    row.angle = tally.count(Sort::Angle);
    row.dollar = tally.count(Sort::Dollar);
    row.backslash = tally.count(Sort::Backslash);
    row.dots = tally.count(Sort::Dot);
    row.dashes = tally.count(Sort::Dash) + tally.count(Sort::Underscore);
    row.slashes = tally.count(Sort::Slash);
    row.masked = tally.masks() as f32 / n;
    row.repeated = repeated(value);
    row.groups_equal = groups(value);
    let inner = value.split(|b| !b.is_ascii_alphanumeric()).max_by_key(|run| run.len()).unwrap_or(value);
    row.inner_length = inner.len() as f32;
    row.inner_share = inner.len() as f32 / value.len() as f32;
    row.inner_rare = text::likelihood(inner).rare;
    row.inner_digit = inner.iter().filter(|b| b.is_ascii_digit()).count() as f32 / inner.len().max(1) as f32;
}

/// Share of the value that repeats what stood `k` before, for the best small `k`.
fn repeated(value: &[u8]) -> f32 {
    let value = &value[..value.len().min(64)];
    let best =
        (2..=8.min(value.len() / 2)).map(|k| value.iter().zip(&value[k..]).filter(|(a, b)| a == b).count()).max();
    best.unwrap_or(0) as f32 / value.len() as f32
}

/// Number of groups of equal length between dashes (licence keys, UUIDs), 0 where they differ.
fn groups(value: &[u8]) -> f32 {
    let mut lens = value.split(|&b| b == b'-').map(<[u8]>::len);
    let first = lens.next().unwrap_or(0);
    let mut n = 1;
    for len in lens {
        if len != first {
            return 0.0;
        }
        n += 1;
    }
    n as f32
}

/// How much key and value share.
fn relation(hay: &[u8], p: &Proposal, row: &mut Row) {
    let (mut keys, mut values, mut anchors) = ([0; 64], [0; 64], [0; 64]);
    let (key, value) = (letters(p.key.of(hay), &mut keys), letters(p.value.of(hay), &mut values));
    if key.len() < 3 || value.len() < 3 {
        return;
    }
    row.equals_key = f32::from(u8::from(key == value));
    row.contains_key = f32::from(u8::from(holds(value, key)));
    row.inside_key = f32::from(u8::from(holds(key, value)));
    let anchor = letters(p.anchor.of(hay), &mut anchors);
    let prefix = key.iter().zip(value).take_while(|(a, b)| a == b).count();
    let suffix = key.iter().rev().zip(value.iter().rev()).take_while(|(a, b)| a == b).count();
    let named = anchor.len() >= 3 && holds(value, anchor);
    let most = prefix.max(suffix).max(if named { anchor.len() } else { 0 });
    row.key_overlap = most as f32 / value.len() as f32;
}

/// The letters and digits among the first bytes of a text, the letters small.
fn letters<'b>(text: &[u8], buffer: &'b mut [u8; 64]) -> &'b [u8] {
    let mut len = 0;
    for byte in text.iter().take(buffer.len()).filter(|byte| byte.is_ascii_alphanumeric()) {
        buffer[len] = byte.to_ascii_lowercase();
        len += 1;
    }
    &buffer[..len]
}

/// A quote as a number.
pub(super) fn quote_rank(quote: Quote) -> f32 {
    f32::from(quote as u8)
}

/// An operator as a number.
pub(super) fn operator_rank(operator: Operator) -> f32 {
    f32::from(operator as u8)
}
