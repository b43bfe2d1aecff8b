//! Hard cases as tables: what must be found, and what must not. Values are made at run time from a fixed seed, so that
//! no line here holds one.

mod harmless;
mod made;
mod secrets;

use super::{LOW, MEDIUM, Proposal, judge, keywords, propose};
use crate::model::Span;

/// What a text says, texts that say it, and texts that look as if.
pub(super) type Says = (fn(&[u8]) -> bool, &'static [&'static str], &'static [&'static str]);

/// Asserts each row.
pub(super) fn tell_apart(rows: &[Says]) {
    for (row, (says, yes, no)) in rows.iter().enumerate() {
        yes.iter().for_each(|text| assert!(says(text.as_bytes()), "row {row}: {text}"));
        no.iter().for_each(|text| assert!(!says(text.as_bytes()), "row {row}: {text}"));
    }
}

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

/// A proposal and its judgement depend on nothing outside the window that is promised.
#[test]
fn only_the_window_counts() {
    let mut random = Random::new(5);
    for &(path, template, _) in secrets::SECRETS {
        let (text, _) = random.fill(template);
        let far = "x = '1'\n".repeat(90) + &text + &"\ny = '2'".repeat(90);
        for p in proposals(&far) {
            let start = p.anchor.start - super::BEFORE;
            let end = p.anchor.end + super::AFTER;
            let cut = &far.as_bytes()[start..end];
            let moved = Span::new(p.anchor.start - start, p.anchor.end - start);
            let mut again = Vec::new();
            propose(cut, moved, &mut again);
            let value = Span::new(p.value.start - start, p.value.end - start);
            let same = again.iter().find(|q| q.value == value).expect("proposed from the window alone");
            let whole = judge(far.as_bytes(), &p, path.as_bytes()).probability;
            assert_eq!(whole.to_bits(), judge(cut, same, path.as_bytes()).probability.to_bits(), "{text}");
        }
    }
}

proptest::proptest! {
    /// Hostile bytes round an anchor neither panic nor lead outside the text.
    #[test]
    fn any_bytes_are_safe(before in proptest::collection::vec(0_u8.., 0..300), after in proptest::collection::vec(0_u8.., 0..600), pick in 0_usize..1000) {
        let word = keywords()[pick % keywords().len()];
        let text = [&before[..], word.as_bytes(), &after[..]].concat();
        let anchor = Span::new(before.len(), before.len() + word.len());
        let mut out = Vec::new();
        propose(&text, anchor, &mut out);
        for p in &out {
            proptest::prop_assert!(p.value.start <= p.value.end && p.value.end <= text.len() && p.key.end <= text.len());
            let probability = judge(&text, p, b"a/b.py").probability;
            proptest::prop_assert!((0.0..=1.0).contains(&probability));
            let _ = super::explain(&text, p, b"");
        }
        let _ = super::high_entropy(&text, Span::new(0, text.len().min(60)), Some(b"x.yml"));
    }

    /// As above with the bytes that matter to the readers.
    #[test]
    fn any_punctuation_is_safe(before in "[-a-zA-Z0-9 =:\"'`<>/(){}\\[\\].,;&@#$%\\\\\n]{0,80}", after in "[-a-zA-Z0-9 =:\"'`<>/(){}\\[\\].,;&@#$%\\\\\n]{0,160}", pick in 0_usize..1000) {
        let word = keywords()[pick % keywords().len()];
        let text = format!("{before}{word}{after}");
        let anchor = Span::new(before.len(), before.len() + word.len());
        let mut out = Vec::new();
        propose(text.as_bytes(), anchor, &mut out);
        for p in &out {
            proptest::prop_assert!(judge(text.as_bytes(), p, b"").probability <= 1.0);
        }
    }
}

#[test]
fn reasons_are_given_and_hold_no_value() {
    let (text, value) = Random::new(3).fill("password = \"@sym@\"");
    let p = proposals(&text)[0];
    let reasons = super::explain(text.as_bytes(), &p, b"app/db.py");
    assert!(!reasons.is_empty() && reasons.iter().all(|r| !r.contains(&value)));
}

#[test]
fn random_strings_without_a_name_are_for_low_only() {
    let mut random = Random::new(11);
    let (mut seen, mut hashes) = (0, 0);
    for _ in 0..50 {
        let text = format!("call(\"{}\")", random.value("alnum") + &random.value("alnum"));
        let score = super::high_entropy(text.as_bytes(), Span::new(6, text.len() - 2), Some(b"src/a.py"));
        seen += usize::from(score.is_some_and(|p| (LOW..MEDIUM).contains(&p)));
        let text = format!("sha256 = \"{}\"", random.value("hex"));
        hashes += usize::from(
            super::high_entropy(text.as_bytes(), Span::new(10, text.len() - 1), Some(b"src/a.py")).is_some(),
        );
    }
    assert!(seen >= 40 && hashes == 0, "{seen} {hashes}");
    for text in ["call(\"btn-primary-large-active-wide\")", "call(\"com.acme.app.security.Encoder\")"] {
        assert_eq!(super::high_entropy(text.as_bytes(), Span::new(6, text.len() - 2), Some(b"src/a.py")), None);
    }
}
