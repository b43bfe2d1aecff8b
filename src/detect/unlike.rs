//! What has the format of a provider's credential, stands by its word, and is none: what its own name says is something
//! else, a name of code, a slug, a line of an encoded block.
//!
//! Looks no further than a context rule's verdict does: [`MARGIN`] bytes before the match, and to the secret's end.

use super::{
    entropy::{digits, ends_caseless, holds, holds_caseless, is_word},
    generic,
    verify::Fate,
};
use crate::{
    model::{Kind, Span},
    rules::LoadedRule,
};

/// Bytes before the match that are looked at.
const MARGIN: usize = 8;

/// A provider's word of so many bytes is met in no random value.
const LONG: usize = 6;

/// Share of a value without digits that words may cover: so many letters in a row make words by chance.
const WORDS: f32 = 0.7;

/// Last words of names whose values are made to be shown.
const SHOWN: &[&str] = &[
    "sha",
    "sha1",
    "sha256",
    "sha512",
    "h1",
    "md5",
    "checksum",
    "digest",
    "integrity",
    "commit",
    "revision",
    "version",
    "etag",
    "slug",
    "referral",
];

/// Why what a context rule found is none of the provider's credentials.
pub(super) fn reason(loaded: &LoadedRule, text: &[u8], matched: Span, secret: Span) -> Option<Fate> {
    let value = secret.of(text);
    let before = &text[matched.start.saturating_sub(MARGIN).min(secret.start)..secret.start];
    let is_secret = loaded.info.kind == Kind::Secret;
    let name = name_of(before);
    if let Some(why) = by_name(loaded, name) {
        return Some(Fate::Dropped(why));
    }
    if !is_secret {
        return None;
    }
    if value.starts_with(b"0x") && ends_caseless(name, b"hash") {
        return Some(Fate::Dropped("its name says that it is a hash"));
    }
    if is_name_of_code(value) || is_slug(value) || names_provider(loaded, value) {
        return Some(Fate::Refuted("a name, not a value"));
    }
    if digits(value) == 0 && generic::share_of_words(value) > WORDS && value.len() >= 16 {
        return Some(Fate::Dropped("made of words"));
    }
    if value.len() >= 24 && most_frequent(value) * 5 > value.len() * 2 {
        return Some(Fate::Refuted("one character over and over"));
    }
    if is_digest(loaded, value) {
        return Some(Fate::Dropped("a digest, and the format is base64"));
    }
    is_line_of_block(before, value).then_some(Fate::Refuted("a line of an encoded block"))
}

/// Why what has this name is something else than the rule wants.
pub(super) fn by_name(loaded: &LoadedRule, name: &[u8]) -> Option<&'static str> {
    let last = last_word(name);
    let one_of = |words: &[&str]| words.iter().any(|word| last.eq_ignore_ascii_case(word.as_bytes()));
    if one_of(SHOWN) {
        return Some("its name says that it is made to be shown");
    }
    if loaded.info.kind != Kind::Secret {
        return None;
    }
    if one_of(&["id", "ids"]) && !is_asked_for(loaded, b"id") {
        return Some("its name says that it is an identifier");
    }
    if [&b"statetoken"[..], b"state_token"].iter().any(|end| ends_caseless(name, end)) {
        return Some("it stands for a login that is under way");
    }
    says_public(name).then_some("its name says that it is public")
}

/// The name that a value is given to, read backwards from the value.
fn name_of(before: &[u8]) -> &[u8] {
    let is_sign = |b: &&u8| b" \t\"'`\\=:>(,[|{".contains(b);
    let signs = before.iter().rev().take(48).take_while(is_sign).count();
    let before = &before[..before.len() - signs];
    let length = before.iter().rev().take_while(|&&b| is_word(b) || b == b'-' || b == b'.').count();
    if signs == 0 { b"" } else { &before[before.len() - length..] }
}

/// The last word of a name: `Id` of `projectId`, `id` of `project_id`.
fn last_word(name: &[u8]) -> &[u8] {
    let starts = |at: usize| {
        at == 0
            || !name[at - 1].is_ascii_alphanumeric()
            || (name[at].is_ascii_uppercase() && !name[at - 1].is_ascii_uppercase())
    };
    let start = (0..name.len()).rev().find(|&at| name[at].is_ascii_alphanumeric() && starts(at)).unwrap_or(0);
    &name[start..]
}

/// Whether the rule's own words ask for names that end so.
fn is_asked_for(loaded: &LoadedRule, word: &[u8]) -> bool {
    let ends = |text: &str| text.as_bytes().ends_with(word);
    loaded.rule.name_words.iter().any(|name| ends(name))
        || loaded.rule.keywords.iter().any(|keyword| ends(&keyword.text))
}

/// `PUBKEY`, `publicKey`
pub(super) fn says_public(name: &[u8]) -> bool {
    [&b"pubkey"[..], b"publickey", b"public_key", b"pub_key", b"public-key"].iter().any(|end| ends_caseless(name, end))
}

/// `RADIO_FLAG_ACK`, `list_v2_items`: words with `_` between, of one case.
fn is_name_of_code(value: &[u8]) -> bool {
    let parts = value.split(|&b| b == b'_').filter(|part| !part.is_empty());
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let upper = value.iter().filter(|b| b.is_ascii_uppercase()).count();
    value.iter().all(|&b| is_word(b))
        && parts.count() >= 3
        && (upper == 0 || upper == letters)
        && digits(value) * 4 <= value.len()
        && generic::share_of_words(value) > 0.3
}

/// `a-road-by-the-sea-q7Zp0Lm3`: words with `-` between.
fn is_slug(value: &[u8]) -> bool {
    let is_part = |part: &&[u8]| (2..=14).contains(&part.len()) && part.iter().all(u8::is_ascii_lowercase);
    let parts = value.split(|&b| b == b'-').filter(is_part);
    let (count, bytes) = parts.fold((0, 0), |(count, bytes), part| (count + 1, bytes + part.len() + 1));
    count >= 3 && bytes * 2 >= value.len()
}

/// Whether the value holds the provider's own word, as names do that people give: `AcmecloudV2Client`.
fn names_provider(loaded: &LoadedRule, value: &[u8]) -> bool {
    let is_word = |text: &str| text.len() >= LONG && text.bytes().all(|b| b.is_ascii_alphabetic());
    let mut words = loaded.rule.keywords.iter().map(|keyword| &keyword.text).filter(|text| is_word(text));
    words.any(|word| {
        holds_caseless(value, word.as_bytes()) && !holds_caseless(loaded.rule.pattern.as_bytes(), word.as_bytes())
    })
}

/// How often the character comes that comes most.
fn most_frequent(value: &[u8]) -> usize {
    let mut counts = [0_usize; 256];
    value.iter().for_each(|&b| counts[usize::from(b)] += 1);
    counts.into_iter().max().unwrap_or(0)
}

/// Whether a value that may be any base64 has only the digits of a hash: a commit's id, say.
fn is_digest(loaded: &LoadedRule, value: &[u8]) -> bool {
    matches!(value.len(), 40 | 64)
        && value.iter().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
        && holds(loaded.rule.pattern.as_bytes(), b"+/")
}

/// Whether the value is the beginning of a line, and all between the word and it is base64 as well.
fn is_line_of_block(before: &[u8], value: &[u8]) -> bool {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let line = before.trim_ascii_end();
    line.len() < before.len()
        && before[line.len()..].contains(&b'\n')
        && line.len() >= 8
        && line.iter().any(|b| b.is_ascii_digit() || matches!(b, b'+' | b'/'))
        && line.iter().all(|b| is_digit(b) || matches!(b, b'\n' | b'\r'))
        && value.len() >= 16
        && value.iter().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::{is_line_of_block, is_name_of_code, is_slug, last_word, name_of, says_public};

    #[test]
    fn the_name_of_a_value_stands_right_before_it() {
        for (before, name, last) in [
            ("\"acme_project_id\": \"", "acme_project_id", "id"),
            ("acmeProjectId = '", "acmeProjectId", "Id"),
            ("?v=", "v", "v"),
            ("v1.2 h1:", "h1", "h1"),
            ("acme API_KEY=", "API_KEY", "KEY"),
            ("acme", "", ""),
        ] {
            assert_eq!(name_of(before.as_bytes()), name.as_bytes(), "{before}");
            assert_eq!(last_word(name.as_bytes()), last.as_bytes(), "{before}");
        }
        assert!(says_public(b"SIGN_PUBKEY") && says_public(b"acmePublicKey") && !says_public(b"publicKeySecret"));
    }

    #[test]
    fn names_and_slugs_are_told_from_values() {
        for name in ["RADIO_STATUS_FLAG_ACK", "list_of_items_version_2", "DOT11_RADIO_FRAME_REQUEST_ACK"] {
            assert!(is_name_of_code(name.as_bytes()), "{name}");
        }
        for value in ["q7zp_0lm3_xv9r_t2kd_8wb4", "q7Zp_Lm_Xv", "QZPLMXVRTKDWBQZPLMXV", "x_q7zp0lm3xv9rt2kd8wb4_y"] {
            assert!(!is_name_of_code(value.as_bytes()), "{value}");
        }
        assert!(is_slug(b"a-road-by-the-sea-q7Zp0Lm3"));
        for value in ["q7zp-0lm3-xv9r-t2kd", "6b4e0a77-9d3c-4f51-8e2a-1c7d5b9f0e34", "live-q7Zp0Lm3Xv9Rt2Kd8Wb4"] {
            assert!(!is_slug(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn a_line_of_a_block_follows_another() {
        let value = b"q7Zp0Lm3Xv9Rt2Kd8Wb4q7Zp0Lm3Xv9R";
        assert!(is_line_of_block(b"/acs+q7Zp0Lm3Xv9Rt2Kd8Wb4\n", value));
        assert!(is_line_of_block(b"/acs+q7Zp0Lm3Xv9Rt2Kd8Wb4\r\n", value));
        assert!(is_line_of_block(b"9kq+/acs\n", value));
        assert!(!is_line_of_block(b"acme key of ours\n", value));
        assert!(!is_line_of_block(b"acmetoken\n", value));
        assert!(!is_line_of_block(b"acme_access_key = ", value));
    }
}
