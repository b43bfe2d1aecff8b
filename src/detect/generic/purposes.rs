//! What names say a value is for, where that is no secret: to look something up, to be asked for once, to be shown.
//!
//! A cache key, the token that makes a request count once, the id of a stored key. What is said here is shown at *low* only.

use super::{
    Operator, Proposal, ProposalKind,
    refuse::{before_key, behind, last_words, words_before},
};
use crate::detect::entropy::{ends_caseless, holds, holds_caseless};

/// Whether a value that the judge thinks likely is shown at *low* only, for what its name says.
pub(super) fn for_low(hay: &[u8], p: &Proposal) -> bool {
    let (key, value) = (p.key.of(hay), p.value.of(hay));
    looks_up(key)
        || counts_once(key)
        || tells_another(key)
        || is_half_public(key)
        || is_public_of_a_pair(hay, p)
        || is_key_of_a_table(hay, p)
        || is_key_of_an_object(hay, p)
        || is_seed_of_a_test(key, value)
        || names_member(hay, p)
        || is_said_example(hay, p)
}

/// `# Example password: …`
fn is_said_example(hay: &[u8], p: &Proposal) -> bool {
    let words = words_before(hay, p);
    ends_caseless(words, b"example") || ends_caseless(words, b"sample")
}

/// `cacheKey`, `viewkey`, `s3_key`: what is looked up with it.
fn looks_up(key: &[u8]) -> bool {
    const BEFORE: &[&str] = &["view", "foreign", "partition", "sort", "object", "revision"];
    const ENDS: &[&str] = &["viewkey", "cachekey", "subkey", "s3key", "s3_key"];
    let (last, before) = last_words(key);
    (last.eq_ignore_ascii_case(b"key") && (one_of(before, BEFORE) || holds_caseless(key, b"cache")))
        || ENDS.iter().any(|end| ends_caseless(key, end.as_bytes()))
}

/// Tokens that make a request count once, or that stand in DNS for all to see. In other spelling (`client_token`) they are
/// credentials.
fn counts_once(key: &[u8]) -> bool {
    const ENDS: &[&str] = &[
        "ClientToken",
        "clientToken",
        "CreationToken",
        "creationToken",
        "SequenceToken",
        "sequenceToken",
        "TermToken",
        "termToken",
        "VerificationToken",
        "DkimTokens",
        "dkimTokens",
    ];
    ENDS.iter().any(|end| key.ends_with(end.as_bytes()))
}

/// Something about a credential that is none: who checks it, when it ends, what it hashes to.
fn tells_another(key: &[u8]) -> bool {
    const LAST: &[&str] = &[
        "authenticator",
        "authorizer",
        "mechanism",
        "authmechanism",
        "expiration",
        "expiry",
        "md",
        "sha",
        "digest",
        "hash",
        "prefix",
    ];
    one_of(last_words(key).0, LAST)
}

/// `ephemeral_key`, `pubkey1`, `testKeyPubX`: what the other side is sent.
fn is_half_public(key: &[u8]) -> bool {
    let secret = holds_caseless(key, b"secret") || holds_caseless(key, b"priv");
    let (last, before) = last_words(key);
    !secret
        && (holds_caseless(key, b"pubkey")
            || holds_caseless(key, b"ephemeral")
            || holds_caseless(key, b"ephkey")
            || before.eq_ignore_ascii_case(b"pub") && matches!(last, [b'X' | b'x' | b'Y' | b'y']))
}

/// What secrets are sealed with before they are sent: `"key_id": "…", "key": "…"`, thirty-two bytes in base64.
fn is_public_of_a_pair(hay: &[u8], p: &Proposal) -> bool {
    let value = p.value.of(hay);
    let before = before_key(hay, p);
    let near = &before[before.len().saturating_sub(64)..];
    p.key.of(hay).eq_ignore_ascii_case(b"key")
        && value.len() == 44
        && value.ends_with(b"=")
        && value[..43].iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
        && (holds(near, b"key_id\"")
            || holds(near, b"key_id=")
            || holds(behind(hay, p, 16), b"\"key_id\"")
            || holds_caseless(near, b"publickey"))
}

/// ``FOREIGN KEY `FK_2e30…` ``
fn is_key_of_a_table(hay: &[u8], p: &Proposal) -> bool {
    let words = words_before(hay, p);
    p.kind == ProposalKind::Key
        && [&b"foreign"[..], b"primary", b"unique"].iter().any(|word| ends_caseless(words, word))
}

/// The name of an object in a store: in a list of objects, and in a policy for uploads (`["eq", "$key", "…"]`).
fn is_key_of_an_object(hay: &[u8], p: &Proposal) -> bool {
    match p.operator {
        Operator::Element => p.key.of(hay) == b"Key" && holds(behind(hay, p, 40), b"<LastModified"),
        Operator::Argument => p.key.of(hay) == b"$key" || p.key.of(hay) == b"key" && before_key(hay, p).ends_with(b"$"),
        _ => false,
    }
}

/// Where a test or a game of chance begins: `--seed=1436380640`, `FUZZ_SEED`.
fn is_seed_of_a_test(key: &[u8], value: &[u8]) -> bool {
    let (last, before) = last_words(key);
    last.eq_ignore_ascii_case(b"seed")
        && (value.iter().all(|&b| b.is_ascii_digit() || b == b'-')
            || one_of(before, &["fuzz", "random", "rng", "from"]))
}

/// The name of what a call fetches or makes: `getCredentials('acmeOAuth2Api')`, `options.get("proxy_password")`.
fn names_member(hay: &[u8], p: &Proposal) -> bool {
    let value = p.value.of(hay);
    let call = if p.operator == Operator::Call { p.key.of(hay) } else { p.wrapper.of(hay) };
    let name = call.rsplit(|&b| matches!(b, b'.' | b':' | b'>')).next().unwrap_or(call);
    let fetches = name.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(b"get"))
        && !name.get(3).is_some_and(u8::is_ascii_lowercase);
    let makes = p.operator == Operator::Call && holds_caseless(name, b"generated");
    if p.operator != Operator::Call && name.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(b"dec")) {
        // What is decrypted is a ciphertext.
        return name.len() == 3 || ends_caseless(name, b"decrypt");
    }
    let behind = behind(hay, p, usize::MAX);
    let quotes = behind.iter().take(2).take_while(|b| matches!(b, b'"' | b'\'' | b'\\')).count();
    let is_alone = behind.get(quotes) == Some(&b')');
    (fetches || makes)
        && value.iter().all(|&b| b.is_ascii_alphabetic() || b == b'_' || b.is_ascii_digit() || b == b'-')
        && value.iter().filter(|b| b.is_ascii_digit()).count() <= 2
        && (makes || is_alone)
}

fn one_of(word: &[u8], list: &[&str]) -> bool {
    list.iter().any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Says, tell_apart};
    use super::{counts_once, is_half_public, looks_up, tells_another};

    #[test]
    fn names_say_what_a_value_is_for() {
        const NAMES: &[Says] = &[
            (
                looks_up,
                &["cacheKey", "cached_creds_key", "x.viewkey", "S3Key", "s3_key", "subkey", "partition_key"],
                &["key", "storage_key", "cacheSecret", "keyCache", "search_key"],
            ),
            (
                counts_once,
                &["ClientToken", "x.clientToken", "CreationToken", "DkimTokens"],
                &["client_token", "verification_token", "ClientTokens2", "token"],
            ),
            (
                tells_another,
                &["authenticator", "token-expiration", "keyMd5", "password_digest", "SECRET_HASH", "API_KEY_PREFIX"],
                &["auth", "hashKey", "md5_secret", "expirationToken"],
            ),
            (
                is_half_public,
                &["pubkey1", "TESTPUBKEYC", "ephemeral_key", "testKeyECPubX", "ephkey"],
                &["ephemeral_secret", "ephemeralPrivateKey", "key", "pubX9key"],
            ),
        ];
        tell_apart(NAMES);
    }
}
