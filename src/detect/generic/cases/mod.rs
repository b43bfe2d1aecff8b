//! Hard cases as tables: what must be found, and what must not. Values are made at run time from a fixed seed, so that
//! no line here holds one.

mod harmless;
mod made;
mod secrets;

use super::{LOW, MEDIUM, Proposal, judge, keywords, propose};
use crate::model::Span;

/// At which operating point a line must be found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Expect {
    Low,
    Medium,
}

/// A small generator: the same values on every run.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }

    fn from(&mut self, alphabet: &str, len: usize) -> String {
        let bytes = alphabet.as_bytes();
        (0..len).map(|_| char::from(bytes[self.below(bytes.len())])).collect()
    }

    fn word(&mut self) -> &'static str {
        const WORDS: &str = "anchor autumn badger bamboo barrel beacon blanket bottle bronze butter cabin candle canyon \
             carbon castle cedar cherry cobalt comet copper coral cotton crystal desert dragon eagle engine falcon feather \
             forest fossil garden ginger glacier granite hammer harbor helmet hunter island ivory jacket jungle kettle \
             ladder lantern lemon lizard magnet maple marble meadow mirror nickel oasis ocean olive orchid oyster paddle";
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        words[self.below(words.len())]
    }

    /// A value of a kind; see `secrets.rs`.
    pub(super) fn value(&mut self, kind: &str) -> String {
        const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
        const ALNUM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        match kind {
            "sym" => {
                let len = 7 + self.below(6);
                let (lower, digit, symbol) = (self.from(LOWER, 1), self.from("23456789", 1), self.from("!%^*-+?=", 1));
                format!("{}{}{}{}{}", self.from(ALNUM, len / 2), symbol, digit, self.from(ALNUM, len - len / 2), lower)
            }
            "phrase" => {
                let gap = ["-", "_", "."][self.below(3)];
                [self.word(), self.word(), self.word(), self.word()].join(gap)
            }
            "say" => {
                let count = 4 + self.below(2);
                (0..count).map(|_| self.from("bdfgklmnprstvz", 1) + &self.from("aeiou", 1)).collect()
            }
            "leet" => {
                let word = self.word().replace('a', "4").replace('e', "3").replace('o', "0");
                format!("{}{word}{}{}", self.from("ABCDEFGHKLMNPRST", 1), self.from(LOWER, 3), 10 + self.below(90))
            }
            "alnum" => {
                let len = 16 + self.below(16);
                self.from(ALNUM, len - 1) + "7"
            }
            "hex" => {
                let len = [32, 40, 64][self.below(3)];
                self.from("0123456789abcdef", len - 2) + "a9"
            }
            "b64" => self.from(ALNUM, 20) + "+" + &self.from(ALNUM, 20) + "/k=",
            "digits" => self.from("123456789", 7),
            "uuid" => {
                let part: Vec<String> = [8, 4, 4, 4, 12].iter().map(|&n| self.from("0123456789abcdef", n)).collect();
                part.join("-")
            }
            "basic" => {
                use base64::Engine;
                let pair = format!("{}:{}", self.word(), self.from(ALNUM, 11));
                base64::engine::general_purpose::STANDARD.encode(pair)
            }
            _ => unreachable!("no such kind: {kind}"),
        }
    }

    /// Fills in `@kind@`; returns the text and the value that it put in.
    pub(super) fn fill(&mut self, template: &str) -> (String, String) {
        for kind in ["sym", "phrase", "say", "leet", "alnum", "hex", "b64", "digits", "uuid", "basic"] {
            let mark = format!("@{kind}@");
            if template.contains(&mark) {
                let value = self.value(kind);
                return (template.replace(&mark, &value), value);
            }
        }
        (template.to_owned(), String::new())
    }
}

/// Everything proposed in `text`, in the order of the anchors.
pub(super) fn proposals(text: &str) -> Vec<Proposal> {
    let lower = text.to_ascii_lowercase();
    let mut anchors: Vec<Span> = Vec::new();
    for word in keywords() {
        let mut from = 0;
        while let Some(at) = lower[from..].find(word) {
            anchors.push(Span::new(from + at, from + at + word.len()));
            from += at + word.len();
        }
    }
    anchors.sort_unstable();
    let mut out = Vec::new();
    for anchor in anchors {
        propose(text.as_bytes(), anchor, &mut out);
    }
    out
}

/// The best probability of any proposal whose value meets `keep`.
pub(super) fn best(path: &str, text: &str, keep: impl Fn(&str) -> bool) -> f32 {
    let said = |p: &Proposal| keep(&String::from_utf8_lossy(p.value.of(text.as_bytes())));
    let found = proposals(text);
    let chosen = found.iter().filter(|p| said(p));
    chosen.map(|p| judge(text.as_bytes(), p, path.as_bytes()).probability).fold(0.0, f32::max)
}

const VARIANTS: u64 = 7;

#[test]
fn credentials_are_found() {
    let mut wrong = Vec::new();
    for &(path, template, expect) in secrets::SECRETS {
        let mut scores: Vec<f32> = (0..VARIANTS)
            .map(|seed| {
                let (text, value) = Random::new(seed + 1).fill(template);
                best(path, &text, |v| v == value)
            })
            .collect();
        scores.sort_by(f32::total_cmp);
        let cut = if expect == Expect::Medium { MEDIUM } else { LOW };
        // five of seven values must pass
        if scores[2] < cut {
            wrong.push(format!("{path}: {template} {scores:.2?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are missed:\n{}", wrong.len(), secrets::SECRETS.len(), wrong.join("\n"));
}

#[test]
fn harmless_lines_are_left_alone() {
    let mut wrong = Vec::new();
    for &(path, text) in harmless::HARMLESS {
        let score = best(path, text, |_| true);
        if score >= MEDIUM {
            wrong.push(format!("{path}: {text} {score:.2}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are flagged:\n{}", wrong.len(), harmless::HARMLESS.len(), wrong.join("\n"));
}

#[test]
fn there_are_three_hundred_cases() {
    assert!(secrets::SECRETS.len() + harmless::HARMLESS.len() >= 300);
}
