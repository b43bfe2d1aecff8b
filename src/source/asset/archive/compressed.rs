//! Compressed streams: gzip, bzip2, xz, zstd, lz4, brotli, lzma. A tar inside one that is too large for memory is read as it comes.

use std::io::{self, BufRead, Read};

use crate::source::asset::budget::Meter;
use crate::source::asset::recognise::{Container, recognise};
use crate::source::asset::walk::Walk;
use crate::source::asset::{Beside, Nature};

/// What an LZMA or zstd decoder may allocate for its dictionary, in KiB: `xz -9` needs 65 MiB.
pub(in super::super) const LZMA_MEMORY_KIB: u32 = 256 << 10;

/// Streams that hold no more than this are unpacked into memory as a whole, so that what is in them can be read in any
/// order (a bundle's map may come before or after it).
const IN_MEMORY: u64 = 64 << 20;

pub(in super::super) fn open(walk: &mut Walk<'_>, kind: Container, bytes: &[u8], beside: Beside<'_>) {
    match decoder(kind, bytes) {
        Ok(stream) => inner(walk, kind.name(), stream, bytes.len() as u64, beside.unpacked()),
        Err(error) => walk.failed(kind.name(), &error),
    }
}

/// Goes into what a stream holds.
pub(super) fn inner(walk: &mut Walk<'_>, what: &str, stream: impl Read, compressed: u64, beside: Beside<'_>) {
    let ledger = walk.ledger;
    let mut stream = ledger.meter(stream, compressed);
    let mut head = Vec::new();
    let result = stream.by_ref().take(IN_MEMORY).read_to_end(&mut head);
    if head.len() as u64 == IN_MEMORY && result.is_ok() {
        return match recognise(&head) {
            Some(Container::Tar) => super::tar::stream(walk, what, &mut io::Cursor::new(head).chain(stream)),
            Some(Container::Cpio) => super::cpio::stream(walk, what, &mut io::Cursor::new(head).chain(stream)),
            _ => rest(walk, what, head, stream, beside),
        };
    }
    if let Err(error) = result {
        walk.failed(what, &error);
    }
    walk.open(&head, Nature::Unpacked, beside);
}

fn rest(walk: &mut Walk<'_>, what: &str, mut text: Vec<u8>, mut stream: Meter<'_, impl Read>, beside: Beside<'_>) {
    if let Err(error) = stream.read_to_end(&mut text) {
        walk.failed(what, &error);
    }
    drop(stream);
    walk.open(&text, Nature::Unpacked, beside);
}

/// A stream of what a compressed one holds.
pub(super) fn decoder(kind: Container, bytes: &[u8]) -> io::Result<Box<dyn Read + '_>> {
    Ok(match kind {
        Container::Gzip => Box::new(Members { bytes, now: None, empty: 0, open: gzip }),
        Container::Bzip2 => Box::new(Members { bytes, now: None, empty: 0, open: bzip2 }),
        Container::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, LZMA_MEMORY_KIB)),
        Container::Zstd => Box::new(zstd(bytes)),
        Container::Lz4 => Box::new(lz4(bytes)),
        Container::Brotli => Box::new(brotli(bytes)),
        Container::Lzma => Box::new(lzma_rust2::LzmaReader::new_mem_limit(bytes, LZMA_MEMORY_KIB, None)?),
        _ => return Err(io::Error::other("not a compressed stream")),
    })
}

/// Empty streams in a row: opening one of bzip2's costs 130 microseconds, and 14 bytes hold one.
const MOST_EMPTY: u32 = 10_000;

/// One of the streams that may follow each other in a file: what it yields, and the bytes behind it.
trait Stream<'a>: Read {
    fn behind(self: Box<Self>) -> &'a [u8];
}

/// Opens the next stream; `Ok(None)` at the end, padding and signatures behind the last stream included.
type Open<'a> = fn(&'a [u8]) -> io::Result<Option<Box<dyn Stream<'a> + 'a>>>;

/// Streams one after the other.
struct Members<'a> {
    bytes: &'a [u8],
    now: Option<Box<dyn Stream<'a> + 'a>>,
    /// Streams in a row that held nothing.
    empty: u32,
    open: Open<'a>,
}

impl Read for Members<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(now) = &mut self.now else {
                match (self.open)(self.bytes)? {
                    Some(next) => self.now = Some(next),
                    None => return Ok(0),
                }
                continue;
            };
            let got = now.read(buf)?;
            if got > 0 || buf.is_empty() {
                self.empty = 0;
                return Ok(got);
            }
            self.empty += 1;
            if self.empty > MOST_EMPTY {
                return Err(io::Error::other("nothing but empty streams"));
            }
            if let Some(done) = self.now.take() {
                self.bytes = done.behind();
            }
        }
    }
}

impl<'a> Stream<'a> for flate2::bufread::GzDecoder<&'a [u8]> {
    fn behind(self: Box<Self>) -> &'a [u8] {
        self.into_inner()
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Option<Box<dyn Stream<'_> + '_>>> {
    Ok(bytes.starts_with(&[0x1f, 0x8b]).then(|| Box::new(flate2::bufread::GzDecoder::new(bytes)) as _))
}

impl<'a> Stream<'a> for bzip2::bufread::BzDecoder<&'a [u8]> {
    fn behind(self: Box<Self>) -> &'a [u8] {
        self.into_inner()
    }
}

fn bzip2(bytes: &[u8]) -> io::Result<Option<Box<dyn Stream<'_> + '_>>> {
    Ok(bytes.starts_with(b"BZh").then(|| Box::new(bzip2::bufread::BzDecoder::new(bytes)) as _))
}

/// Frames of zstd, skippable ones passed over.
pub(super) fn zstd(bytes: &[u8]) -> impl Read + '_ {
    Members { bytes, now: None, empty: 0, open: frame }
}

impl<'a> Stream<'a> for lz4_flex::frame::FrameDecoder<&'a [u8]> {
    fn behind(self: Box<Self>) -> &'a [u8] {
        self.into_inner()
    }
}

/// Frames of lz4, skippable ones passed over.
pub(super) fn lz4(bytes: &[u8]) -> impl Read + '_ {
    Members { bytes, now: None, empty: 0, open: lz4_frame }
}

fn lz4_frame(bytes: &[u8]) -> io::Result<Option<Box<dyn Stream<'_> + '_>>> {
    let bytes = behind_skippable(bytes);
    let is_frame = matches!(bytes, [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..]);
    Ok(is_frame.then(|| Box::new(lz4_flex::frame::FrameDecoder::new(bytes)) as _))
}

/// What is behind frames that are to be skipped; zstd and lz4 have the same.
fn behind_skippable(mut bytes: &[u8]) -> &[u8] {
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, rest @ ..] = bytes {
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        bytes = rest.get(length..).unwrap_or_default();
    }
    bytes
}

fn brotli(bytes: &[u8]) -> impl Read + '_ {
    brotli_decompressor::Decompressor::new(bytes, 4096)
}

/// Brotli in pieces, as 7-Zip's plug-ins write it: before each a frame that others skip, which says how long the piece is;
/// or one stream without any.
pub(super) fn brotli_pieces(bytes: &[u8]) -> impl Read + '_ {
    Members { bytes, now: None, empty: 0, open: brotli_piece }
}

struct Piece<'a>(Box<dyn Read + 'a>, &'a [u8]);

impl Read for Piece<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<'a> Stream<'a> for Piece<'a> {
    fn behind(self: Box<Self>) -> &'a [u8] {
        self.1
    }
}

fn brotli_piece(bytes: &[u8]) -> io::Result<Option<Box<dyn Stream<'_> + '_>>> {
    let (piece, behind) = match bytes {
        [] => return Ok(None),
        [0x50, 0x2a, 0x4d, 0x18, 8, 0, 0, 0, a, b, c, d, b'B', b'R', _, _, rest @ ..] => {
            rest.split_at(rest.len().min(u32::from_le_bytes([*a, *b, *c, *d]) as usize))
        }
        _ => (bytes, &bytes[..0]),
    };
    Ok(Some(Box::new(Piece(Box::new(brotli(piece)), behind))))
}

/// Whether bytes of this name are brotli: the name says so, they are no text, and they begin to unpack.
pub(in super::super) fn is_brotli(path: &[u8], bytes: &[u8]) -> bool {
    let called_so = path.len() > 3 && path[path.len() - 3..].eq_ignore_ascii_case(b".br");
    called_so && is_no_text(bytes) && brotli(bytes).read(&mut [0; 64]).is_ok_and(|got| got > 0)
}

/// Whether bytes are brotli of a text, where nobody knows their name, as with the objects of a whole history.
#[must_use]
pub fn is_brotli_of_text(bytes: &[u8]) -> bool {
    if bytes[..bytes.len().min(64)].is_ascii() || !is_no_text(bytes) {
        return false;
    }
    let mut begin = Vec::new();
    // However little a stream yields, no more of it is looked at. A fault shows in what it yielded.
    let _ = brotli(&bytes[..bytes.len().min(64 << 10)]).take(512).read_to_end(&mut begin);
    // Where it is cut, the last character may be, too.
    let whole = match std::str::from_utf8(&begin) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => str::from_utf8(&begin[..error.valid_up_to()]).unwrap_or_default(),
        Err(_) => return false,
    };
    whole.len() >= 64 && !whole.contains(is_control)
}

fn is_no_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(&bytes[..bytes.len().min(1024)]).is_err_and(|error| error.error_len().is_some())
}

fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r')
}

struct Frame<'a>(ruzstd::decoding::StreamingDecoder<&'a [u8], ruzstd::decoding::FrameDecoder>);

impl Read for Frame<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<'a> Stream<'a> for Frame<'a> {
    fn behind(self: Box<Self>) -> &'a [u8] {
        self.0.into_inner()
    }
}

fn frame(bytes: &[u8]) -> io::Result<Option<Box<dyn Stream<'_> + '_>>> {
    let bytes = behind_skippable(bytes);
    if !bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(None);
    }
    let window = u64::from(LZMA_MEMORY_KIB) * 1024;
    let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes, window);
    decoder.map(|decoder| Some(Box::new(Frame(decoder)) as _)).map_err(io::Error::other)
}

/// Reads exactly `length` bytes, or what there is.
pub(super) fn take(stream: &mut dyn Read, length: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    stream.take(length).read_to_end(&mut out)?;
    Ok(out)
}

/// Passes over `length` bytes; `false` at the end of the stream.
pub(super) fn pass(stream: &mut dyn Read, length: u64) -> io::Result<bool> {
    let mut buffered = io::BufReader::new(stream.take(length));
    let mut passed = 0;
    loop {
        let got = buffered.fill_buf()?.len();
        if got == 0 {
            return Ok(passed == length);
        }
        passed += got as u64;
        buffered.consume(got);
    }
}
