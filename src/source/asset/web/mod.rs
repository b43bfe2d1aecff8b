//! What the web ships: bundles, source maps, HTML, `data:` URLs.

mod content;
mod encoded;
mod evaluated;
mod mappings;
pub(super) mod office;
mod origin;
pub(super) mod sourcemap;
pub(super) mod text;

#[cfg(test)]
mod tools;

pub use origin::BundleMap;
pub use text::carries_data;

/// Where some bytes lie: their own path, and a way to the files next to them.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// Path or name; empty where nobody knows it.
    pub path: &'a [u8],
    /// Reads a file by a reference relative to that path (`app.js.map`, `../maps/app.js.map`), or refuses.
    pub read: &'a dyn Fn(&[u8]) -> Option<Vec<u8>>,
}

impl<'a> Beside<'a> {
    /// Under a name, with nothing next to it that could be read.
    #[must_use]
    pub fn named(path: &'a [u8]) -> Self {
        Self { path, read: &|_| None }
    }

    /// What is compressed under this name: `app.js` for `app.js.gz`.
    pub(super) fn unpacked(self) -> Self {
        let end = self.path.len() - self.name().len() + memchr::memrchr(b'.', self.name()).unwrap_or(self.name().len());
        Self { path: &self.path[..end], ..self }
    }

    /// The last part of the path.
    fn name(&self) -> &'a [u8] {
        memchr::memrchr(b'/', self.path).map_or(self.path, |at| &self.path[at + 1..])
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use base64::Engine;

    use super::mappings::tests::vlq;
    use crate::model::{LineColumn, Original};
    use crate::source::asset::corpus::{all, paths_with, timed, zip};
    use crate::source::asset::{Beside, Budget, Nature, unpack};

    const WORD: &str = "the-word-to-find";

    /// Mappings of lines of segments `[column, source, line, column]`, all absolute.
    fn mappings(lines: &[&[[i64; 4]]]) -> String {
        let mut out = String::new();
        let mut last = [0; 4];
        for line in lines {
            last[0] = 0;
            for segment in *line {
                (0..4).for_each(|i| vlq(segment[i] - last[i], &mut out));
                last = *segment;
                out.push(',');
            }
            out.push(';');
        }
        out
    }

    /// A bundle, and a map that knows where its literal comes from.
    fn sample(with_content: bool) -> (String, String) {
        let original = format!("// a comment\nexport const config = {{\n  key: \"{WORD}\",\n}};\n");
        let bundle = format!("\"use strict\";var a={{b:\"{WORD}\"}};console.log(a);");
        let at = bundle.find(&format!("\"{WORD}")).unwrap() as i64;
        let content = if with_content {
            format!(",\"sourcesContent\":[{}]", serde_json::to_string(&original).unwrap())
        } else {
            String::new()
        };
        let map = format!(
            "{{\"version\":3,\"sources\":[\"src/config.ts\"]{content},\"names\":[],\"mappings\":\"{}\"}}",
            mappings(&[&[[0, 0, 1, 0], [at, 0, 2, 7], [at + 20, 0, 3, 0]]])
        );
        (bundle, map)
    }

    fn expected() -> Original {
        Original { path: "src/config.ts".into(), at: LineColumn { line: 3, column: 9 } }
    }

    /// Originals of the word in every unit that has a map.
    fn mapped(bytes: &[u8], sibling: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<Option<Original>> {
        let mut found = Vec::new();
        unpack(bytes, &Budget::default(), Beside { path: b"dist/app.js", read: sibling }, &mut |unit| {
            if let (Some(map), Some(at)) = (unit.map, memchr::memmem::find(unit.bytes, WORD.as_bytes())) {
                found.push(map.original(at));
            }
            ControlFlow::Continue(())
        });
        found
    }

    #[test]
    fn a_bundle_is_mapped_to_its_original_with_and_without_contents() {
        for with_content in [true, false] {
            let (bundle, map) = sample(with_content);
            let external = format!("{bundle}\n//# sourceMappingURL=maps/app.js.map?v=1\n");
            let read = |reference: &[u8]| (reference == b"maps/app.js.map").then(|| map.clone().into_bytes());
            assert_eq!(mapped(external.as_bytes(), &read), [Some(expected())]);
            assert_eq!(mapped(external.as_bytes(), &|_| None), [None]);
            let inline = base64::engine::general_purpose::STANDARD.encode(&map);
            let inline = format!("{bundle}\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,{inline}");
            assert_eq!(mapped(inline.as_bytes(), &|_| None), [Some(expected())]);
        }
    }

    #[test]
    fn a_map_that_the_bundle_does_not_name_is_found_by_its_own() {
        let (bundle, map) = sample(false);
        let read = |reference: &[u8]| (reference == b"app.js.map").then(|| map.clone().into_bytes());
        assert_eq!(mapped(bundle.as_bytes(), &read), [Some(expected())]);
        assert_eq!(mapped(bundle.as_bytes(), &|_| Some(b"no map at all".to_vec())), [None]);
        let members = [("a/app.js", bundle.as_bytes()), ("a/app.js.map", map.as_bytes()), ("app.js.map", b"{}")];
        assert_eq!(mapped(&zip(&members), &|_| None)[0], Some(expected()));
        // Compressed beside it, as servers keep them.
        let mut found = Vec::new();
        let compressed = crate::source::asset::corpus::gzip(bundle.as_bytes());
        unpack(&compressed, &Budget::default(), Beside { path: b"dist/app.js.gz", read: &read }, &mut |unit| {
            let at = memchr::memmem::find(unit.bytes, WORD.as_bytes()).unwrap();
            found.push(unit.map.and_then(|map| map.original(at)));
            ControlFlow::Continue(())
        });
        assert_eq!(found, [Some(expected())]);
    }

    #[test]
    fn a_map_that_is_not_where_the_bundle_says_is_found_beside_it() {
        let (bundle, map) = sample(false);
        for (reference, file) in [
            ("https://maps.example.com/x/0123.map", "0123.map"),
            ("/assets/app.js.map", "app.js.map"),
            ("dist/app.js.map", "app.js.map"),
            ("https://maps.example.com/", "app.js.map"),
            ("https://maps.example.com/x/other.map?v=1", "app.js.map"),
        ] {
            let text = format!("{bundle}\n//# sourceMappingURL={reference}\n");
            let read = |asked: &[u8]| (asked == file.as_bytes()).then(|| map.clone().into_bytes());
            assert_eq!(mapped(text.as_bytes(), &read), [Some(expected())], "{reference}");
        }
    }

    #[test]
    fn a_value_put_in_place_of_an_expression_is_at_the_expression() {
        let original = "const é = 1; export const key = process.env.KEY;\n";
        let bundle = format!("let a=1,b=\"{WORD}\";");
        let at = original.find("process").unwrap() - 1;
        let map = |content: &str| {
            let mappings = mappings(&[&[[10, 0, 0, at as i64]]]);
            let bundle = format!("{bundle}\n//# sourceMappingURL=app.js.map");
            let map =
                format!("{{\"version\":3,\"sources\":[\"a.js\"]{content},\"names\":[],\"mappings\":\"{mappings}\"}}");
            mapped(bundle.as_bytes(), &|_| Some(map.clone().into_bytes()))[0].clone().unwrap().at
        };
        let content = format!(",\"sourcesContent\":[{}]", serde_json::to_string(original).unwrap());
        assert_eq!(map(&content), LineColumn { line: 1, column: at as u32 + 1 });
        // Nobody knows without the text; a literal is likelier.
        assert_eq!(map(""), LineColumn { line: 1, column: at as u32 + 2 });
    }

    #[test]
    fn a_map_in_the_same_archive_is_found() {
        let (bundle, map) = sample(false);
        let bundle = format!("{bundle}\n//# sourceMappingURL=../maps/app.js.map");
        let bytes = zip(&[("www/js/app.js", bundle.as_bytes()), ("www/maps/app.js.map", map.as_bytes())]);
        assert_eq!(mapped(&bytes, &|_| None), [Some(expected())]);
        let tarred = crate::source::asset::corpus::tar(&[
            ("www/js/app.js", bundle.as_bytes()),
            ("www/maps/app.js.map", map.as_bytes()),
        ]);
        assert_eq!(mapped(&crate::source::asset::corpus::gzip(&tarred), &|_| None), [Some(expected())]);
    }

    #[test]
    fn sections_are_mapped_from_their_offsets() {
        let (bundle, map) = sample(false);
        let indexed = format!(
            "{{\"version\":3,\"sections\":[{{\"offset\":{{\"line\":0,\"column\":0}},\"map\":{{\"version\":3,\"sources\":[],\"mappings\":\"\"}}}},\
             {{\"offset\":{{\"line\":1,\"column\":5}},\"map\":{map}}}]}}"
        );
        let text = format!("first();\n12345{bundle}\n//# sourceMappingURL=x.map");
        assert_eq!(mapped(text.as_bytes(), &|_| Some(indexed.clone().into_bytes())), [Some(expected())]);
    }

    #[test]
    fn a_map_hands_over_its_originals_and_the_rest_in_place() {
        let (_, map) = sample(true);
        assert_eq!(paths_with(map.as_bytes(), WORD), ["src/config.ts"]);
        let (seen, unpacked) = all(map.as_bytes());
        assert_eq!(seen.iter().map(|seen| seen.nature).collect::<Vec<_>>(), [Nature::Unpacked, Nature::Stored]);
        assert_eq!(seen[1].text.len(), map.len());
        let note = &unpacked.maps[0];
        assert_eq!((note.sources, note.with_content, &note.names[..]), (1, 1, &["src/config.ts".into()][..]));
        let guarded = format!(")]}}'\n{map}");
        assert_eq!(paths_with(guarded.as_bytes(), WORD), ["src/config.ts"]);
    }

    #[test]
    fn half_a_surrogate_pair_does_not_hide_a_file() {
        let map = format!(
            "{{\"version\":3,\"sources\":[\"a.js\"],\"sourcesContent\":[\"\\ud800 {WORD}\"],\"mappings\":\"\"}}"
        );
        assert_eq!(paths_with(map.as_bytes(), WORD), ["a.js"]);
    }

    #[test]
    fn characters_beyond_ascii_count_as_editors_do() {
        let original = format!("/* 😀é */ key = \"{WORD}\"\n");
        let bundle = format!("\"😀é\";k=\"{WORD}\"");
        let map = format!(
            "{{\"version\":3,\"sources\":[\"a.js\"],\"sourcesContent\":[{}],\"mappings\":\"{}\"}}",
            serde_json::to_string(&original).unwrap(),
            mappings(&[&[[8, 0, 0, 16]]])
        );
        let text = format!("{bundle}\n//# sourceMappingURL=x.map");
        let expect = Original { path: "a.js".into(), at: LineColumn { line: 1, column: 17 } };
        assert_eq!(mapped(text.as_bytes(), &|_| Some(map.clone().into_bytes())), [Some(expect)]);
    }

    #[test]
    fn references_that_lead_elsewhere_are_not_followed() {
        for reference in ["https://example.com/a.map", "//example.com/a.map", "/etc/a.map", "file:a.map", "a\\b.map"] {
            let text = format!("{WORD}\n//# sourceMappingURL={reference}");
            let asked = std::cell::RefCell::new(Vec::new());
            let read = |reference: &[u8]| {
                asked.borrow_mut().push(reference.to_vec());
                None
            };
            assert_eq!(mapped(text.as_bytes(), &read), [None], "{reference}");
            let near = |asked: &Vec<u8>| asked == b"a.map" || asked == b"app.js.map";
            assert!(asked.borrow().iter().all(near), "{reference}");
        }
    }

    #[test]
    fn hostile_maps_are_bounded() {
        let text = format!("{WORD}\n//# sourceMappingURL=x.map");
        let gigantic = "AAAA,".repeat(4_000_000);
        let negative = "DDDD,".repeat(100_000);
        let lines = ";".repeat(5_000_000);
        for mappings in [gigantic, negative, lines, "A\\u0041AA".into(), "////////////////".into()] {
            let map = format!("{{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"{mappings}\"}}");
            let (found, spent) = timed(|| mapped(text.as_bytes(), &|_| Some(map.clone().into_bytes())));
            assert!(found.len() == 1 && spent.as_secs() < 10, "{spent:?}");
        }
        let deep = format!("{{\"version\":3,\"sources\":{}", "[".repeat(100_000));
        assert_eq!(all(deep.as_bytes()).0.len(), 1);
    }

    #[test]
    fn a_container_in_a_data_url_is_opened() {
        let inner = base64::engine::general_purpose::STANDARD.encode(zip(&[("a.txt", WORD.as_bytes())]));
        let html = format!("<html><a href=\"data:application/zip;base64,{inner}\">x</a></html>");
        assert_eq!(paths_with(html.as_bytes(), WORD), ["data: URL at byte 15!a.txt"]);
        assert!(super::carries_data(html.as_bytes()));
        // Pictures and plain text are nothing to open.
        for kind in ["image/png", "font/woff2", "text/plain"] {
            let text = format!("a{{src:url(data:{kind};base64,{})}}", "QUJDREVGR0g".repeat(40));
            assert!(!super::carries_data(text.as_bytes()), "{kind}");
        }
    }
}
