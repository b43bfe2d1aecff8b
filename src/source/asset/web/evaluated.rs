//! Modules that a bundle keeps as text and evaluates, as development builds of webpack do: each says at its end what it is
//! called, and its lines are those of the original but for some that the bundler put before them.

use std::ops::Range;

use bstr::BString;
use memchr::memmem;

use crate::model::{LineColumn, Original};

const CALL: &[u8] = b"eval(";
const NAMED: &[u8] = b"//# sourceURL=";

/// How a line begins that is the bundler's own.
const ADDED: [&[u8]; 2] = [b"__webpack_require__.", b"/* harmony "];

/// The original place of each of some offsets, which are sorted. One pass over the bundle for all of them.
pub(super) fn originals(bundle: &[u8], sorted: &[usize]) -> Vec<Option<Original>> {
    let mut module: Option<Module> = None;
    let mut from = 0;
    let place = |&offset: &usize| {
        while from <= offset {
            let Some(found) = memmem::find(&bundle[from..offset], CALL) else { break };
            from += found + CALL.len();
            if let Some(text) = literal(bundle, from) {
                from = text.end;
                module = Module::new(bundle, text);
            }
        }
        module
            .as_mut()
            .filter(|module| module.text.contains(&offset))
            .and_then(|module| module.original(bundle, offset))
    };
    sorted.iter().map(place).collect()
}

/// The inside of the literal that is the argument of the call at `at`; all the rest where it does not end.
fn literal(bundle: &[u8], at: usize) -> Option<Range<usize>> {
    let argument = &bundle[at..];
    let literal = argument.strip_prefix(b"__webpack_require__.ts(").unwrap_or(argument);
    let quote = *literal.first().filter(|b| matches!(b, b'"' | b'\'' | b'`'))?;
    let start = bundle.len() - literal.len() + 1;
    let mut end = start;
    while let Some(found) = bundle.get(end..).and_then(|rest| memchr::memchr2(quote, b'\\', rest)) {
        end += found;
        if bundle[end] == quote {
            return Some(start..end);
        }
        end += 2;
    }
    Some(start..bundle.len())
}

/// The literal that is evaluated, and how far its lines have been counted.
struct Module {
    text: Range<usize>,
    name: BString,
    at: usize,
    line_start: usize,
    /// Lines of the original before this one, and characters of this one before `at`.
    lines: u32,
    column: u32,
}

impl Module {
    /// The module that the text of a literal is, if it says what it is called.
    fn new(bundle: &[u8], text: Range<usize>) -> Option<Self> {
        let inside = &bundle[text.clone()];
        let name = &inside[memmem::rfind(inside, NAMED)? + NAMED.len()..];
        let name = &name[..name.iter().position(|b| matches!(b, b'\\' | b'?' | b'\n')).unwrap_or(name.len())];
        // Newer ones put a block round it.
        let line_start = text.start + usize::from(inside.starts_with(b"{"));
        let module = Self { text, name: name.into(), at: line_start, line_start, lines: 0, column: 0 };
        (!name.is_empty()).then_some(module)
    }

    /// The place of an offset at or behind those asked before; none in a line that the bundler added.
    fn original(&mut self, bundle: &[u8], offset: usize) -> Option<Original> {
        while self.at < offset {
            let length = match (bundle[self.at], bundle.get(self.at + 1)) {
                (b'\\', Some(b'u')) => 6,
                (b'\\', Some(b'x')) => 4,
                (b'\\', _) => 2,
                _ => 1,
            };
            let is_newline = bundle[self.at..].starts_with(b"\\n") || bundle[self.at] == b'\n';
            self.column += u32::from(bundle[self.at] & 0xc0 != 0x80);
            self.at += length;
            if is_newline {
                self.lines += u32::from(!self.is_added(bundle));
                (self.line_start, self.column) = (self.at, 0);
            }
        }
        let at = LineColumn { line: self.lines + 1, column: self.column + 1 };
        (!self.is_added(bundle)).then(|| Original { path: self.name.clone(), at })
    }

    /// Whether the line that was begun last is the bundler's.
    fn is_added(&self, bundle: &[u8]) -> bool {
        let line = bundle.get(self.line_start..self.text.end).unwrap_or_default();
        ADDED.iter().any(|start| line.starts_with(start))
    }
}

#[cfg(test)]
mod tests {
    use super::originals;

    /// As webpack 5.112 writes it with `devtool: eval`, and once without the block.
    fn bundle() -> String {
        let header = r"{__webpack_require__.r(__webpack_exports__);\n/* harmony export */ __webpack_require__.d(__webpack_exports__, {\n/* harmony export */   settings: () => (/* binding */ settings)\n/* harmony export */ });\n";
        let module = r#"// configuration\nconst settings = {\n  text: \"tab\\t\",\n  é: \"😀\", apiKey: \"FIRST\",\n};\n\n\n//# sourceURL=webpack:///./src/config.js?\n}"#;
        let plain = r"const key = eval('x') + \u0022SECOND\u0022;\n//# sourceURL=webpack-internal:///./src/other.js\n";
        format!(
            "a({{\"./src/config.js\": () => {{\n\neval(\"{header}{module}\");\n}},b(){{eval(\"{plain}\")}}}})// THIRD\n"
        )
    }

    #[test]
    fn evaluated_modules_lead_to_the_lines_of_their_originals() {
        let bundle = bundle();
        let at = |word: &str| bundle.find(word).unwrap();
        let offsets = [at("binding"), at("FIRST"), at("SECOND"), at("THIRD")];
        let found: Vec<_> = originals(bundle.as_bytes(), &offsets)
            .into_iter()
            .map(|found| found.map(|found| (found.path.to_string(), found.at.line, found.at.column)))
            .collect();
        let config = ("webpack:///./src/config.js".to_owned(), 4, 20);
        let other = ("webpack-internal:///./src/other.js".to_owned(), 1, 26);
        assert_eq!(found, [None, Some(config), Some(other), None]);
    }

    #[test]
    fn calls_that_are_cut_or_nameless_lead_nowhere() {
        for text in [
            "eval(\"WORD",
            "eval(\"WORD\")",
            "eval(\"WORD\\",
            "eval(x + \"WORD //# sourceURL=a\")",
            "eval(\"WORD//# sourceURL=?\")",
        ] {
            assert_eq!(originals(text.as_bytes(), &[text.find("WORD").unwrap()]), [None], "{text}");
        }
    }
}
