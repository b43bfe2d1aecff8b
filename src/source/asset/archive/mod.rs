//! Archives and compressed streams.

pub(super) mod ar;
pub(super) mod asar;
pub(super) mod compressed;
pub(super) mod cpio;
pub(super) mod rpm;
pub(super) mod sevenz;
pub(super) mod tar;
pub(super) mod zip;

/// Whether a member's path would leave the directory it is unpacked into.
fn escapes(name: &[u8]) -> bool {
    let separator = |b: &u8| *b == b'/' || *b == b'\\';
    name.first().is_some_and(separator)
        || matches!(name, [drive, b':', ..] if drive.is_ascii_alphabetic())
        || name.split(separator).any(|part| part == b"..")
}

/// What is said of a path that escapes.
const ESCAPES: &str = "the member's path leads out of the archive";

/// `reference` as seen from the member `from`: the path of another member, or `None` if it leads out.
pub(in crate::source) fn resolve(from: &[u8], reference: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = from.split(|b| *b == b'/').collect();
    parts.pop();
    for part in reference.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join(&b'/'))
}

/// A little-endian `u16` at an offset.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// A little-endian `u32` at an offset.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// A little-endian `u64` at an offset.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_out_is_seen() {
        for name in ["../a", "a/../../b", "/etc/passwd", "C:\\x", "a\\..\\b", ".."] {
            assert!(escapes(name.as_bytes()), "{name}");
        }
        for name in ["a/b", "a..b", "..a/b", "a/...", ""] {
            assert!(!escapes(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_reference_is_seen_from_its_member() {
        assert_eq!(resolve(b"a/b.js", b"b.js.map").unwrap(), b"a/b.js.map");
        assert_eq!(resolve(b"a/b.js", b"../maps/./b.map").unwrap(), b"maps/b.map");
        assert_eq!(resolve(b"b.js", b"../b.map"), None);
    }
}
