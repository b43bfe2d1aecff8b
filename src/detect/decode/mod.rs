//! Encoded text inside a text, undone: runs of base64 and hex, and escapes.

mod escape;
mod marks;
mod run;

pub(crate) use self::{
    escape::{clusters, unescape},
    marks::{DATA, MARKS},
    run::decode_run,
};
use crate::{detect::runs::Run, model::Span};

/// All that stands encoded in the runs and the clusters of a text.
pub(crate) fn decode_all(
    text: &[u8],
    runs: impl IntoIterator<Item = Run>,
    clusters: impl IntoIterator<Item = Span>,
) -> Vec<Decoded> {
    let mut found = Vec::new();
    runs.into_iter().for_each(|run| decode_run(text, run, &mut found));
    found.extend(clusters.into_iter().filter_map(|cluster| unescape(text, cluster)));
    found
}

/// How deep encodings are undone in one another.
pub const DEPTH: usize = 3;

/// A text that was inside another.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The encoded bytes.
    pub span: Span,
    /// What was undone: `base64`, `hex`, `gzip`, `escapes`.
    pub encoding: &'static str,
    /// The text.
    pub text: Vec<u8>,
    /// For escapes: pairs (offset in `text`, offset in the encoded bytes), ascending.
    steps: Vec<(usize, usize)>,
}

impl Decoded {
    /// Where a span of the text stands in the encoded bytes. For base64 and hex that is the whole run; for escapes it is
    /// exact, and `None` where nothing of the span was escaped: then the plain text has it too.
    #[must_use]
    pub fn stored(&self, span: Span) -> Option<Span> {
        if self.steps.is_empty() {
            return Some(self.span);
        }
        let at = |offset: usize| {
            let step = self.steps.partition_point(|&(text, _)| text <= offset) - 1;
            let (text, stored) = self.steps[step];
            stored + (offset - text)
        };
        let found = Span::new(at(span.start), at(span.end));
        (found.len() != span.len()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::*};

    use super::{Decoded, clusters, decode_all};
    use crate::{
        detect::{decode::MARKS, runs::find_runs},
        model::Span,
    };

    fn decode(text: &[u8]) -> Vec<Decoded> {
        let mut runs = Vec::new();
        find_runs(text, 0..text.len(), 0, 16, &mut runs);
        let stands = |mark: &str, at: usize| text[at..].starts_with(mark.as_bytes());
        let marks = (0..text.len()).flat_map(|at| {
            MARKS.iter().filter(move |mark| stands(mark, at)).map(move |mark| Span::new(at, at + mark.len()))
        });
        decode_all(text, runs, clusters(text.len(), marks))
    }

    const TEXT: &str = "export password=hunter2 and then some more text 42";

    fn decoded(text: &str) -> Vec<(&'static str, String)> {
        let show = |found: super::Decoded| (found.encoding, String::from_utf8_lossy(&found.text).into_owned());
        decode(text.as_bytes()).into_iter().map(show).collect()
    }

    #[test]
    fn undoes_base64_and_hex() {
        for encoded in [BASE64_STANDARD.encode(TEXT), BASE64_STANDARD_NO_PAD.encode(TEXT), BASE64_URL_SAFE.encode(TEXT)]
        {
            assert_eq!(decoded(&format!("data: {encoded}\n")), [("base64", TEXT.to_owned())]);
        }
        let hex: String = TEXT.bytes().map(|b| format!("{b:02x}")).collect();
        assert_eq!(decoded(&format!("x = \"{hex}\"")), [("hex", TEXT.to_owned())]);
    }

    #[test]
    fn leaves_keys_hashes_and_names_alone() {
        for text in
            ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "thisIsAVeryLongIdentifierName2"]
        {
            assert_eq!(decoded(text), []);
        }
    }

    #[test]
    fn undoes_escapes_and_finds_the_way_back() {
        let text = r#"a = "\x41\x4b\x49\x41 tail" "#;
        let found = decode(text.as_bytes());
        assert_eq!(found[0].encoding, "escapes");
        let at = found[0].text.windows(4).position(|part| part == b"AKIA").unwrap();
        assert_eq!(found[0].stored(Span::new(at, at + 4)), Some(Span::new(5, 21)));
        let tail = found[0].text.windows(4).position(|part| part == b"tail").unwrap();
        assert_eq!(found[0].stored(Span::new(tail, tail + 4)), None);
        assert_eq!(decoded("u = 'https:\\/\\/x'")[0].1, "u = 'https://x'");
        assert_eq!(decoded("k = 'abc' + 'def'")[0].1, "k = 'abcdef'");
        assert_eq!(decoded("p=%3A%42%43")[0].1, "p=:BC");
        assert_eq!(decoded("p=&#65;&#x42;&quot;")[0].1, "p=AB\"");
    }

    #[test]
    fn undoes_gzip_in_base64() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(TEXT.as_bytes()).unwrap();
        let encoded = BASE64_STANDARD.encode(gzip.finish().unwrap());
        assert_eq!(decoded(&format!("x={encoded}")), [("gzip", TEXT.to_owned())]);
    }
}
