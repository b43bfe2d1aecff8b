//! Names that announce a secret, in several languages, and the words that take the promise back.

use super::ProposalKind;
use crate::model::Span;

/// What the keyword promises.
pub(super) fn kind_of(keyword: &[u8]) -> ProposalKind {
    let is = |word: &str| keyword.eq_ignore_ascii_case(word.as_bytes());
    if ["secret", "otp", "seed", "mnemonic", "segredo", "secreto", "segreto", "geheim", "секрет"].iter().any(|w| is(w))
    {
        ProposalKind::Secret
    } else if ["token", "jeton", "ticket", "令牌", "토큰", "токен"].iter().any(|w| is(w)) {
        ProposalKind::Token
    } else if ["key", "ключ", "chave", "chiave", "klucz", "密钥", "密鑰", "schluessel", "schlüssel", "signature"]
        .iter()
        .any(|w| is(w))
    {
        ProposalKind::Key
    } else if is("auth") || is("cred") {
        ProposalKind::Auth
    } else {
        ProposalKind::Password
    }
}

/// Endings that make another word of `pass`, `key`, `auth`, `token`, `cred`, `secret`, `otp`, `seed`, `psw`, `ticket`.
const AFTER: &[(&str, &[&str])] = &[
    ("pass", &["ive", "ing", "enger", "age", "es", "ed", "ion", "able", "ibly", "port", "thru", "through", "ert"]),
    (
        "key",
        &[
            "word", "board", "pad", "stroke", "press", "down", "up", "code", "frame", "note", "stone", "ed", "space",
            "of", "ing", "event", "map", "binding",
        ],
    ),
    ("auth", &["ored", "ors", "or_", "or-", "or.", "ority", "oriti"]),
    ("token", &["iz", "is", "type", "stream", "kind"]),
    ("cred", &["it", "ible", "ib"]),
    ("secret", &["ar", "ion", "ly"]),
    ("seed", &["ed", "ing", "s", "er"]),
    ("ticket", &["ing"]),
    ("otp", &["rint", "lib", "ink"]),
];

/// Beginnings that do the same.
const BEFORE: &[(&str, &[&str])] = &[
    ("pass", &["com", "by", "tres", "sur", "encom", "over", "under"]),
    ("key", &["mon", "tur", "don", "hoc", "whis", "joc", "smo", "hot", "shift", "ctrl", "on"]),
    ("auth", &[]),
    ("token", &["un"]),
    ("cred", &["sa", "ac"]),
    ("otp", &["bo", "fo", "ro", "no", "pho", "jackp", "sp"]),
    ("psw", &["to", "u"]),
    ("seed", &["lin", "ca", "u"]),
    ("sandi", &["s", "t"]),
    ("clave", &["en", "auto", "con", "s"]),
];

/// Whether the keyword within the name `name` is the word it looks like (`api_key`, not `monkey`).
pub(super) fn telling(hay: &[u8], name: Span, anchor: Span) -> bool {
    let keyword = anchor.of(hay);
    let same = |word: &str| keyword.eq_ignore_ascii_case(word.as_bytes());
    let after = &hay[anchor.end..name.end];
    if !after.is_empty()
        && let Some((_, endings)) = AFTER.iter().find(|(word, _)| same(word))
        && endings.iter().any(|e| after.len() >= e.len() && after[..e.len()].eq_ignore_ascii_case(e.as_bytes()))
        // passed|Key: a new word that begins with a capital is a word of its own only for `key` + `Code`
        && (!after[0].is_ascii_uppercase() || !hay[anchor.end - 1].is_ascii_lowercase() || same("key") || same("token"))
    {
        return false;
    }
    if same("auth") && after.eq_ignore_ascii_case(b"or") {
        return false;
    }
    let before = &hay[name.start..anchor.start];
    if !before.is_empty()
        && hay[anchor.start].is_ascii_lowercase()
        && let Some((_, starts)) = BEFORE.iter().find(|(word, _)| same(word))
        && starts
            .iter()
            .any(|s| before.len() >= s.len() && before[before.len() - s.len()..].eq_ignore_ascii_case(s.as_bytes()))
    {
        return false;
    }
    true
}

/// Whether two literals given to this name or call are a user and a password.
pub(super) fn takes_pair(name: &[u8], callee: &[u8]) -> bool {
    let ends = |text: &[u8]| {
        let lower = text.to_ascii_lowercase();
        [&b"auth"[..], b"credential", b"credentials", b"basic", b"login", b"basicauth"]
            .iter()
            .any(|w| lower.ends_with(w))
    };
    ends(name) || ends(callee)
}

/// What calls do, by words of their names; the first that fits counts. `true`: the last part of the name is the word.
const CALLS: &[(u8, bool, &[&str])] = &[
    // reads bytes that are written as digits, as tables of test vectors do
    (9, true, &["hex", "unhex", "unhexlify", "fromhex", "hex2bin", "h2b"]),
    (
        9,
        false,
        &[
            "hex!",
            "from_hex",
            "fromhex",
            "hex::dec",
            "hex.dec",
            "hexdec",
            "hex_dec",
            "decode_hex",
            "decodehex",
            "hexto",
            "hex_to",
            "parsehex",
            "parse_hex",
        ],
    ),
    // converts
    (
        1,
        true,
        &[
            "some",
            "string",
            "bytes",
            "buffer",
            "byte",
            "str",
            "from",
            "utf8",
            "optional",
            "just",
            "ok",
            "quote",
            "pack",
            "char",
            "sensitive",
            "ptr",
            "stringptr",
        ],
    ),
    // looks up
    (
        2,
        false,
        &[
            "env",
            "config",
            "get",
            "read",
            "prompt",
            "input",
            "find",
            "lookup",
            "fetch",
            "param",
            "vault",
            "secretsmanager",
            "setting",
            "option",
            "property",
            "load",
        ],
    ),
    // translates or prints
    (
        3,
        true,
        &[
            "t",
            "_",
            "__",
            "gettext",
            "trans",
            "translate",
            "i18n",
            "print",
            "println",
            "printf",
            "sprintf",
            "format",
            "log",
            "error",
            "label",
            "raise",
            "errorf",
            "concat",
            "join",
        ],
    ),
    // hashes or encrypts
    (4, false, &["hash", "crypt", "digest", "md5", "sha", "hmac", "encode", "decode", "base64", "hex", "sign"]),
    // sets
    (5, false, &["set", "add", "put", "with", "update"]),
    // makes
    (6, false, &["new", "create", "make", "build", "generate", "random"]),
    // asserts
    (7, false, &["assert", "expect", "equal", "should", "match", "contains", "test"]),
];

/// What a call round the literal does, as a number: 0 for no call, 8 for another than those of [`CALLS`].
pub(super) fn wrapper_rank(callee: &[u8]) -> f32 {
    if callee.is_empty() {
        return 0.0;
    }
    let lower = callee.to_ascii_lowercase();
    let last = lower.rsplit(|&b| matches!(b, b'.' | b':' | b'>')).next().unwrap_or(&lower);
    let fits = |whole: bool, word: &[u8]| {
        // The first byte tells nearly all apart, and a call to compare the rest costs more than the compare.
        let here = |at: &[u8]| at[0] == word[0] && at == word;
        if whole { last == word } else { lower.windows(word.len()).any(here) }
    };
    let found = CALLS.iter().find(|(_, whole, words)| words.iter().any(|w| fits(*whole, w.as_bytes())));
    f32::from(found.map_or(8, |call| call.0))
}
