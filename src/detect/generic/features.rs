//! A proposal as numbers: the only thing that the model sees, in training and in use.

use super::{
    Operator, Proposal, Quote, context,
    shapes::{self, Census},
    text,
    words::{self, CLASS_NAMES, Class},
};
use crate::detect::entropy::holds;

macro_rules! row {
    ($($name:ident),* $(,)?) => {
        /// One number per property; see the functions that fill them.
        #[derive(Default)]
        pub(super) struct Row { $(pub(super) $name: f32),* }
        const FIELDS: &[&str] = &[$(stringify!($name)),*];
        impl Row {
            fn write(&self, out: &mut [f32]) {
                let mut at = 0;
                $(out[at] = self.$name; at += 1;)*
                debug_assert_eq!(at, FIELDS.len());
            }
        }
    };
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

/// Names of the numbers, in order.
pub(super) fn names() -> Vec<String> {
    let sets = ["key", "value", "line", "window"];
    let classes =
        sets.iter().flat_map(|set| CLASS_NAMES[..CLASSES].iter().map(move |c| format!("{set}:{}", c.to_lowercase())));
    FIELDS.iter().map(|f| (*f).to_owned()).chain(classes).collect()
}

/// The numbers that are cheap to have, all others 0: the same as in [`vector`].
pub(super) fn cheap(hay: &[u8], p: &Proposal) -> [f32; COUNT] {
    let mut out = [0.0; COUNT];
    let mut row = Row::default();
    key_numbers(hay, p, &mut row, &mut out[FIELDS.len()..FIELDS.len() + CLASSES]);
    let value = p.value.of(hay);
    let text = &value[..value.len().min(512)];
    let share = |f: fn(&u8) -> bool| text.iter().filter(|b| f(b)).count() as f32 / text.len().max(1) as f32;
    row.length = value.len() as f32;
    row.lower = share(u8::is_ascii_lowercase);
    row.upper = share(u8::is_ascii_uppercase);
    row.digit = share(u8::is_ascii_digit);
    row.space = share(|b| *b == b' ' || *b == b'\t');
    row.starts_upper = f32::from(u8::from(value.first().is_some_and(u8::is_ascii_uppercase)));
    row.name_only = f32::from(u8::from(value.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')));
    context::kind(hay, p, &mut row);
    row.write(&mut out);
    out
}

/// All numbers of a proposal.
pub(super) fn vector(hay: &[u8], p: &Proposal, path: &[u8]) -> [f32; COUNT] {
    let mut out = [0.0; COUNT];
    let mut row = Row::default();
    let classes = &mut out[FIELDS.len()..];
    let (key, rest) = classes.split_at_mut(CLASSES);
    let (value, rest) = rest.split_at_mut(CLASSES);
    let (line, window) = rest.split_at_mut(CLASSES);
    key_numbers(hay, p, &mut row, key);
    value_numbers(hay, p, &mut row, value);
    relation(hay, p, &mut row);
    context::fill(hay, p, &mut row, line, window);
    context::path(path, &mut row);
    row.write(&mut out);
    out
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
    let share = |f: fn(&u8) -> bool| key.iter().filter(|b| f(b)).count() as f32;
    row.key_upper = share(u8::is_ascii_uppercase) / key.len().max(1) as f32;
    row.key_lower = share(u8::is_ascii_lowercase) / key.len().max(1) as f32;
    row.key_digits = share(u8::is_ascii_digit);
    row.key_dots = share(|b| *b == b'.');
    row.key_dashes = share(|b| *b == b'-');
    row.key_underscores = share(|b| *b == b'_');
    row.key_dollar = share(|b| *b == b'$');
}

fn value_numbers(hay: &[u8], p: &Proposal, row: &mut Row, classes: &mut [f32]) {
    let value = p.value.of(hay);
    let c = shapes::census(value);
    census_numbers(value, &c, row);
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

fn census_numbers(value: &[u8], c: &Census, row: &mut Row) {
    let n = value.len().min(512) as f32;
    row.length = value.len() as f32;
    (row.lower, row.upper, row.digit) = (c.lower as f32 / n, c.upper as f32 / n, c.digit as f32 / n);
    (row.symbol, row.space, row.high) = (c.symbol as f32 / n, c.space as f32 / n, c.high as f32 / n);
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
    row.starts_upper = f32::from(u8::from(value[0].is_ascii_uppercase()));
    row.first_class = context::byte_class(value[0]);
    row.last_class = context::byte_class(value[value.len() - 1]);
    row.padding = value.iter().rev().take_while(|&&b| b == b'=').count() as f32;
    row.length_mod4 = (value.len() % 4) as f32;
    let count = |f: fn(u8) -> bool| value.iter().filter(|&&b| f(b)).count() as f32;
    row.braces = count(|b| matches!(b, b'{' | b'}' | b'[' | b']' | b'(' | b')'));
    row.percent = count(|b| b == b'%');
    row.angle = count(|b| matches!(b, b'<' | b'>'));
    row.dollar = count(|b| b == b'$');
    row.backslash = count(|b| b == b'\\');
    row.dots = count(|b| b == b'.');
    row.dashes = count(|b| b == b'-' || b == b'_');
    row.slashes = count(|b| b == b'/');
    row.masked = count(|b| matches!(b, b'x' | b'X' | b'*' | b'.' | b'0' | b'-' | b'#' | b'_')) / n;
    row.name_only = f32::from(u8::from(value.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')));
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
