//! Names that announce a secret, in several languages, and the words that take the promise back.

use super::ProposalKind;
use crate::{
    detect::entropy::{begins_caseless, ends_caseless},
    model::Span,
};

/// A keyword of up to eight bytes as one number, whatever the case of its letters: comparing those is one step.
const fn packed(word: &[u8]) -> u64 {
    if word.len() > 8 {
        return u64::MAX;
    }
    let (mut number, mut at) = (0, 0);
    while at < word.len() {
        number = number << 8 | (word[at] | 0x20) as u64;
        at += 1;
    }
    number
}

/// Keywords that do not say password, and what each says.
const KINDS: &[(ProposalKind, &[&str])] = &[
    (ProposalKind::Secret, &["secret", "otp", "seed", "mnemonic", "segredo", "secreto", "segreto", "geheim", "секрет"]),
    (ProposalKind::Token, &["token", "jeton", "ticket", "令牌", "토큰", "токен"]),
    (
        ProposalKind::Key,
        &["key", "ключ", "chave", "chiave", "klucz", "密钥", "密鑰", "schluessel", "schlüssel", "signature"],
    ),
    (ProposalKind::Auth, &["auth", "cred"]),
];

/// What the keyword promises.
pub(super) fn kind_of(keyword: &[u8]) -> ProposalKind {
    const SECRET: u64 = packed(b"secret");
    const TOKEN: u64 = packed(b"token");
    const KEY: u64 = packed(b"key");
    const AUTH: u64 = packed(b"auth");
    const PASS: u64 = packed(b"pass");
    match packed(keyword) {
        PASS => ProposalKind::Password,
        KEY => ProposalKind::Key,
        TOKEN => ProposalKind::Token,
        SECRET => ProposalKind::Secret,
        AUTH => ProposalKind::Auth,
        _ => {
            let is = |word: &&str| keyword.eq_ignore_ascii_case(word.as_bytes());
            KINDS.iter().find(|(_, words)| words.iter().any(is)).map_or(ProposalKind::Password, |found| found.0)
        }
    }
}

/// Endings that make another word of `pass`, `key`, `auth`, `token`, `cred`, `secret`, `otp`, `seed`, `psw`, `ticket`.
const AFTER: &[(u64, &[&str])] = &[
    (
        packed(b"pass"),
        &["ive", "ing", "enger", "age", "es", "ed", "ion", "able", "ibly", "port", "thru", "through", "ert"],
    ),
    (
        packed(b"key"),
        &[
            "word", "board", "pad", "stroke", "press", "down", "up", "code", "frame", "note", "stone", "ed", "space",
            "of", "ing", "event", "map", "binding",
        ],
    ),
    (packed(b"auth"), &["ored", "ors", "or_", "or-", "or.", "ority", "oriti"]),
    (packed(b"token"), &["iz", "is", "type", "stream", "kind"]),
    (packed(b"cred"), &["it", "ible", "ib"]),
    (packed(b"secret"), &["ar", "ion", "ly"]),
    (packed(b"seed"), &["ed", "ing", "s", "er"]),
    (packed(b"ticket"), &["ing"]),
    (packed(b"otp"), &["rint", "lib", "ink"]),
];

/// Beginnings that do the same.
const BEFORE: &[(u64, &[&str])] = &[
    (packed(b"pass"), &["com", "by", "tres", "sur", "encom", "over", "under"]),
    (packed(b"key"), &["mon", "tur", "don", "hoc", "whis", "joc", "smo", "hot", "shift", "ctrl", "on"]),
    (packed(b"auth"), &[]),
    (packed(b"token"), &["un"]),
    (packed(b"cred"), &["sa", "ac"]),
    (packed(b"otp"), &["bo", "fo", "ro", "no", "pho", "jackp", "sp"]),
    (packed(b"psw"), &["to", "u"]),
    (packed(b"seed"), &["lin", "ca", "u"]),
    (packed(b"sandi"), &["s", "t"]),
    (packed(b"clave"), &["en", "auto", "con", "s"]),
];

/// Whether the keyword within the name `name` is the word it looks like (`api_key`, not `monkey`).
pub(super) fn telling(hay: &[u8], name: Span, anchor: Span) -> bool {
    let keyword = packed(anchor.of(hay));
    let of = |list: &[(u64, &'static [&'static str])]| list.iter().find(|said| said.0 == keyword).map(|said| said.1);
    let after = &hay[anchor.end..name.end];
    if let [first, ..] = after
        && let Some(endings) = of(AFTER)
        && endings.iter().any(|ending| begins_caseless(after, ending.as_bytes()))
        // passed|Key: a new word that begins with a capital is a word of its own only for `key` + `Code`
        && (!first.is_ascii_uppercase()
            || !hay[anchor.end - 1].is_ascii_lowercase()
            || keyword == packed(b"key")
            || keyword == packed(b"token"))
    {
        return false;
    }
    if keyword == packed(b"auth") && after.eq_ignore_ascii_case(b"or") {
        return false;
    }
    let before = &hay[name.start..anchor.start];
    before.is_empty()
        || !hay[anchor.start].is_ascii_lowercase()
        || !of(BEFORE).is_some_and(|starts| starts.iter().any(|start| ends_caseless(before, start.as_bytes())))
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
