//! Templates of requests: where a secret may stand, and how it is written there.

use std::fmt::Write as _;

/// What stands in the place of the secret.
const SECRET: &str = "{secret}";
/// What stands in the place of the other part of a credential in two parts.
const PARTNER: &str = "{partner}";

/// What is filled in.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) secret: &'a str,
    pub(crate) partner: Option<&'a str>,
}

/// Where a value is written: decides how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Position {
    /// A path, a query or a form: percent-encoded.
    Url,
    /// A header: printable ASCII only, or not at all.
    Header,
    /// A string of JSON, which its writer escapes.
    Json,
}

/// Whether a template asks for the other part.
pub(crate) fn wants_partner(template: &str) -> bool {
    template.contains(PARTNER)
}

/// Fills a template in. `None`: the value cannot stand there, or the other part is missing.
pub(crate) fn fill(template: &str, parts: Parts<'_>, position: Position) -> Option<String> {
    let mut text = String::with_capacity(template.len() + parts.secret.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (value, length) = if rest.starts_with(SECRET) {
            (parts.secret, SECRET.len())
        } else if rest.starts_with(PARTNER) {
            (parts.partner?, PARTNER.len())
        } else {
            // A brace of its own: GraphQL, JSON in a header.
            text.push('{');
            rest = &rest[1..];
            continue;
        };
        write(&mut text, value, position)?;
        rest = &rest[length..];
    }
    text.push_str(rest);
    Some(text)
}

fn write(text: &mut String, value: &str, position: Position) -> Option<()> {
    match position {
        Position::Json => text.push_str(value),
        Position::Header if value.bytes().all(|b| (0x20..0x7f).contains(&b)) => text.push_str(value),
        Position::Header => return None,
        // These would climb out of the path.
        Position::Url if matches!(value, "" | "." | "..") => return None,
        Position::Url => {
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
                    text.push(char::from(byte));
                } else {
                    let _ = write!(text, "%{byte:02X}");
                }
            }
        }
    }
    Some(())
}

/// Fills all strings of a JSON value in; the keys are the template's own.
pub(crate) fn fill_json(value: &serde_json::Value, parts: Parts<'_>) -> Option<serde_json::Value> {
    use serde_json::Value;
    Some(match value {
        Value::String(text) => Value::String(fill(text, parts, Position::Json)?),
        Value::Array(list) => Value::Array(list.iter().map(|v| fill_json(v, parts)).collect::<Option<_>>()?),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| Some((k.clone(), fill_json(v, parts)?))).collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}

/// Checks a URL template: nothing may be filled in before the path, so that the template alone decides where the
/// secret goes.
pub(crate) fn check_url(template: &str) -> Result<(), &'static str> {
    let rest = template.strip_prefix("https://").ok_or("the url must start with https://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if authority.is_empty() || authority.contains(['{', '}', '@', '%']) {
        return Err("nothing may be filled in before the path of the url");
    }
    if template.contains('#') {
        return Err("a url with a fragment");
    }
    let open = rest.replace(SECRET, "").replace(PARTNER, "");
    if open.contains(['{', '}']) { Err("the url knows only {secret} and {partner}") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_has_its_own_writing() {
        let parts = Parts { secret: "a/b?c d\"é&=%", partner: Some("id:1") };
        let table = [
            ("/x/{secret}", Position::Url, Some("/x/a%2Fb%3Fc%20d%22%C3%A9%26%3D%25")),
            ("/bot{partner}/y", Position::Url, Some("/botid:1/y")),
            ("Bearer {secret}", Position::Header, None),
            ("Bearer {partner}", Position::Header, Some("Bearer id:1")),
            ("{ viewer { id } } {partner}", Position::Json, Some("{ viewer { id } } id:1")),
            ("{secret}", Position::Json, Some("a/b?c d\"é&=%")),
        ];
        for (template, position, expected) in table {
            assert_eq!(fill(template, parts, position).as_deref(), expected, "{template}");
        }
        let split = Parts { secret: "x\r\nHost: evil", partner: None };
        assert_eq!(fill("Bearer {secret}", split, Position::Header), None);
        assert_eq!(fill("{partner}", split, Position::Json), None);
        for climbing in ["", ".", ".."] {
            assert_eq!(fill("/{secret}/x", Parts { secret: climbing, partner: None }, Position::Url), None);
        }
        let nested = Parts { secret: "{partner}", partner: Some("p") };
        assert_eq!(fill("{secret}", nested, Position::Json).as_deref(), Some("{partner}"), "filled in once only");
        let body = serde_json::json!({"k": ["{secret}", 1, {"{secret}": "x"}]});
        let filled = fill_json(&body, Parts { secret: "\"", partner: None }).unwrap().to_string();
        assert_eq!(filled, r#"{"k":["\"",1,{"{secret}":"x"}]}"#);
    }

    #[test]
    fn the_template_alone_decides_where_it_goes() {
        for good in ["https://a.example/{secret}?k={partner}", "https://a.example", "https://a.example:8443/x"] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        let bad = [
            "http://a.example/",
            "{secret}",
            "https://{secret}",
            "https://{partner}.example/",
            "https://a.example{secret}/",
            "https://user@a.example/",
            "https:///x",
            "https://a.example/{other}",
            "https://a.example/#{secret}",
        ];
        for bad in bad {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
