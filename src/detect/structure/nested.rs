//! Tokens that are, or hold, something else in base64: JSON, a known head, a user and password.

use super::text::{decode64, encode64, encode64url, object};
use crate::detect::checksum::Structure;

/// A number that depends on the whole sample, so that different samples stay different.
fn seed(sample: &[u8]) -> u64 {
    sample.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Checks that `text` is base64 of a JSON object with these members.
fn json(text: &[u8], members: &[&str], note: &'static str) -> Structure {
    match decode64(text).and_then(|bytes| object(&bytes)) {
        Some(map) if members.iter().all(|member| map.contains_key(*member)) => Structure::valid(note),
        Some(_) => Structure::invalid("its JSON lacks a member that the format has"),
        None => Structure::invalid("not JSON in base64"),
    }
}

/// Grafana Cloud access policy tokens: `glc_` and JSON with the organisation `o`, the name `n`, the key `k`.
pub(in crate::detect) fn check_grafana_cloud(token: &[u8]) -> Structure {
    json(token.get(4..).unwrap_or_default(), &["o", "k"], "names an organisation and a key")
}

pub(in crate::detect) fn complete_grafana_cloud(token: &mut Vec<u8>) {
    let n = seed(token);
    *token = format!(
        "glc_{}",
        encode64(
            format!(r#"{{"o":"{}","n":"stack-api","k":"{n:x}{n:X}","m":{{"r":"eu"}}}}"#, n % 1_000_000).as_bytes()
        )
    )
    .into_bytes();
}

/// Grafana API keys of old: JSON with the key `k`, the name `n`, the organisation `id`.
pub(in crate::detect) fn check_grafana_legacy(token: &[u8]) -> Structure {
    json(token, &["k", "n", "id"], "names a key and an organisation")
}

pub(in crate::detect) fn complete_grafana_legacy(token: &mut Vec<u8>) {
    let n = seed(token);
    *token = encode64(format!(r#"{{"k":"{n:x}{:x}","n":"deploy","id":1}}"#, n.rotate_left(17)).as_bytes()).into_bytes();
}

/// Sentry organisation tokens: `sntrys_`, JSON with the organisation, `_`, a secret.
pub(in crate::detect) fn check_sentry_org(token: &[u8]) -> Structure {
    let body = token.get(7..).unwrap_or_default();
    let end = body.iter().position(|&b| b == b'_').unwrap_or(body.len());
    json(&body[..end], &["iat", "org"], "names an organisation")
}

pub(in crate::detect) fn complete_sentry_org(token: &mut Vec<u8>) {
    let n = seed(token);
    let head = encode64(
        format!(r#"{{"iat":{}.5,"url":"","region_url":"","org":"acme"}}"#, 1_690_000_000 + n % 10_000_000).as_bytes(),
    );
    let tail: Vec<u8> = token.iter().rev().filter(|b| b.is_ascii_alphanumeric()).take(43).copied().collect();
    *token = [b"sntrys_", head.as_bytes(), b"_", &tail].concat();
    while token.len() < 7 + head.len() + 44 {
        token.push(b'0' + (n % 10) as u8);
    }
}

/// 1Password service accounts: `ops_` and JSON that says where to sign in.
pub(in crate::detect) fn check_onepassword(token: &[u8]) -> Structure {
    json(token.get(4..).unwrap_or_default(), &["signInAddress"], "says where to sign in")
}

pub(in crate::detect) fn complete_onepassword(token: &mut Vec<u8>) {
    let n = seed(token);
    let text = format!(
        r#"{{"signInAddress":"acme.1password.com","userAuth":{{"method":"SRPg-4096","alg":"PBES2g-HS256","iterations":650000,"salt":"{n:x}"}},"email":"{n:x}@1passwordserviceaccounts.com","srpX":"{n:x}{:x}","muk":{{"alg":"A256GCM","k":"{:x}"}}}}"#,
        n.rotate_left(21),
        n.rotate_left(42)
    );
    *token = format!("ops_{}", encode64url(text.as_bytes())).into_bytes();
}

/// Mapbox tokens: `pk.`, JSON with the account `u`, a signature (Mapbox docs: access tokens).
pub(in crate::detect) fn check_mapbox(token: &[u8]) -> Structure {
    let middle = token.split(|&b| b == b'.').nth(1).unwrap_or_default();
    json(middle, &["u"], "names an account")
}

pub(in crate::detect) fn complete_mapbox(token: &mut Vec<u8>) {
    let n = seed(token);
    let text = encode64url(format!(r#"{{"u":"acme","a":"ck{n:x}"}}"#).as_bytes());
    let parts: Vec<&[u8]> = token.split(|&b| b == b'.').collect();
    let (head, tail) = (parts.first().copied().unwrap_or(b"sk"), parts.last().copied().unwrap_or_default());
    *token = [head, b".", text.as_bytes(), b".", tail].concat();
}

/// Intercom: base64 of `tok:` and an id.
pub(in crate::detect) fn check_intercom(token: &[u8]) -> Structure {
    head(token, b"tok:", "decodes to tok: and an id")
}

fn head(token: &[u8], wanted: &[u8], note: &'static str) -> Structure {
    match decode64(token) {
        Some(text) if text.starts_with(wanted) && text.iter().all(|b| b.is_ascii_graphic()) => Structure::valid(note),
        _ => Structure::invalid("does not decode to what the format holds"),
    }
}

pub(in crate::detect) fn complete_intercom(token: &mut Vec<u8>) {
    let n = seed(token);
    *token = encode64(format!("tok:{n:016x}_{:016x}_{:02}_1:0", n.rotate_left(9), n % 100).as_bytes()).into_bytes();
}

/// JFrog reference tokens: base64 of `reftkn:01:`, an expiry and an id.
pub(in crate::detect) fn check_jfrog_reference(token: &[u8]) -> Structure {
    head(token, b"reftkn:", "decodes to reftkn: and an id")
}

pub(in crate::detect) fn complete_jfrog_reference(token: &mut Vec<u8>) {
    let n = seed(token);
    *token = encode64(format!("reftkn:01:{:010}:{n:016x}{:x}", n % 10_000_000_000, n >> 20).as_bytes()).into_bytes();
    token.truncate(64);
}

/// Pairs of documents and tutorials: nobody's password.
const SAMPLE_PAIRS: &[&str] = &[
    "user:pass",
    "user:password",
    "username:password",
    "admin:admin",
    "admin:password",
    "foo:bar",
    "test:test",
    "guest:guest",
    "root:root",
    "aladdin:open sesame",
    "aladdin:opensesame",
    "login:password",
    "user:passwd",
    "myuser:mypassword",
    "username:api_token",
    "key:secret",
];

/// RFC 7617: base64 of a user, a colon, a password.
pub(in crate::detect) fn check_basic(token: &[u8]) -> Structure {
    let Some(text) = decode64(token).and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return Structure::invalid("not text in base64");
    };
    let Some((user, password)) = text.split_once(':') else {
        return Structure::invalid("decodes to text without a colon");
    };
    if text.chars().any(char::is_control) || (user.is_empty() && password.is_empty()) {
        return Structure::invalid("decodes to something else than a user and a password");
    }
    if SAMPLE_PAIRS.contains(&text.to_lowercase().as_str()) {
        return Structure::invalid("a pair that documents use");
    }
    if password.is_empty() {
        return Structure::unknown().note("a user (or key) without a password");
    }
    Structure::valid("decodes to a user and a password")
}

pub(in crate::detect) fn complete_basic(token: &mut Vec<u8>) {
    let n = seed(token);
    *token = encode64(format!("svc{:x}:{n:x}", n >> 40).as_bytes()).into_bytes();
}

/// Discord bot tokens: the first part is the bot's numeric id in base64.
pub(in crate::detect) fn check_discord(token: &[u8]) -> Structure {
    let id = decode64(token.split(|&b| b == b'.').next().unwrap_or_default()).unwrap_or_default();
    if (17..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit) {
        Structure::valid(format!("bot {}", String::from_utf8_lossy(&id)))
    } else {
        Structure::invalid("the first part is no id")
    }
}

pub(in crate::detect) fn complete_discord(token: &mut Vec<u8>) {
    let id = encode64url(format!("{}", 100_000_000_000_000_000 + seed(token) % 800_000_000_000_000_000).as_bytes());
    let rest = token.iter().position(|&b| b == b'.').map_or(Vec::new(), |at| token[at..].to_vec());
    *token = [id.as_bytes(), &rest].concat();
}

/// Tokens with a long run of one letter in the format itself (X app-only tokens, old Dropbox tokens): what is left must vary.
pub(in crate::detect) fn check_filler(token: &[u8]) -> Structure {
    let mut rest: Vec<u8> = token.iter().copied().filter(|&b| b != b'A').collect();
    let length = rest.len();
    rest.sort_unstable();
    rest.dedup();
    if length >= 30 && rest.len() >= 16 {
        Structure::valid("the part after the fixed run varies")
    } else {
        Structure::invalid("nothing but the fixed run")
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::encode64;
    use crate::detect::checksum::{State, check, complete};

    #[test]
    fn samples_are_made_right() {
        for name in [
            "grafana-cloud",
            "grafana-legacy",
            "sentry-org",
            "onepassword",
            "mapbox",
            "intercom",
            "jfrog-reference",
            "basic",
            "discord",
        ] {
            for sample in ["sk.eyJabc.0123456789abcdefghijkl", "MTIz.abcdef.ghij"] {
                let mut token = sample.as_bytes().to_vec();
                complete(name, &mut token);
                assert_eq!(check(name, &token).unwrap().state, State::Valid, "{name} {}", token.len());
            }
        }
    }

    #[test]
    fn a_basic_header_must_hold_a_pair_that_is_nobodys_sample() {
        let state = |text: &str| check("basic", encode64(text.as_bytes()).as_bytes()).unwrap().state;
        assert_eq!(state("svc:q7Zp0Lm3"), State::Valid);
        assert_eq!(state("q7Zp0Lm3:"), State::Unknown);
        for no in ["user:pass", "nothing", "\u{1}:\u{2}"] {
            assert!(matches!(state(no), State::Invalid(_)), "{no}");
        }
    }
}
