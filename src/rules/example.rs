//! The example templates of a rule become text: no literal key is ever stored.
//!
//! `{secret}` is a text sampled from the rule's own pattern; `{alnum:30}` thirty letters and digits; `{{` and `}}` are
//! braces. The same rule gives the same text every time.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::{rule::Rule, shape};

/// A small, fixed generator of numbers (SplitMix64): samples must be the same on every machine and in every version.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Seeded by a text, a rule's id for instance.
    #[must_use]
    pub fn new(seed: &str) -> Self {
        Self(seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// A template that cannot be expanded.
#[derive(thiserror::Error, Debug, PartialEq, Eq)]
#[error("template `{template}`: {why}")]
pub struct TemplateError {
    template: String,
    why: String,
}

/// Alphabets by name.
fn letters(name: &str) -> Option<Vec<u8>> {
    let ranges: &[(u8, u8)] = match name {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "hex" => &[(b'0', b'9'), (b'a', b'f')],
        "HEX" => &[(b'0', b'9'), (b'A', b'F')],
        "lower" => &[(b'a', b'z')],
        "upper" => &[(b'A', b'Z')],
        "digit" => &[(b'0', b'9')],
        "base32" => &[(b'A', b'Z'), (b'2', b'7')],
        "base64" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z'), (b'+', b'+'), (b'/', b'/')],
        "base64url" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z'), (b'-', b'-'), (b'_', b'_')],
        "password" => {
            &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z'), (b'!', b'!'), (b'#', b'#'), (b'*', b'*'), (b'?', b'?')]
        }
        _ => return None,
    };
    Some(ranges.iter().flat_map(|&(first, last)| first..=last).collect())
}

/// Expands a template of `rule`. `complete` makes a sampled secret's checksum right.
pub fn expand(
    template: &str,
    rule: &Rule,
    dice: &mut Dice,
    complete: &dyn Fn(&str, &mut Vec<u8>),
) -> Result<Vec<u8>, TemplateError> {
    let fail = |why: &str| TemplateError { template: template.to_owned(), why: why.to_owned() };
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.extend(&rest.as_bytes()[..at]);
        let brace = &rest[at..at + 1];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out.extend(brace.as_bytes());
            rest = after;
            continue;
        }
        let (word, after) = rest
            .split_once('}')
            .filter(|_| brace == "{")
            .ok_or_else(|| fail("a brace stands alone; write it twice"))?;
        rest = after;
        out.extend(fill(word, rule, dice, complete).map_err(|why| fail(&why))?);
    }
    out.extend(rest.as_bytes());
    Ok(out)
}

fn fill(word: &str, rule: &Rule, dice: &mut Dice, complete: &dyn Fn(&str, &mut Vec<u8>)) -> Result<Vec<u8>, String> {
    if word == "secret" || word == "secret:bad-checksum" {
        let mut text = sample_secret(rule, dice)?;
        complete(&rule.checksum, &mut text);
        if word != "secret" {
            spoil(&mut text);
        }
        return Ok(text);
    }
    let (name, count) = word.split_once(':').ok_or_else(|| format!("`{{{word}}}` is no placeholder"))?;
    let alphabet = letters(name).ok_or_else(|| format!("`{name}` is no alphabet"))?;
    let count: usize = count.parse().map_err(|_| format!("`{count}` is no number"))?;
    Ok((0..count).map(|_| alphabet[dice.below(alphabet.len())]).collect())
}

/// Changes the last letter or digit, so that a checksum that was right is wrong.
fn spoil(text: &mut [u8]) {
    if let Some(last) = text.iter_mut().rev().find(|b| b.is_ascii_alphanumeric()) {
        *last = if *last == b'0' { b'1' } else { b'0' };
    }
}

/// A text that the secret group of the rule's pattern matches, and that passes the rule's tests on the secret.
fn sample_secret(rule: &Rule, dice: &mut Dice) -> Result<Vec<u8>, String> {
    let hir = shape::parse(&rule.pattern)?;
    let group = shape::secret_group(&hir).unwrap_or(&hir);
    let mut text = Vec::new();
    // A sample can happen to be poor (no digit, low entropy); a few tries always give a good one.
    for _ in 0..200 {
        text.clear();
        sample(group, dice, &mut text);
        let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
        let lower = text.to_ascii_lowercase();
        let stopped = rule.stop.iter().any(|stop| lower.windows(stop.len()).any(|part| part == stop.as_bytes()));
        if digits >= rule.min_digits as usize && entropy(&text) > rule.min_entropy && !stopped {
            break;
        }
    }
    Ok(text)
}

/// Shannon entropy in bits per byte.
#[must_use]
pub fn entropy(text: &[u8]) -> f32 {
    let mut counts = [0u32; 256];
    text.iter().for_each(|&b| counts[usize::from(b)] += 1);
    let total = text.len() as f32;
    -counts.iter().filter(|&&count| count > 0).map(|&count| count as f32 / total).map(|p| p * p.log2()).sum::<f32>()
}

fn sample(hir: &Hir, dice: &mut Dice, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend(&literal.0[..]),
        HirKind::Class(class) => {
            let bytes: Vec<u8> = match class {
                Class::Bytes(class) => class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect(),
                Class::Unicode(class) => class
                    .ranges()
                    .iter()
                    .flat_map(|r| (r.start() as u32..=r.end() as u32).take(256))
                    .map(|c| c as u8)
                    .collect(),
            };
            // Among all bytes that would do, letters and digits make the likeliest text.
            let plain: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
            let pool = if plain.len() > 1 && dice.below(12) > 0 { &plain } else { &bytes };
            out.extend(pool.get(dice.below(pool.len())));
        }
        HirKind::Repetition(repetition) => {
            let least = repetition.min as usize;
            let most = repetition.max.map_or(least + 8, |max| (max as usize).min(least + 24));
            let count = least + dice.below(most - least + 1);
            (0..count).for_each(|_| sample(&repetition.sub, dice, out));
        }
        HirKind::Capture(capture) => sample(&capture.sub, dice, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| sample(part, dice, out)),
        HirKind::Alternation(parts) => sample(&parts[dice.below(parts.len())], dice, out),
    }
}
