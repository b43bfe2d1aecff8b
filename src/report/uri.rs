//! A path as bytes becomes a URI.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::json::Place;

/// The exact bytes of the outermost path.
pub(super) fn raw_path(place: &Place) -> Vec<u8> {
    let exact = place.path_bytes.as_ref().and_then(|text| STANDARD.decode(text).ok());
    exact.unwrap_or_else(|| place.path.clone().into_bytes())
}

/// A URI of the outermost thing, percent-encoded: relative to the root of the scan where the path is; never empty. Text
/// of a git object has no file, so it gets a name under `git-object/`.
pub(super) fn of(place: &Place) -> String {
    let path = raw_path(place);
    let object = place.object.as_deref().unwrap_or("unknown");
    match place.source.as_str() {
        "stdin" => "stdin".to_owned(),
        "object" => format!("git-object/{}", encoded(object.as_bytes())),
        _ if path.is_empty() => format!("git-object/{}", encoded(object.as_bytes())),
        _ if path.starts_with(b"/") => format!("file://{}", encoded(&path)),
        _ if path.get(1..3) == Some(b":/") => format!("file:///{}", encoded(&path)),
        _ => encoded(without_dot(&path)),
    }
}

/// Without a leading `./`.
pub(super) fn without_dot(path: &[u8]) -> &[u8] {
    let mut path = path;
    while let Some(rest) = path.strip_prefix(b"./").filter(|rest| !rest.is_empty()) {
        path = rest;
    }
    path
}

/// RFC 3986: everything but unreserved characters and `/`. A colon is encoded too, or a relative path would read as a
/// scheme.
pub(super) fn encoded(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for &byte in path {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            text.push(byte as char);
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::json::Place, of};

    fn check(source: &str, path: &str, expect: &str) {
        let place = Place { source: source.into(), path: path.into(), object: Some("ab12".into()), ..Place::default() };
        assert_eq!(of(&place), expect);
    }

    #[test]
    fn paths_become_uris() {
        check("file", "./src/a b.rs", "src/a%20b.rs");
        check("file", "/abs/é", "file:///abs/%C3%A9");
        check("file", "C:/x", "file:///C%3A/x");
        check("file", "a:b?#%", "a%3Ab%3F%23%25");
        check("history", "", "git-object/ab12");
        check("object", "refs/heads/x", "git-object/ab12");
        check("stdin", "", "stdin");
    }
}
