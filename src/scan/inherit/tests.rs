//! What is inherited must be what a plain scan finds, whatever a delta copies and wherever its seams fall.

use std::sync::Arc;

use super::*;
use crate::{
    detect::{Known, Options},
    model::{Candidate, Confidence},
    rules::{
        RuleSet,
        example::{Dice, expand},
        table::Pass,
    },
};

/// Pieces of text that rules look for: keywords, whole examples, halves of examples, assignments, runs, noise.
struct Words {
    pieces: Vec<Vec<u8>>,
}

impl Words {
    fn new(rules: &RuleSet) -> Self {
        let mut pieces = Vec::new();
        for pass in [Pass::Everywhere, Pass::BeforeRuns] {
            pieces.extend(rules.table().keywords(pass).map(|keyword| keyword.text.to_vec()));
        }
        let mut dice = Dice::new("examples");
        for (_, loaded) in rules.iter() {
            for example in &loaded.rule.examples {
                let Ok(text) = expand(example, &loaded.rule, &mut dice, &|_, _| {}) else { continue };
                let cut = dice.below(text.len());
                pieces.extend([text[..cut].to_vec(), text[cut..].to_vec(), text]);
            }
        }
        Self { pieces }
    }

    fn add(&self, dice: &mut Dice, out: &mut Vec<u8>) {
        const SIGNS: [&[u8]; 12] = [
            b" = ",
            b": ",
            b"=\"",
            b"\"\n",
            b"\n",
            b" ",
            b"', '",
            b"\xff\xc3",
            b"password",
            b"SECRET_KEY=",
            b"_",
            b"//x:y@",
        ];
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_";
        match dice.below(11) {
            0..=3 => out.extend(&self.pieces[dice.below(self.pieces.len())]),
            4..=6 => out.extend(SIGNS[dice.below(SIGNS.len())]),
            7 => {
                let used = [16, 62, LETTERS.len()][dice.below(3)];
                let length = dice.below(70);
                out.extend((0..length).map(|_| LETTERS[dice.below(used)]));
            }
            8 => {
                // A string that looks random and has no name.
                out.extend(b"f(\"");
                out.extend((0..40).map(|_| LETTERS[dice.below(62)]));
                out.extend(b"\")\n");
            }
            _ => out.extend((0..dice.below(120)).map(|_| b"the quick brown fox, jumps;\n"[dice.below(28)])),
        }
    }

    fn text(&self, dice: &mut Dice, most: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..dice.below(most) {
            self.add(dice, &mut text);
        }
        text
    }
}

/// A version and what it has from its base.
fn version(base: &[u8], words: &Words, dice: &mut Dice) -> (Vec<u8>, Vec<Piece>) {
    let (mut text, mut copies) = (Vec::new(), Vec::new());
    let edits = 1 + dice.below(5);
    let mut from = 0;
    for _ in 0..=edits {
        // Mostly onwards through the base, as versions do; at times from anywhere.
        let start = if dice.below(6) == 0 { dice.below(base.len()) } else { (from + dice.below(40)).min(base.len()) };
        let len = match dice.below(4) {
            0 => dice.below(60),
            1 => base.len() - start,
            _ => dice.below(2 * base.len() / edits + 1),
        };
        let len = len.min(base.len() - start);
        if len > 0 {
            Piece { at: text.len(), from: start, len }.join(&mut copies, 1);
        }
        text.extend(&base[start..start + len]);
        from = start + len;
        if dice.below(4) > 0 {
            text.extend(words.text(dice, 4));
        }
    }
    (text, copies)
}

/// In an order that does not depend on how they were found.
fn sorted(found: &[Raw]) -> Vec<&Raw> {
    let mut found: Vec<&Raw> = found.iter().collect();
    found.sort_by_key(|raw| (raw.anchor, raw.keyword, raw.rule, raw.matched, raw.secret));
    found
}

fn assert_same(inherited: &Carried, plain: &Carried, seed: usize) {
    for found in [&inherited.verified, &inherited.contexts, &plain.verified, &plain.contexts] {
        assert!(found.is_sorted_by_key(|raw| raw.anchor), "chain {seed}: what is inherited is looked for by its place");
    }
    assert_eq!(inherited.anchors, plain.anchors, "chain {seed}");
    assert_eq!(sorted(&inherited.verified), sorted(&plain.verified), "chain {seed}");
    assert_eq!(sorted(&inherited.contexts), sorted(&plain.contexts), "chain {seed}");
    assert_eq!(inherited.encoded, plain.encoded, "chain {seed}");
}

#[test]
fn a_chain_of_versions_inherits_what_plain_scans_find() {
    try_chains(0..200, Confidence::Low, 10);
    try_chains(200..400, Confidence::Medium, 8);
}

#[test]
#[ignore = "takes minutes unless optimised"]
fn thousands_of_chains_inherit_what_plain_scans_find() {
    try_chains(0..5000, Confidence::Low, 10);
    try_chains(5000..8000, Confidence::Medium, 8);
}

/// More than `least` matches a chain are compared.
fn try_chains(seeds: Range<usize>, confidence: Confidence, least: usize) {
    let options = Options { confidence, explain: true };
    let detector = Detector::new(Arc::new(RuleSet::builtin()), options);
    let words = Words::new(detector.rules());
    let mut heir = Heir::new(&detector);
    let longest = detector.longest_keyword();
    let (mut room, mut scratch) = (Room::default(), Scratch::default());
    let (mut found, mut pieces_used) = (0, 0);
    let chains = seeds.len();
    for seed in seeds {
        let dice = &mut Dice::new(&format!("chain {seed}"));
        // Shorter pieces than any worth while, so that every kind of seam is met in a short text.
        heir.shortest_piece = [1, longest, 4 * longest][seed % 3];
        let mut base = words.text(dice, 60);
        base.push(b'.');
        let mut known = heir.plain(&base, &mut scratch);
        for _ in 0..1 + dice.below(4) {
            let (text, copies) = version(&base, &words, dice);
            let version = Version { text: &text, base_len: base.len(), delta: Delta::of(&copies) };
            heir.cut(&version, &mut room);
            let inherited = heir.join(&known, &version, &mut room, &mut scratch);
            assert_same(&inherited, &heir.plain(&text, &mut scratch), seed);
            assert_same(&heir.inherit(&known, &version, &mut room, &mut scratch), &inherited, seed);
            found += inherited.verified.len() + inherited.contexts.len();
            pieces_used += room.pieces.len();
            known = inherited;
            base = text;
            if base.is_empty() {
                break;
            }
        }
    }
    assert!(found > least * chains && pieces_used > 4 * chains, "{found} found, {pieces_used} pieces");
}

/// What [`Detector::scan`] says of one rule and secret.
fn of(found: &[Candidate], rule: u32, secret: &[u8]) -> Vec<String> {
    let these = found.iter().filter(|candidate| candidate.index == rule && candidate.secret.expose() == secret);
    these.map(|candidate| format!("{candidate:?}")).collect()
}

#[test]
fn what_was_kept_is_reported_as_if_it_were_searched_again() {
    let detector = Detector::new(Arc::new(RuleSet::builtin()), Options::default());
    let (words, heir) = (Words::new(detector.rules()), Heir::new(&detector));
    let (mut scratch, mut compared) = (Scratch::default(), [0, 0]);
    for seed in 0..150 {
        let dice = &mut Dice::new(&format!("text {seed}"));
        let mut text = words.text(dice, 60);
        // Some of it in base64, some in escapes.
        let hidden = [b"what a text may hide: ".to_vec(), words.text(dice, 20)].concat();
        let escaped: String = hidden.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &hidden);
        text.extend(format!("\ndata: {encoded}\n").into_bytes());
        text.extend(if seed % 2 == 0 { format!("s = \"{escaped}\"\n").into_bytes() } else { Vec::new() });
        let carried = heir.plain(&text, &mut scratch);
        let [runs, clusters] = carried.encoded.places();
        let known = Known { matches: [carried.verified, carried.contexts].concat().into(), runs, clusters };
        let all = detector.scan(&text, b"src/a.py", &mut scratch);
        let plain = detector.secrets(&text, &known.matches).map(|(rule, secret)| (rule, secret, false));
        for (rule, secret, encoded) in plain.chain(carried.encoded.secrets().map(|(rule, secret)| (rule, secret, true)))
        {
            let is_wanted = |index, bytes: &[u8]| index == rule && bytes == secret;
            let kept = detector.scan_known(&text, b"src/a.py", &known, is_wanted, &mut scratch);
            assert_eq!(of(&kept, rule, secret), of(&all, rule, secret), "text {seed}");
            compared[usize::from(encoded)] += of(&all, rule, secret).len();
        }
    }
    assert!(compared[0] > 300 && compared[1] > 30, "{compared:?}");
}
