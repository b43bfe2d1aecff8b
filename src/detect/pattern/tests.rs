//! Programs against the general engine.

use super::{General, Machine, Pattern};
use crate::{
    detect::checksum,
    model::Span,
    rules::{
        RuleSet,
        example::{Dice, expand},
    },
};

/// What both say of a window; they must agree.
fn both(pattern: &Pattern, text: &[u8], window: Span, anchored: bool) -> Option<(Span, Span)> {
    let found = pattern.find(text, window, anchored, &mut Machine::default());
    let expected = General::new(&pattern.source, pattern.window).unwrap().find(text, window, anchored);
    assert_eq!(found, expected, "{} in {:?}", pattern.source, String::from_utf8_lossy(window.of(text)));
    found
}

#[test]
fn the_secret_is_the_group_of_that_name_or_all() {
    for window in [100, 10_000] {
        let (value, all) = (Span::new(4, 9), Span::new(0, 9));
        let found = |pattern: &str| {
            both(&Pattern::new(pattern, window).unwrap(), b"key=abc12;", Span::new(0, 10), false).unwrap()
        };
        assert_eq!(found(r"\b(?<secret>abc[0-9]+)\b"), (value, value));
        assert_eq!(found(r"(?<secret>abc[0-9]+)"), (value, value));
        assert_eq!(found(r"abc[0-9]+"), (value, value));
        assert_eq!(found(r"key=(?<secret>abc[0-9]+)"), (all, value));
        assert_eq!(found(r"key=(?:(?<secret>abc[0-9]+)|x)"), (all, value));
    }
}

#[test]
fn ways_are_tried_in_the_order_of_preference() {
    let texts: [&[u8]; 5] = [b"aaab-aab", b"aa\nab\n", b"xaabbab_", b"", b"ab_ab ab"];
    let patterns = [
        r"a+?b?",
        r"a{1,2}?b",
        r"(?<secret>a|ab)(?:c|b)?",
        r"(?:ab|a)+b",
        r"(?:a+b){2,3}?",
        r"\bab\b",
        r"\Bb",
        r"(?m)^a+$",
        r"(?m)^a*?(?<secret>b*)$",
        r"\A(?:x|aa)",
        r"a*$",
        r"(?:a|b){3}",
        r"(?:(?<secret>a)|b){2,4}",
        r"a{2}a",
        r"[ab]+b",
        r"[ab]*?ab_?\b",
        r"(?:ab){0,2}a?b\z",
        r"a*a*b",
        r"(?:|a)b",
        r"a+?\bab",
        r"[ab]{1,3}?(?:_|-)a",
        r"(?:ab?|_)*?-(?<secret>a*)b",
        r"[ab]*(?:_ab|b_)?b?$",
    ];
    for pattern in patterns {
        let pattern = Pattern::new(pattern, 64).unwrap();
        for text in texts {
            for start in 0..=text.len() {
                for end in start..=text.len() {
                    both(&pattern, text, Span::new(start, end), false);
                    both(&pattern, text, Span::new(start, end), true);
                }
            }
        }
    }
}

#[test]
fn the_largest_pattern_that_a_rule_may_have_is_compiled() {
    let pattern = r"x(?:[0-9a-z]{100}X){300}";
    assert!(crate::rules::shape::parse(pattern).is_ok());
    assert!(General::new(pattern, 100).is_ok());
}

#[test]
fn what_takes_too_many_steps_is_left_to_the_general_engine() {
    let pattern = Pattern::new(r"(?:a{1,3}){1,30}b", 200).unwrap();
    assert!(pattern.program.is_some() && pattern.general.get().is_none());
    let text = [b'a'; 100];
    assert_eq!(both(&pattern, &text, Span::new(0, 100), false), None);
    assert!(pattern.general.get().is_some());
}

/// Every rule, in texts of its own examples with a byte changed.
#[test]
fn every_rule_is_read_as_the_general_engine_reads_it() {
    let rules = RuleSet::builtin();
    let (mut without, mut costly, mut found) = (Vec::new(), Vec::new(), 0);
    for (_, loaded) in rules.iter() {
        let pattern = Pattern::of(&loaded.rule).unwrap();
        if pattern.is_slow() {
            without.push(loaded.info.id.clone());
            continue;
        }
        let general = General::new(&pattern.source, pattern.window).unwrap();
        let mut dice = Dice::new(&loaded.info.id);
        let mut machine = Machine::default();
        for template in &loaded.rule.examples {
            let Ok(text) = expand(template, &loaded.rule, &mut dice, &checksum::complete) else { continue };
            for round in 0..6 {
                let mut text = text.clone();
                if round > 0 {
                    let at = (round * 2_654_435_761_usize + text.len() * 40_503) % text.len();
                    text[at] = b"aZ0-_ \n.=\"x"[(at + round) % 11];
                }
                for (start, anchored) in [(0, false), (0, true), (text.len() / 3, false), (text.len() / 3, true)] {
                    let window = Span::new(start, text.len());
                    let expected = general.find(&text, window, anchored);
                    found += usize::from(expected.is_some());
                    assert_eq!(pattern.find(&text, window, anchored, &mut machine), expected, "{}", loaded.info.id);
                }
            }
        }
        if pattern.general.get().is_some() {
            costly.push(loaded.info.id.clone());
        }
    }
    assert!(found > 5_000, "{found}");
    // Where text of any kind may stand before the keyword, each place is a start.
    assert_eq!((without, costly), (Vec::<String>::new(), vec!["tink-keyset".to_owned()]));
}
