//! Text of Office and OpenDocument parts, whose runs cut words apart.

use memchr::{memchr, memmem};

use crate::source::asset::numbering::Sheet;
use crate::source::asset::unit::Nature;
use crate::source::asset::walk::Walk;

/// Roots of documents, and what a paragraph is called in them.
const KINDS: [(&[u8], &[u8]); 9] = [
    (b"w:document", b"w:p"),
    (b"w:hdr", b"w:p"),
    (b"w:ftr", b"w:p"),
    (b"w:comments", b"w:p"),
    (b"p:sld", b"a:p"),
    (b"p:notes", b"a:p"),
    (b"sst", b"si"),
    (b"worksheet", b"is"),
    (b"office:document-content", b"text:p"),
];

/// The name of a paragraph, if this is such a document: its root element stands right behind the XML declaration.
fn paragraph(bytes: &[u8]) -> Option<&'static [u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let end = memmem::find(&declaration[..declaration.len().min(256)], b"?>")?;
    let root = declaration[end + 2..].trim_ascii_start().strip_prefix(b"<")?;
    let (_, paragraph) = KINDS.iter().find(|(name, _)| {
        root.strip_prefix(*name).and_then(|rest| rest.first()).is_some_and(|b| b.is_ascii_whitespace() || *b == b'>')
    })?;
    Some(paragraph)
}

pub(in super::super) fn is_office(bytes: &[u8]) -> bool {
    paragraph(bytes).is_some()
}

/// Hands over the part as it is, then the paragraphs that are made of several runs.
pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8], nature: Nature) {
    walk.text(bytes, nature, None);
    let Some(name) = paragraph(bytes) else { return };
    let (start, end) = ([b"<", name].concat(), [b"</", name, b">"].concat());
    let mut sheet = Sheet::new("paragraph");
    let (mut rest, mut number) = (bytes, 0);
    while let Some(at) = memmem::find(rest, &start) {
        rest = &rest[at + start.len()..];
        // Longer names begin alike: `w:pPr`.
        if !rest.first().is_some_and(|b| matches!(b, b'>' | b' ' | b'/')) {
            continue;
        }
        number += 1;
        let Some(length) = memmem::find(rest, &end) else { break };
        let (text, runs) = characters(&rest[..length]);
        rest = &rest[length + end.len()..];
        if runs > 1 {
            sheet.push(number, &text);
            if sheet.is_full() {
                walk.sheet(&mut sheet);
            }
        }
    }
    walk.sheet(&mut sheet);
}

/// The characters between tags, and in how many runs they come. Line breaks and tabs keep runs apart.
fn characters(xml: &[u8]) -> (Vec<u8>, usize) {
    let (mut text, mut runs, mut rest) = (Vec::new(), 0, xml);
    // What stands before the first `>` is the rest of the paragraph's own tag.
    while let Some(close) = memchr(b'>', rest) {
        if [&b"<w:br"[..], b"<w:tab/", b"<a:br", b"<w:cr"].iter().any(|tag| rest[..close].starts_with(tag)) {
            text.push(b' ');
        }
        rest = &rest[close + 1..];
        let end = memchr(b'<', rest).unwrap_or(rest.len());
        if !rest[..end].trim_ascii().is_empty() {
            runs += 1;
            unescape(&rest[..end], &mut text);
        }
        rest = &rest[end..];
    }
    (text, runs)
}

/// Undoes the five entities of XML.
fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let entities: [(&[u8], u8); 5] =
            [(b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
        let (length, byte) = entities
            .iter()
            .find(|(name, _)| rest.starts_with(name))
            .map_or((1, b'&'), |(name, byte)| (name.len(), *byte));
        out.push(byte);
        rest = &rest[length..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use crate::source::asset::corpus::{all, paths_with, zip};

    #[test]
    fn words_that_runs_cut_apart_are_whole_again() {
        let xml = "<?xml version=\"1.0\"?><w:document><w:body>\
            <w:p><w:r><w:t>one run only</w:t></w:r></w:p>\
            <w:p w:id=\"2\"><w:pPr/><w:r><w:t>the-word</w:t></w:r><w:r><w:t>-to-find&amp;</w:t></w:r></w:p></w:body></w:document>";
        let bytes = zip(&[("word/document.xml", xml.as_bytes())]);
        assert_eq!(paths_with(&bytes, "the-word-to-find&\n"), ["word/document.xml"]);
        let (seen, _) = all(&bytes);
        assert_eq!(seen.iter().map(|seen| seen.noun).collect::<Vec<_>>(), [None, Some("paragraph")]);
        assert_eq!(seen[1].text, b"the-word-to-find&\n");
    }
}
