//! The chain of decoders of a folder.

use std::io::{self, Read};

use lzma_rust2::filter::{bcj::BcjReader, delta::DeltaReader};

use super::header::{Coder, Folder};
use crate::source::asset::archive::compressed::LZMA_MEMORY_KIB;
use crate::source::asset::archive::u32_at;

/// A stream of what the folder holds. Only chains are read: one stream in, one out, which is all but BCJ2.
pub(super) fn chain<'d>(folder: &Folder, data: &'d [u8]) -> io::Result<Box<dyn Read + 'd>> {
    if folder.coders.iter().any(|coder| coder.id.starts_with(&[6, 0xf1, 7])) {
        return Err(io::Error::other("encrypted"));
    }
    if folder.coders.iter().any(|coder| !coder.simple) {
        return Err(io::Error::other("a coder of several streams (BCJ2) is not supported"));
    }
    let broken = || io::Error::other("its coders are not joined");
    let mut stream: Box<dyn Read + 'd> = Box::new(data);
    let mut next = folder.packed.first().copied();
    for _ in 0..folder.coders.len() {
        let index = next.ok_or_else(broken)?;
        let (coder, size) = folder.coders.get(index).zip(folder.sizes.get(index)).ok_or_else(broken)?;
        stream = decoder(coder, *size, stream)?;
        next = folder.bonds.iter().find(|bond| bond.1 == index).map(|bond| bond.0);
    }
    Ok(stream)
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
