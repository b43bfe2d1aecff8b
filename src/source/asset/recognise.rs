//! What a container is, told by its bytes and never by its name.

use memchr::{memmem, memrchr};

/// A kind of container that can be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// Zip and all that is one inside: APK, AAB, JAR, IPA, XPI, VSIX, NuGet, wheel, Office, CRX2 and CRX3.
    Zip,
    /// Tar: ustar, GNU, pax and the oldest form; images of Docker and OCI.
    Tar,
    /// Gzip.
    Gzip,
    /// Bzip2.
    Bzip2,
    /// Xz.
    Xz,
    /// LZ4 frames.
    Lz4,
    /// Brotli; it has no magic, so only what is called `.br` is tried.
    Brotli,
    /// Zstandard.
    Zstd,
    /// A bare LZMA stream (`.lzma`).
    Lzma,
    /// 7z.
    SevenZip,
    /// Unix `ar`: Debian packages, static libraries.
    Ar,
    /// RPM package.
    Rpm,
    /// Cpio, "new ASCII" or "old ASCII" form.
    Cpio,
    /// Electron's ASAR.
    Asar,
    /// Android's DEX.
    Dex,
    /// Android's compiled resource table.
    Resources,
    /// Android's binary XML.
    BinaryXml,
    /// Java class file.
    Class,
    /// Hermes bytecode (React Native).
    Hermes,
    /// Unity's IL2CPP metadata.
    Unity,
    /// Protocol buffers (Android app bundles); looked for only inside containers, since they have no magic.
    Protobuf,
    /// WebAssembly module.
    Wasm,
    /// ELF, Mach-O or PE; .NET assemblies are PE.
    Executable,
    /// Apple's binary property list.
    Plist,
    /// Compiled Python.
    Pyc,
    /// SQLite database.
    Sqlite,
    /// PDF.
    Pdf,
    /// A source map: a JSON object with `mappings` or `sections`.
    SourceMap,
    /// A script or style sheet whose last comment names a source map.
    Bundle,
    /// A part of an Office or OpenDocument file.
    Office,
}

impl Container {
    /// Whether other containers may be inside, so that it counts as a level of depth.
    pub(super) fn nests(self) -> bool {
        use Container::*;
        matches!(
            self,
            Zip | Tar | Gzip | Bzip2 | Xz | Zstd | Lz4 | Brotli | Lzma | SevenZip | Ar | Rpm | Cpio | Asar | Pdf
        )
    }

    /// The kind's name, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        use Container::*;
        match self {
            Zip => "zip",
            Tar => "tar",
            Gzip => "gzip",
            Bzip2 => "bzip2",
            Xz => "xz",
            Zstd => "zstd",
            Lz4 => "lz4",
            Brotli => "brotli",
            Lzma => "lzma",
            SevenZip => "7z",
            Ar => "ar",
            Rpm => "rpm",
            Cpio => "cpio",
            Asar => "asar",
            Dex => "dex",
            Resources => "resource table",
            BinaryXml => "binary XML",
            Class => "class file",
            Hermes => "Hermes bytecode",
            Unity => "Unity metadata",
            Protobuf => "protocol buffers",
            Wasm => "WebAssembly",
            Executable => "executable",
            Plist => "binary property list",
            Pyc => "compiled Python",
            Sqlite => "SQLite",
            Pdf => "PDF",
            SourceMap => "source map",
            Bundle => "bundle",
            Office => "Office text",
        }
    }
}

/// Recognises a container by its first bytes (for tar by its header, for a bundle by its last line). A few nanoseconds
/// on ordinary text, whatever its length, except that the last line is searched for its start.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<Container> {
    if bytes.len() < 8 {
        return None;
    }
    match bytes[0] {
        b'{' | b')' => source_map(bytes).then_some(Container::SourceMap),
        _ => binary(bytes),
    }
    .or_else(|| tar(bytes).then_some(Container::Tar))
    .or_else(|| bundle(bytes).then_some(Container::Bundle))
    .or_else(|| super::web::office::is_office(bytes).then_some(Container::Office))
}

fn binary(bytes: &[u8]) -> Option<Container> {
    use Container::*;
    let kind = match bytes {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', b'0', b'0', b'P', b'K', ..] => Zip,
        [b'C', b'r', b'2', b'4', ..] | [b'J', b'M', 1, 0, b'P', b'K', ..] => Zip,
        [b'#', b'!', ..] if zip_tail(bytes) => Zip,
        [0x1f, 0x8b, 8, ..] => Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Bzip2,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Zstd,
        [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Lz4,
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => SevenZip,
        [0x5d, 0, 0, ..] if lzma(bytes) => Lzma,
        _ if bytes.starts_with(b"!<arch>\n") => Ar,
        [0xed, 0xab, 0xee, 0xdb, ..] => Rpm,
        [b'0', b'7', b'0', b'7', b'0', b'1' | b'2' | b'7', ..] => Cpio,
        [4, 0, 0, 0, ..] if bytes.get(16) == Some(&b'{') => Asar,
        [b'd', b'e', b'x', b'\n', _, _, _, 0, ..] => Dex,
        [2, 0, 12, 0, ..] => Resources,
        [3, 0, 8, 0, ..] => BinaryXml,
        // A universal Mach-O counts its architectures where a class has its version, which is 45 or more.
        [0xca, 0xfe, 0xba, 0xbe, _, _, high, low, ..] if u16::from_be_bytes([*high, *low]) >= 45 => Class,
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, ..] => Executable,
        [0xc6, 0x1f, 0xbc, 0x03, 0xc1, 0x03, 0x19, 0x1f, ..] => Hermes,
        [0xaf, 0x1b, 0xb1, 0xfa, ..] => Unity,
        [0, b'a', b's', b'm', ..] => Wasm,
        [0x7f, b'E', b'L', b'F', ..] => Executable,
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => Executable,
        [b'M', b'Z', ..] if portable_executable(bytes) => Executable,
        _ if bytes.starts_with(b"bplist0") => Plist,
        _ if bytes.starts_with(b"SQLite format 3\0") => Sqlite,
        _ if bytes.starts_with(b"%PDF-") => Pdf,
        [_, 0x0b..=0x0f, b'\r', b'\n', ..] | [_, 0xf2 | 0xf3, b'\r', b'\n', ..] => Pyc,
        _ => return None,
    };
    Some(kind)
}

/// Whether a zip's end record stands at the very end: Python's zipapps and self-extracting archives.
pub(super) fn zip_tail(bytes: &[u8]) -> bool {
    bytes.len() >= 22 && bytes[bytes.len() - 22..].starts_with(b"PK\x05\x06") && bytes.ends_with(&[0, 0])
}

fn portable_executable(bytes: &[u8]) -> bool {
    let Some(at) = bytes.get(0x3c..0x40).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes) else { return false };
    bytes.get(at as usize..).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
}

/// `.lzma` has no magic: the usual properties byte, a dictionary of 2^n or 2^n + 2^(n-1), and a size that is unknown or
/// below 1 TiB.
fn lzma(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..13) else { return false };
    let dictionary = u32::from_le_bytes([header[1], header[2], header[3], header[4]]);
    let size =
        u64::from_le_bytes([header[5], header[6], header[7], header[8], header[9], header[10], header[11], header[12]]);
    dictionary != 0 && dictionary.count_ones() <= 2 && (size == u64::MAX || size < 1 << 40)
}

/// A tar header: the `ustar` word, or for the oldest form a checksum that is right.
fn tar(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..512) else { return false };
    if &header[257..262] == b"ustar" {
        return true;
    }
    // Cheap tests first: the checksum field is six octal digits, a NUL and a space; the name has an end.
    if header[154] != 0 || header[155] != b' ' || header[0] == 0 {
        return false;
    }
    let Some(stored) = octal(&header[148..154]) else { return false };
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    let field: u32 = header[148..156].iter().map(|b| u32::from(*b)).sum();
    sum - field + 8 * u32::from(b' ') == stored
}

fn octal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |n, d| match d {
        b'0'..=b'7' => Some(n * 8 + u32::from(d - b'0')),
        b' ' => Some(n),
        _ => None,
    })
}

/// How far into a JSON text the members that make it a source map are looked for.
const MAP_HEAD: usize = 1024;

/// Members with which writers of maps begin; other JSON texts are told apart by their first member.
const MAP_FIRST: [&[u8]; 11] = [
    b"version\"",
    b"file\"",
    b"mappings\"",
    b"names\"",
    b"sections\"",
    b"sourceRoot\"",
    b"sources\"",
    b"sourcesContent\"",
    b"debugId\"",
    b"ignoreList\"",
    b"x_google_ignoreList\"",
];

fn source_map(bytes: &[u8]) -> bool {
    if bytes[0] == b')' {
        return bytes.starts_with(b")]}'");
    }
    let Some(first) = bytes[1..].trim_ascii_start().strip_prefix(b"\"") else { return false };
    if !MAP_FIRST.iter().any(|name| first.starts_with(name)) {
        return false;
    }
    let head = &bytes[..bytes.len().min(MAP_HEAD)];
    [&b"\"mappings\""[..], b"\"sources\"", b"\"sections\"", b"\"sourcesContent\"", b"\"sourceRoot\""]
        .iter()
        .any(|key| memmem::find(head, key).is_some())
}

/// How far a comment that ends in `*/` may start before the end.
const STYLE_TAIL: usize = 1024;

fn bundle(bytes: &[u8]) -> bool {
    map_comment(bytes).is_some()
}

/// The byte range of the reference in the last `sourceMappingURL` comment, when that comment ends the text.
pub(super) fn map_comment(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    const MARK: &[u8] = b"sourceMappingURL=";
    let end = bytes.len() - bytes.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
    let text = &bytes[..end];
    // A reference ends in a letter, a digit or base64's padding; statements and blocks do not, and need no search.
    if matches!(text.last(), None | Some(b';' | b'}' | b')' | b']' | b',' | b'>' | b'"' | b'{')) {
        return None;
    }
    let start = comment_lines(text).find_map(|(line, last)| {
        let inner = [&b"//# "[..], b"//@ ", b"/*# ", b"/*@ "].iter().find_map(|open| last.strip_prefix(*open));
        if inner.is_some() {
            return inner.filter(|inner| inner.starts_with(MARK)).map(|_| line + 4);
        }
        if !last.ends_with(b"*/") && last.len() <= STYLE_TAIL {
            return None;
        }
        // A style sheet on one line ends in its comment, and some tools put a script's behind the last statement.
        let from = last.len().saturating_sub(STYLE_TAIL);
        memmem::rfind(&last[from..], MARK).map(|at| line + from + at)
    })? + MARK.len();
    let length = text[start..].iter().take_while(|b| !b.is_ascii_whitespace() && **b != b'*').count();
    (length > 0).then_some(start..start + length)
}

/// The last line of a text and those before it, as long as they are comments for tools (`//# debugId=` may follow the
/// map's): where each starts, and its bytes.
fn comment_lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let lines = rest?;
        let start = memrchr(b'\n', lines).map_or(0, |at| at + 1);
        let line = lines[start..].trim_ascii_end();
        rest = (start > 0 && (line.is_empty() || line.starts_with(b"//# "))).then(|| &lines[..start - 1]);
        Some((start, line))
    })
    .take(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_no_container() {
        let long = "let a = 1;\n".repeat(1000);
        for text in [
            &b""[..],
            b"PK",
            b"hello world, this is text",
            b"{\"version\": 1, \"name\": \"x\"}",
            b"#!/bin/sh\necho\n",
            long.as_bytes(),
        ] {
            assert_eq!(recognise(text), None, "{:?}", bstr::BStr::new(text));
        }
    }

    #[test]
    fn a_comment_that_ends_the_text_names_a_map() {
        let cases: [(&str, Option<&str>); 10] = [
            ("a()\n//# sourceMappingURL=app.js.map\n//# debugId=0123", Some("app.js.map")),
            ("a()\n//# sourceMappingURL=app.js.map\r\n\r\n//# sourceURL=x\r\n", Some("app.js.map")),
            ("//# sourceMappingURL=app.js.map\nfoo\n//# debugId=0123", None),
            ("a()\n//# sourceMappingURL=app.js.map", Some("app.js.map")),
            ("a()\n//@ sourceMappingURL=app.js.map\n\n", Some("app.js.map")),
            ("a{}/*# sourceMappingURL=app.css.map*/", Some("app.css.map")),
            ("a{}\n/*# sourceMappingURL=app.css.map */\n", Some("app.css.map")),
            ("//# sourceMappingURL=data:application/json;base64,e30=", Some("data:application/json;base64,e30=")),
            ("// sourceMappingURL is a comment\nfoo()", None),
            ("//# sourceMappingURL=\nfoo()", None),
        ];
        for (text, expect) in cases {
            assert_eq!(map_comment(text.as_bytes()).map(|r| &text[r]), expect, "{text}");
        }
    }
}
