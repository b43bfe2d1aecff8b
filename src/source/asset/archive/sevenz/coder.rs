//! The chain of decoders of a folder.

use std::io::{self, Read};

use lzma_rust2::filter::{bcj::BcjReader, bcj2::Bcj2Reader, delta::DeltaReader};

use super::header::{Coder, Folder};
use crate::source::asset::archive::compressed::{LZMA_MEMORY_KIB, brotli_pieces, lz4, zstd};
use crate::source::asset::archive::u32_at;

/// A stream of what the folder holds, given its packed streams.
pub(super) fn open<'d>(folder: &Folder, packs: &[&'d [u8]]) -> io::Result<Box<dyn Read + 'd>> {
    if folder.coders.iter().any(|coder| coder.id.starts_with(&[6, 0xf1, 7])) {
        return Err(io::Error::other("encrypted"));
    }
    let last = (0..folder.coders.len()).find(|coder| !folder.bonds.iter().any(|bond| bond.1 == *coder));
    Joiner { folder, packs, left: folder.coders.len() }.output(last.ok_or_else(broken)?)
}

fn broken() -> io::Error {
    io::Error::other("its coders are not joined")
}

/// Joins coders to one stream, from the last one back to what is packed.
struct Joiner<'f, 'd> {
    folder: &'f Folder,
    packs: &'f [&'d [u8]],
    /// Coders not yet joined: each is used once, or the joints run in a circle.
    left: usize,
}

impl<'d> Joiner<'_, 'd> {
    fn output(&mut self, index: usize) -> io::Result<Box<dyn Read + 'd>> {
        self.left = self.left.checked_sub(1).ok_or_else(broken)?;
        let (coder, size) = self.folder.coders.get(index).zip(self.folder.sizes.get(index)).ok_or_else(broken)?;
        let first: usize = self.folder.coders[..index].iter().map(|coder| coder.takes).sum();
        if let Some(stream) = self.packed(first).and_then(|pack| of_plug_ins(coder, pack)) {
            return Ok(stream);
        }
        let mut inputs = (first..first + coder.takes).map(|input| self.input(input)).collect::<io::Result<Vec<_>>>()?;
        if coder.id == [3, 3, 1, 0x1b] && coder.takes == 4 {
            return Ok(Box::new(Bcj2Reader::try_new(inputs, *size)?));
        }
        match (inputs.pop(), inputs.is_empty()) {
            (Some(stream), true) => decoder(coder, *size, stream),
            _ => Err(io::Error::other("a coder of several streams that is not supported")),
        }
    }

    fn input(&mut self, input: usize) -> io::Result<Box<dyn Read + 'd>> {
        if let Some(bond) = self.folder.bonds.iter().find(|bond| bond.0 == input) {
            return self.output(bond.1);
        }
        Ok(Box::new(self.packed(input).ok_or_else(broken)?))
    }

    /// The packed stream that an input is, if it is one.
    fn packed(&self, input: usize) -> Option<&'d [u8]> {
        let at = self.folder.packed.iter().position(|packed| *packed == input)?;
        self.packs.get(at).copied()
    }
}

/// The methods of 7-Zip's plug-ins, which are streams of their own.
fn of_plug_ins<'d>(coder: &Coder, pack: &'d [u8]) -> Option<Box<dyn Read + 'd>> {
    match coder.id[..] {
        [4, 0xf7, 0x11, 1] => Some(Box::new(zstd(pack))),
        [4, 0xf7, 0x11, 2] => Some(Box::new(brotli_pieces(pack))),
        [4, 0xf7, 0x11, 4] => Some(Box::new(lz4(pack))),
        _ => None,
    }
}

fn decoder<'d>(coder: &Coder, size: u64, stream: Box<dyn Read + 'd>) -> io::Result<Box<dyn Read + 'd>> {
    let short = || io::Error::other("a coder's properties are broken");
    Ok(match coder.id[..] {
        [0] => stream,
        [3, 1, 1] => {
            let properties = *coder.properties.first().ok_or_else(short)?;
            let dictionary = dictionary(u32_at(&coder.properties, 1).ok_or_else(short)?, size)?;
            Box::new(lzma_rust2::LzmaReader::new_with_props(stream, size, properties, dictionary, None)?)
        }
        [0x21] => {
            let code = u32::from(*coder.properties.first().ok_or_else(short)?);
            let claimed = if code >= 40 { u32::MAX } else { (2 | (code & 1)) << (code / 2 + 11) };
            Box::new(lzma_rust2::Lzma2Reader::new(stream, dictionary(claimed, size)?, None))
        }
        [4, 2, 2] => Box::new(bzip2::read::MultiBzDecoder::new(stream)),
        [4, 1, 8] => Box::new(flate2::read::DeflateDecoder::new(stream)),
        [4, 1, 9] => Box::new(deflate64::Deflate64Decoder::new(io::BufReader::new(stream))),
        [3, 4, 1] => {
            let order = u32::from(*coder.properties.first().ok_or_else(short)?);
            let memory =
                u32_at(&coder.properties, 1).filter(|bytes| *bytes <= LZMA_MEMORY_KIB * 1024).ok_or_else(short)?;
            Box::new(ppmd_rust::Ppmd7Decoder::new(stream, order, memory).map_err(io::Error::other)?.take(size))
        }
        [2, 3, 2] => Box::new(Swap::new(stream, 2)),
        [2, 3, 4] => Box::new(Swap::new(stream, 4)),
        [3] => Box::new(DeltaReader::new(stream, usize::from(*coder.properties.first().ok_or_else(short)?) + 1)),
        [3, 3, 1, 3] | [4] => Box::new(BcjReader::new_x86(stream, 0)),
        [3, 3, 2, 5] | [5] => Box::new(BcjReader::new_ppc(stream, 0)),
        [3, 3, 4, 1] | [6] => Box::new(BcjReader::new_ia64(stream, 0)),
        [3, 3, 5, 1] | [7] => Box::new(BcjReader::new_arm(stream, 0)),
        [3, 3, 7, 1] | [8] => Box::new(BcjReader::new_arm_thumb(stream, 0)),
        [3, 3, 8, 5] | [9] => Box::new(BcjReader::new_sparc(stream, 0)),
        [10] => Box::new(BcjReader::new_arm64(stream, 0)),
        [11] => Box::new(BcjReader::new_riscv(stream, 0)),
        _ => return Err(io::Error::other("a compression method that is not supported")),
    })
}

/// How large a dictionary has to be: what it will hold, if the header claims more.
fn dictionary(claimed: u32, size: u64) -> io::Result<u32> {
    let needed = u64::from(claimed).min(size.max(4096)) as u32;
    if needed > LZMA_MEMORY_KIB * 1024 {
        return Err(io::Error::other("its dictionary is too large"));
    }
    Ok(needed)
}

/// Turns round the bytes of each word; what is left at the end stays as it is.
struct Swap<R> {
    stream: io::Take<R>,
    size: usize,
    word: Vec<u8>,
    given: usize,
}

impl<R: Read> Swap<R> {
    fn new(stream: R, size: usize) -> Self {
        Self { stream: stream.take(0), size, word: Vec::new(), given: 0 }
    }
}

impl<R: Read> Read for Swap<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.given == self.word.len() {
            self.word.clear();
            self.given = 0;
            self.stream.set_limit(64 << 10);
            self.stream.read_to_end(&mut self.word)?;
            self.word.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
        }
        let got = (&self.word[self.given..]).read(buf)?;
        self.given += got;
        Ok(got)
    }
}
