//! Values that a guess finds: made of common words, of the words of their key, and of runs such as `1234` and `qwerty`.
//!
//! Whether such a value is in use or an example, nothing near it tells: reviewers mark `letmein123` both ways in the tests
//! of one repository. So these are calibrated apart from all others, and never shown at *high*. Nor is what repeats the
//! name of its user.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    Operator, Proposal, ProposalKind, context, lex,
    words::{self, SEED, step},
};
use crate::detect::entropy::ends_caseless;

/// Longer values are no guess, however they are made.
const LONGEST: usize = 64;
/// The longest common word.
const LONGEST_WORD: usize = 16;
/// What may be left over, in digits or twos of letters: two digits, or one other letter.
const SPARE: u8 = 2;
/// The shortest run that counts.
const RUN: usize = 3;

/// Whether a guess finds the value of `p`: as it stands, or what it is in base64; or it is the name of its user.
pub(super) fn is_guessable(hay: &[u8], p: &Proposal) -> bool {
    let (value, key) = (p.value.of(hay), p.key.of(hay));
    p.kind != ProposalKind::BasicAuth
        && (is_guess(value, key) || is_guess_in_base64(value, key) || is_user(hay, p) || is_name_nearby(hay, p))
}

/// `USER=booktest PASSWORD=booktest`: the name of the user, the account or the database near it, letter for letter.
fn is_name_nearby(hay: &[u8], p: &Proposal) -> bool {
    const NAMES: &[&[u8]] = &[b"user", b"usr", b"name", b"login", b"uid", b"account", b"database", b"db"];
    let value = p.value.of(hay);
    if p.kind.is_made() || !(4..=32).contains(&value.len()) {
        return false;
    }
    let (seen, _) = context::seen(hay, p);
    let text = seen.of(hay);
    let is_part = |b: Option<&u8>| b.is_some_and(|&b| lex::is_word(b) || b == b'-');
    memchr::memmem::find_iter(text, value).any(|at| {
        let before = &text[..at];
        let signs = before.iter().rev().take(8).take_while(|b| b" \t\"'\\=:>(,[".contains(b)).count();
        let name = &before[..before.len() - signs];
        signs > 0 && !is_part(text.get(at + value.len())) && NAMES.iter().any(|end| ends_caseless(name, end))
    })
}

/// `user:user@`
fn is_user(hay: &[u8], p: &Proposal) -> bool {
    let user = hay[..p.value.start].strip_suffix(b":").and_then(|before| before.strip_suffix(p.value.of(hay)));
    p.operator == Operator::Userinfo && user.is_some_and(|before| before.ends_with(b"/"))
}

/// As Kubernetes writes down secrets. A user and a password together, with a colon between, are no one guess.
fn is_guess_in_base64(value: &[u8], key: &[u8]) -> bool {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, EITHER);
    if !(6..=LONGEST).contains(&value.len()) {
        return false;
    }
    let mut bytes = [0; LONGEST];
    let Ok(len) = BASE64.decode_slice(value, &mut bytes) else { return false };
    let text = bytes[..len].trim_ascii_end();
    let printable = text.iter().all(|&b| b == b' ' || b.is_ascii_graphic() && b != b':');
    text.len() >= 4 && printable && is_guess(text, key)
}

fn is_guess(value: &[u8], key: &[u8]) -> bool {
    if value.is_empty() || value.len() > LONGEST || !value.is_ascii() {
        return false;
    }
    let mut text = [0; LONGEST];
    let text = &mut text[..value.len()];
    text.copy_from_slice(value);
    text.make_ascii_lowercase();
    let mut runs = [0; LONGEST];
    (0..text.len()).for_each(|at| runs[at] = run(&text[at..]));
    is_mostly_runs(&runs[..text.len()]) || is_spelled(text, &runs, key)
}

/// Whether half of a text and more are runs.
fn is_mostly_runs(runs: &[usize]) -> bool {
    let (mut at, mut sum) = (0, 0);
    while at < runs.len() {
        sum += runs[at];
        at += runs[at].max(1);
    }
    sum >= 2 * RUN && 2 * sum >= runs.len()
}

/// Whether words and runs make up the text, side by side; digits may be letters (`p4ssw0rd`), signs stand for nothing.
fn is_spelled(text: &[u8], runs: &[usize; LONGEST], key: &[u8]) -> bool {
    let own = words_of(key);
    let mut cost = [u8::MAX; LONGEST + 1];
    cost[0] = 0;
    for at in 0..text.len() {
        let spent = cost[at];
        if spent > SPARE {
            continue;
        }
        let mut reach = |to: usize, more: u8| cost[to] = cost[to].min(spent + more);
        reach(
            at + 1,
            match text[at] {
                b'0'..=b'9' => 1,
                b'a'..=b'z' => 2,
                _ => 0,
            },
        );
        (RUN..=runs[at]).for_each(|len| reach(at + len, 0));
        let (mut plain, mut meant) = (SEED, SEED);
        for (i, &byte) in text[at..].iter().take(LONGEST_WORD).enumerate() {
            (plain, meant) = (step(plain, byte), step(meant, letter(byte)));
            let is_word = |hash| words::is_common(hash) || (i >= 2 && own.contains(&hash));
            if i >= 1 && (is_word(plain) || is_word(meant)) {
                reach(at + i + 1, u8::from(i == 1));
            }
        }
    }
    cost[text.len()] <= SPARE
}

/// Hashes of the first words of a key, three letters and more each.
fn words_of(key: &[u8]) -> [u32; 8] {
    let mut own = [0; 8];
    let mut count = 0;
    words::each_hashed(key, |hash, start, end| {
        if end - start >= 3 && count < own.len() {
            own[count] = hash;
            count += 1;
        }
    });
    own
}

/// The letter that a digit or sign stands for.
fn letter(byte: u8) -> u8 {
    match byte {
        b'0' => b'o',
        b'1' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        other => other,
    }
}

/// How long the run is that a text begins with; 0 where it is too short to count: one character over and over, up or down
/// the alphabet, along the keyboard, or letters and digits in turn, each going up (`a1b2c3`).
fn run(text: &[u8]) -> usize {
    let while_both = |goes: &dyn Fn(u8, u8) -> bool| {
        1 + text.windows(2).take_while(|pair| pair[1].is_ascii_alphanumeric() && goes(pair[0], pair[1])).count()
    };
    let turns = |w: &&[u8]| {
        w.iter().all(u8::is_ascii_alphanumeric)
            && w[1].is_ascii_digit() != w[2].is_ascii_digit()
            && w[0].checked_add(1) == Some(w[2])
    };
    let in_turn = 2 + text.windows(3).take_while(turns).count();
    let best = while_both(&|a, b| a == b)
        .max(while_both(&|a, b| a + 1 == b))
        .max(while_both(&|a, b| a == b + 1))
        .max(while_both(&|a, b| next_key(a) == Some(b)))
        .max(if in_turn >= 5 { in_turn } else { 0 });
    if best >= RUN { best } else { 0 }
}

/// The key to the right of one.
fn next_key(byte: u8) -> Option<u8> {
    const ROWS: [&[u8]; 4] = [b"1234567890", b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    let (row, at) = ROWS.iter().find_map(|row| Some((row, row.iter().position(|&key| key == byte)?)))?;
    row.get(at + 1).copied()
}

#[cfg(test)]
mod tests {
    use super::{is_guess, is_guess_in_base64};

    #[test]
    fn guesses_are_told_from_what_nobody_guesses() {
        // Each with its key behind it.
        let guesses = "letmein123 password P4ssw0rd! db_password qwerty passwd my-secret pw root99 userPassword aaaaaaaa pass \
                       abcd1234efg567 token a1b2c3d4e5f6 token 1a2b3c99ff Authorization falcon-key falconKey \
                       0123456789abcdefghijxx key";
        let others = "root9917 password Tr0ub4dor&3 passwd granite-walnut-otter passphrase falcon-key token 9fk2lq0xz7 token \
                      3f7a9c01d2e4b586 key påssword pass";
        for (list, guessed) in [(guesses, true), (others, false)] {
            let words: Vec<&str> = list.split_whitespace().collect();
            for pair in words.chunks(2) {
                assert_eq!(is_guess(pair[0].as_bytes(), pair[1].as_bytes()), guessed, "{pair:?}");
            }
        }
    }

    #[test]
    fn the_name_of_the_user_nearby_is_a_guess() {
        use crate::{detect::generic::propose, model::Span};
        let is = |text: &str| {
            let mut out = Vec::new();
            let at = text.find("PASSWORD").expect("a key");
            propose(text.as_bytes(), Span::new(at, at + 8), &mut out);
            out.iter().any(|p| super::is_name_nearby(text.as_bytes(), p))
        };
        let (word, longer) = (["gor", "wick"].concat(), ["gor", "wickle"].concat());
        assert!(is(&format!("DB_USER={word} DB_PASSWORD={word}")));
        assert!(is(&format!("DB_PASSWORD='{word}'\n  DB_NAME: \"{word}\"\n")));
        assert!(!is(&format!("DB_USER={word} DB_PASSWORD={longer}")));
        assert!(!is(&format!("DB_USER={longer} DB_PASSWORD={word}")));
        assert!(!is(&format!("HOST={word} DB_PASSWORD={word}")));
    }

    #[test]
    fn a_guess_in_base64_is_one() {
        use base64::Engine;
        let is = |text: &str| {
            let coded = base64::engine::general_purpose::STANDARD.encode(text);
            is_guess_in_base64(coded.as_bytes(), b"password")
        };
        assert!(is("mypass") && is("admin123\n"));
        assert!(!is("admin:admin") && !is("Tr0ub4dor&3") && !is("abc"));
    }

    #[test]
    fn long_values_and_odd_bytes_are_no_guess_and_no_harm() {
        assert!(!is_guess("password".repeat(9).as_bytes(), b"password") && !is_guess(b"", b"password"));
        for byte in 0..=255_u8 {
            is_guess(&[byte; 5], b"key");
            is_guess(&[byte, byte.wrapping_add(1), byte, byte.wrapping_sub(1)], &[byte]);
        }
    }
}
