//! Seed phrases of wallets: BIP-39, "Mnemonic code for generating deterministic keys". The list is the English one of that
//! document, sorted: 2048 words of three to eight letters.

use sha2::{Digest, Sha256};

use crate::detect::checksum::Structure;

const WORDS: &str = include_str!("bip39.txt");
/// Bits that a word stands for.
const BITS: usize = 11;

fn words() -> Vec<&'static [u8]> {
    WORDS.lines().map(str::as_bytes).collect()
}

/// The bits that are right behind the first ones of a phrase: a thirty-second of them, from their SHA-256.
fn checksum(entropy: &[bool]) -> Vec<bool> {
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
    let bytes: Vec<u8> = entropy.chunks(8).map(byte).collect();
    let digest = Sha256::digest(&bytes);
    (0..entropy.len() / 32).map(|at| digest[at / 8] >> (7 - at % 8) & 1 == 1).collect()
}

fn bits_of(numbers: &[usize]) -> Vec<bool> {
    numbers.iter().flat_map(|number| (0..BITS).rev().map(move |bit| number >> bit & 1 == 1)).collect()
}

/// Twelve to twenty-four words of the list, of which the last holds a checksum over all.
pub(in crate::detect) fn check(phrase: &[u8]) -> Structure {
    let list = words();
    let numbers: Option<Vec<usize>> = phrase.split(|&b| b == b' ').map(|word| list.binary_search(&word).ok()).collect();
    let Some(numbers) = numbers.filter(|numbers| matches!(numbers.len(), 12 | 15 | 18 | 21 | 24)) else {
        return Structure::invalid("not words of a seed phrase");
    };
    let bits = bits_of(&numbers);
    let (entropy, sum) = bits.split_at(bits.len() / 33 * 32);
    if checksum(entropy) != sum {
        return Structure::invalid("a seed phrase with a wrong checksum");
    }
    Structure::valid(format!("a wallet's seed of {} words", numbers.len()))
}

/// Takes words of the list for those of the sample, and makes the checksum right.
pub(in crate::detect) fn complete(phrase: &mut Vec<u8>) {
    let list = words();
    let number = |word: &[u8]| word.iter().fold(7, |sum, &b| (sum * 31 + usize::from(b)) % list.len());
    let numbers: Vec<usize> = phrase.split(|&b| b == b' ').map(number).collect();
    let mut bits = bits_of(&numbers);
    let end = bits.len() / 33 * 32;
    let sum = checksum(&bits[..end]);
    bits.splice(end.., sum);
    let number = |bits: &[bool]| bits.iter().fold(0, |number, &bit| number << 1 | usize::from(bit));
    let whole: Vec<&[u8]> = bits.chunks_exact(BITS).map(|bits| list[number(bits)]).collect();
    *phrase = whole.join(&b' ');
}

#[cfg(test)]
mod tests {
    use super::{check, complete, words};
    use crate::detect::checksum::State;

    #[test]
    fn the_list_is_whole_and_sorted() {
        let words = words();
        assert_eq!((words.len(), words[0], words[2047]), (2048, &b"abandon"[..], &b"zoo"[..]));
        assert!(words.is_sorted());
    }

    #[test]
    fn the_test_vectors_of_the_document_hold() {
        let last = |word: &str| format!("{}{word}", "abandon ".repeat(11));
        assert_eq!(check(last("about").as_bytes()).state, State::Valid);
        assert_eq!(check(format!("{}vote", "zoo ".repeat(23)).as_bytes()).state, State::Valid);
        for wrong in [last("abandon"), last("abouts"), "abandon ".repeat(5), "the quick brown fox".to_owned()] {
            assert!(matches!(check(wrong.as_bytes()).state, State::Invalid(_)), "{wrong}");
        }
    }

    #[test]
    fn a_sample_is_made_right_and_a_changed_word_breaks_it() {
        for length in [12, 15, 18, 21, 24] {
            let mut phrase: Vec<u8> =
                (0..length).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ").into_bytes();
            complete(&mut phrase);
            assert_eq!(check(&phrase).state, State::Valid, "{length}");
            let changed = String::from_utf8(phrase).unwrap();
            let (first, rest) = changed.split_once(' ').unwrap();
            let other = if first == "abandon" { "ability" } else { "abandon" };
            assert!(matches!(check(format!("{other} {rest}").as_bytes()).state, State::Invalid(_)), "{length}");
        }
    }
}
