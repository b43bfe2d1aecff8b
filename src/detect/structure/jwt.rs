//! JSON Web Tokens: the header and payload decode to JSON, and say who issued what until when.

use serde_json::{Map, Value};

use super::text::{decode64, encode64url, object};
use crate::{
    detect::checksum::Structure,
    model::{Confidence, Kind, Severity},
};

/// Text of a claim, shortened and with nothing but printable ASCII: it goes into a note.
fn claim(map: &Map<String, Value>, key: &str) -> Option<String> {
    let text = map.get(key)?.as_str()?;
    Some(text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(80).collect())
}

fn seconds(map: &Map<String, Value>, key: &str) -> Option<i64> {
    let value = map.get(key)?;
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// RFC 7519. A token whose parts are no JSON is none; `alg: none` is signed by nobody.
pub(in crate::detect) fn check(token: &[u8]) -> Structure {
    let mut parts = token.split(|&b| b == b'.');
    let (Some(header), Some(payload), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Structure::invalid("not three parts");
    };
    let Some(header) = decode64(header).and_then(|text| object(&text)) else {
        return Structure::invalid("the header is no JSON");
    };
    let Some(alg) = claim(&header, "alg") else { return Structure::invalid("the header names no algorithm") };
    let Some(payload) = decode64(payload).and_then(|text| object(&text)) else {
        return Structure::invalid("the payload is no JSON");
    };
    if claim(&payload, "sub").as_deref() == Some("1234567890") && claim(&payload, "name").as_deref() == Some("John Doe")
    {
        return Structure::invalid("the sample token of jwt.io");
    }
    if claim(&payload, "iss").as_deref() == Some("supabase-demo") {
        return Structure::valid("the demo key of Supabase's local stack: public knowledge").severity(Severity::Low);
    }
    judge(&alg, &payload, signature)
}

fn judge(alg: &str, payload: &Map<String, Value>, signature: &[u8]) -> Structure {
    let mut found = Structure::valid(format!("alg {alg}"));
    if let Some(issuer) = claim(payload, "iss") {
        found = found.note(format!("issuer {issuer}"));
    }
    found.expires = seconds(payload, "exp");
    if let Some(expires) = found.expires {
        // A number that is no date of this calendar is shown as it is.
        let day = jiff::Timestamp::from_second(expires)
            .map_or_else(|_| expires.to_string(), |at| at.strftime("%F").to_string());
        found = found.note(format!("expires on {day}"));
    } else {
        found = found.note("never expires");
    }
    let unsigned = alg.eq_ignore_ascii_case("none") || signature.is_empty();
    if unsigned {
        found.confidence = Some(Confidence::Low);
        return found.note("signed by nobody: whoever accepts it accepts any").severity(Severity::Low);
    }
    let role = claim(payload, "role");
    let supabase = claim(payload, "iss").is_some_and(|issuer| issuer.starts_with("supabase"));
    match role.as_deref() {
        Some("anon") if supabase => {
            found.note("role anon: meant for browsers").kind(Kind::Publishable).severity(Severity::Info)
        }
        Some("service_role") => found.note("role service_role: passes row level security").severity(Severity::Critical),
        _ if payload.contains_key("kubernetes.io")
            || claim(payload, "iss").is_some_and(|issuer| issuer.contains("kubernetes")) =>
        {
            found.note("a Kubernetes service account").severity(Severity::Critical)
        }
        _ => found,
    }
}

/// Header and payload become JSON; the signature stays as sampled.
pub(in crate::detect) fn complete(token: &mut Vec<u8>) {
    let signature = token.rsplit(|&b| b == b'.').next().filter(|part| part.len() >= 16);
    let signature = signature
        .map_or_else(|| "c2lnbmF0dXJlLW9mLWFuLWV4YW1wbGU".into(), |part| String::from_utf8_lossy(part).into_owned());
    let id = token.iter().fold(7u64, |sum, &b| sum.wrapping_mul(131).wrapping_add(u64::from(b)));
    let header = encode64url(br#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = encode64url(format!(r#"{{"iss":"stanch-test","sub":"u{id:x}","exp":1700000000}}"#).as_bytes());
    *token = format!("{header}.{payload}.{signature}").into_bytes();
}

#[cfg(test)]
mod tests {
    use super::{super::text::encode64url, check, complete};
    use crate::{
        detect::checksum::State,
        model::{Confidence, Kind, Severity},
    };

    fn token(header: &str, payload: &str, signature: &str) -> Vec<u8> {
        format!("{}.{}.{signature}", encode64url(header.as_bytes()), encode64url(payload.as_bytes())).into_bytes()
    }

    #[test]
    fn reads_algorithm_issuer_and_expiry() {
        let found = check(&token(r#"{"alg":"RS256"}"#, r#"{"iss":"accounts","exp":1516239022}"#, "c2lnbmF0dXJl"));
        assert_eq!(found.state, State::Valid);
        assert_eq!(found.expires, Some(1_516_239_022));
        let notes: Vec<String> = found.notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes, ["alg RS256", "issuer accounts", "expires on 2018-01-18"]);
    }

    #[test]
    fn what_is_no_json_is_no_token() {
        assert!(matches!(check(b"eyJhbGciOi.eyJzdWIiOi.c2ln").state, State::Invalid(_)));
        assert!(matches!(check(&token(r#"{"typ":"JWT"}"#, "{}", "x")).state, State::Invalid(_)));
        assert!(matches!(
            check(&token(r#"{"alg":"HS256"}"#, r#"{"sub":"1234567890","name":"John Doe"}"#, "x")).state,
            State::Invalid(_)
        ));
    }

    #[test]
    fn roles_and_missing_signatures_change_the_severity() {
        let anon = check(&token(r#"{"alg":"HS256"}"#, r#"{"iss":"supabase","role":"anon"}"#, "c2lnbmF0dXJl"));
        assert_eq!((anon.kind, anon.severity), (Some(Kind::Publishable), Some(Severity::Info)));
        let service =
            check(&token(r#"{"alg":"HS256"}"#, r#"{"iss":"supabase","role":"service_role"}"#, "c2lnbmF0dXJl"));
        assert_eq!((service.kind, service.severity), (None, Some(Severity::Critical)));
        let unsigned = check(&token(r#"{"alg":"none"}"#, r#"{"sub":"x"}"#, ""));
        assert_eq!((unsigned.state, unsigned.severity), (State::Valid, Some(Severity::Low)));
        assert_eq!((unsigned.confidence, service.confidence), (Some(Confidence::Low), None));
    }

    #[test]
    fn a_control_character_of_a_claim_reaches_no_note() {
        let found = check(&token(r#"{"alg":"HS256"}"#, "{\"iss\":\"a\\u001b[31m\\nb\"}", "c2lnbmF0dXJl"));
        assert!(found.notes.iter().all(|note| note.to_string().bytes().all(|b| b >= b' ')));
    }

    #[test]
    fn a_sample_is_made_right() {
        let mut sample = b"eyJabc.eyJdef.0123456789abcdefghij".to_vec();
        complete(&mut sample);
        assert_eq!(check(&sample).state, State::Valid);
    }
}
