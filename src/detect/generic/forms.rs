//! More of what is no credential by its form, its name or the file that it stands in; see [`super::refuse`].

use super::{
    Operator, Proposal, ProposalKind, Quote, lex,
    refuse::{before_key, behind},
};
use crate::detect::{
    entropy::{ends_caseless, holds_caseless, is_word},
    structure::text::decode64,
    unlike,
};

/// Whether a value is none by its form or by what stands right before it.
pub(super) fn is_none(hay: &[u8], p: &Proposal) -> bool {
    let value = p.value.of(hay);
    is_tag_of_version(value)
        || is_scheme(value)
        || is_challenge(p, value)
        || is_policy(value)
        || is_checksum_of_secrets(hay, p)
        || is_node(p, p.key.of(hay), value)
        || is_user(p, value)
}

/// Whether a value that the judge thinks likely is shown at *low* only.
pub(super) fn for_low(hay: &[u8], p: &Proposal, path: &[u8]) -> bool {
    let (key, value) = (p.key.of(hay), p.value.of(hay));
    is_other_language(value)
        || is_translation(path, p, value)
        || is_address_of_account(value)
        || is_slot(hay, p)
        || says_public(key)
        || names_key(key)
        || is_field_of_upload(hay, p)
        || is_no_pair(p, value)
        || value.starts_with(b"PBEWITH")
        || is_name_of_itself(key, value)
        || is_variable(value)
        || is_remark(hay, p, value)
}

/// `W/"…"`: the tag of a version of a document.
fn is_tag_of_version(value: &[u8]) -> bool {
    value.starts_with(b"W/\"") || value.starts_with(b"W/\\\"")
}

/// The name of a way to sign requests: `Authorization: AWS4-HMAC-SHA256 Credential=…`.
fn is_scheme(value: &[u8]) -> bool {
    value.starts_with(b"AWS4-") || value.starts_with(b"GOOG4-") || value.ends_with(b"goog4_request")
}

/// What a server asks for, not what a client says: `Bearer realm="…"`.
fn is_challenge(p: &Proposal, value: &[u8]) -> bool {
    const FIELDS: &[&str] = &["realm=", "charset=", "error=", "authorization=", "authorization_uri=", "scope="];
    matches!(p.kind, ProposalKind::BasicAuth | ProposalKind::BearerAuth | ProposalKind::Auth)
        && FIELDS
            .iter()
            .any(|field| value.get(..field.len()).is_some_and(|head| head.eq_ignore_ascii_case(field.as_bytes())))
}

/// What a form may upload, in base64: `{"expiration": …` and `{"conditions": …`.
fn is_policy(value: &[u8]) -> bool {
    [&b"eyJleHBpcmF0aW9u"[..], b"eyAiZXhwaXJhdGlvb", b"eyJjb25kaXRpb25z"].iter().any(|start| value.starts_with(start))
}

/// `checksum/secret: …`, as charts say which version of a secret they were made with.
fn is_checksum_of_secrets(hay: &[u8], p: &Proposal) -> bool {
    before_key(hay, p).ends_with(b"checksum/") || p.key.of(hay).starts_with(b"checksum/")
}

/// Nodes of a network are known by their public keys: `enode://…@host`, `enr:-…`.
fn is_node(p: &Proposal, scheme: &[u8], value: &[u8]) -> bool {
    value.starts_with(b"enr:-") || p.operator == Operator::Userinfo && matches!(scheme, b"enode" | b"enrtree")
}

/// A user's name where no password follows: `https://a-long-name@host`, `mongodb://name%40REALM@host`.
fn is_user(p: &Proposal, value: &[u8]) -> bool {
    let is_name = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_' | b'.');
    p.operator == Operator::Userinfo
        && p.value.start == p.anchor.end
        && (value.contains(&b'%') || value.iter().all(is_name))
}

/// Words with letters that JSON has escaped, and hardly a digit: `Cl\u00e9 d'acc\u00e8s`.
fn is_other_language(value: &[u8]) -> bool {
    let (mut at, mut letters, mut digits) = (0, 0, 0);
    while at < value.len() {
        let escape = value[at..].strip_prefix(b"\\u").and_then(|rest| rest.get(..4));
        let code = escape.and_then(|code| u32::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code {
            Some(code) => {
                letters += usize::from(code >= 0xc0);
                at += 6;
            }
            None => {
                digits += usize::from(value[at].is_ascii_digit());
                at += 1;
            }
        }
    }
    letters > 0 && (digits == 0 || letters > 3 && letters > digits)
}

/// Words in a file of translations.
fn is_translation(path: &[u8], p: &Proposal, value: &[u8]) -> bool {
    const PLACES: &[&str] = &["/translations/", "/locales/", "/locale/", "/i18n/", "/l10n/", "/_locales/"];
    p.quote != Quote::None
        && !value.iter().any(u8::is_ascii_digit)
        && PLACES.iter().any(|place| holds_caseless(path, place.as_bytes()))
}

/// The address of a contract or an account: `0x` and forty digits. A key has sixty-four.
fn is_address_of_account(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"0x").unwrap_or_default();
    digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// A place in a table of states: `"key": "0x…"` with sixty-four digits.
fn is_slot(hay: &[u8], p: &Proposal) -> bool {
    let digits = p.value.of(hay).strip_prefix(b"0x").unwrap_or_default();
    let is_quoted = p.key.start > 0 && hay[p.key.start - 1] == b'"';
    is_quoted
        && p.operator == Operator::Colon
        && p.key.of(hay) == b"key"
        && digits.len() == 64
        && digits.iter().all(u8::is_ascii_hexdigit)
}

/// `hexPubkey`, `SIGN_PUBLIC_KEY`
fn says_public(key: &[u8]) -> bool {
    unlike::says_public(key) || ends_caseless(key, b"keygrip")
}

/// `signingKeyId`, `secretName`: says which key or secret is meant. An id of an access key is half of a credential.
fn names_key(key: &[u8]) -> bool {
    let id = [&b"keyid"[..], b"key_id", b"key-id"].iter().any(|end| ends_caseless(key, end));
    let name =
        [&b"secretname"[..], b"secret_name", b"secret-name", b"keyname", b"key_name", b"tokenname", b"token_name"]
            .iter()
            .any(|end| ends_caseless(key, end));
    name || id && !holds_caseless(key, b"access") && !holds_caseless(key, b"api")
}

/// Where a form puts what it uploads: `{"name": "key", "value": "images/…"}, {"name": "X-Amz-Credential", …`.
fn is_field_of_upload(hay: &[u8], p: &Proposal) -> bool {
    p.operator == Operator::Sibling && p.key.of(hay) == b"key" && holds_caseless(behind(hay, p, 40), b"x-amz-")
}

/// `envAcmePassword = "AcmePassword"`: a name, as its capitals tell. In small letters people do set it so.
fn is_name_of_itself(key: &[u8], value: &[u8]) -> bool {
    let letters = |text: &[u8]| -> Vec<u8> {
        text.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
    };
    let letters_of_both = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    letters_of_both
        && value.len() >= 9
        && value.iter().all(|&b| is_word(b) || b == b'-')
        && letters(key).ends_with(&letters(value))
}

/// The name of an environment variable that holds one: `ACME_NOTIFY_DB_PASSWORD`.
fn is_variable(value: &[u8]) -> bool {
    const LAST: &[&str] = &["PASSWORD", "PASSWD", "SECRET", "TOKEN", "KEY"];
    let mut parts = value.split(|&b| b == b'_');
    let last = parts.next_back().unwrap_or_default();
    LAST.iter().any(|word| last == word.as_bytes())
        && parts.clone().count() >= 2
        && parts.all(|part| (2..=12).contains(&part.len()) && part.iter().all(u8::is_ascii_uppercase))
}

/// A word behind a word in a comment or heading: `# Password validation`.
fn is_remark(hay: &[u8], p: &Proposal, value: &[u8]) -> bool {
    if p.operator != Operator::Flag || p.quote != Quote::None || !value.iter().all(u8::is_ascii_lowercase) {
        return false;
    }
    let before = before_key(hay, p);
    let before = before[lex::line_start(before, before.len(), 0)..].trim_ascii();
    !before.is_empty() && before.iter().all(|b| b"#/*-;".contains(b))
}

/// Behind `Basic`, what is no user and password in base64.
fn is_no_pair(p: &Proposal, value: &[u8]) -> bool {
    p.kind == ProposalKind::BasicAuth && !decode64(value).is_some_and(|text| text.contains(&b':'))
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Says, tell_apart};
    use super::{
        is_address_of_account, is_other_language, is_policy, is_scheme, is_tag_of_version, is_variable, names_key,
        says_public,
    };

    const FORMS: &[Says] = &[
        (is_tag_of_version, &["W/\"9f3c\"", "W/\\\"9f3c"], &["W/9f3c", "\"9f3c\""]),
        (is_scheme, &["AWS4-HMAC-SHA256", "a/b/goog4_request"], &["HMAC-q7Zp", "aws4q7zp"]),
        (is_policy, &["eyJleHBpcmF0aW9uIjoi", "eyJjb25kaXRpb25zIjpb"], &["eyJhbGciOiJIUzI1NiJ9"]),
        (
            is_other_language,
            &["Cl\\u00e9 d'acc\\u00e8s", "\\u5bc6\\u7801", "API \\ud0a4"],
            &["q7Zp\\u00e90Lm3", "a\\u0026b", "plain words", "\\user"],
        ),
        (
            is_address_of_account,
            &["0xa0b1c2d3e4f5061728394a5b6c7d8e9f01234567"],
            &["0xa0b1c2d3", "a0b1c2d3e4f5061728394a5b6c7d8e9f01234567"],
        ),
        (
            says_public,
            &["hexPubkey", "SIGN_PUBLIC_KEY", "Keygrip", "x.publicKey"],
            &["publicKeySecret", "key", "public_api_key"],
        ),
        (
            is_variable,
            &["ACME_NOTIFY_DB_PASSWORD", "DB_ROOT_SECRET"],
            &["ACME_PASSWORD", "Q7_ZP0_LM3_KEY", "acme_db_password", "A_B_KEY"],
        ),
        (
            names_key,
            &["signingKeyId", "keyid", "x_key_id", "secretName", "keyName"],
            &["awsAccessKeyId", "api_key_id", "keyIdSecret", "secretNamespace"],
        ),
    ];

    #[test]
    fn forms_are_told_from_what_looks_like_them() {
        tell_apart(FORMS);
    }
}
