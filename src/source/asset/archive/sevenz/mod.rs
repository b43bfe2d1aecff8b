//! 7z: the header, then each folder decoded as a stream and cut into its files (7-Zip `7zFormat.txt`).
//!
//! Our own reader: the crates that read 7z allocate whatever the header claims, and end the program with it.

mod coder;
mod header;

use std::io::{self, Read};

use super::compressed::take;
use super::{ESCAPES, escapes, u32_at, u64_at};
use crate::source::asset::walk::Walk;
use crate::source::asset::{Beside, Nature};
use header::{Folder, Header, Streams};

/// Bytes before the packed streams.
const SIGNATURE: usize = 32;

/// A header larger than this is refused: a hundred bytes of it name a file, and three may claim a folder of 200.
const MOST_HEADER: u64 = 16 << 20;

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let header = match read_header(walk, bytes) {
        Ok(header) => header,
        Err(error) => return walk.failed("7z: its header", &error),
    };
    let mut files = header.files.iter().filter(|file| file.has_stream);
    let mut packs = packs(bytes, &header.streams);
    for folder in &header.streams.folders {
        if let Err(spent) = walk.ledger.time() {
            return walk.spend(spent);
        }
        let data: Vec<&[u8]> = packs.by_ref().take(folder.packed.len()).collect();
        let mut names = files.by_ref().take(folder.parts.len()).map(|file| &file.name[..]);
        if let Err((name, error)) = unpack(walk, folder, &data, &mut names) {
            walk.within(&name, |walk| walk.failed("7z", &error));
            // What a solid block holds behind a fault is lost with it, and is said to be.
            names.for_each(|name| walk.within(name, |walk| walk.broken("7z: it lies behind a fault")));
        }
        if walk.is_stopped() {
            return;
        }
    }
}

/// The packed streams, one behind the other, as far as there are bytes.
fn packs<'b>(bytes: &'b [u8], streams: &Streams) -> impl Iterator<Item = &'b [u8]> {
    let mut position = streams.position.saturating_add(SIGNATURE as u64);
    streams.packs.iter().map(move |size| {
        let rest = usize::try_from(position).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        position = position.saturating_add(*size);
        &rest[..rest.len().min(usize::try_from(*size).unwrap_or(usize::MAX))]
    })
}

/// Reads the header, unpacking it first where it is packed itself.
fn read_header(walk: &Walk<'_>, bytes: &[u8]) -> io::Result<Header> {
    let cut = || io::Error::other("broken or cut");
    let offset = u64_at(bytes, 12).ok_or_else(cut)?.checked_add(SIGNATURE as u64).ok_or_else(cut)?;
    let size = u64_at(bytes, 20).filter(|size| *size <= MOST_HEADER).ok_or_else(cut)?;
    if size == 0 {
        return Ok(Header::default());
    }
    let start = usize::try_from(offset).map_err(|_| cut())?;
    let end = start.checked_add(size as usize).ok_or_else(cut)?;
    let mut header = bytes.get(start..end).ok_or_else(cut)?.to_vec();
    if u32_at(bytes, 28) != Some(crc32fast::hash(&header)) {
        return Err(io::Error::other("its checksum is wrong"));
    }
    // A packed header may be packed again; nobody does it twice.
    for _ in 0..4 {
        match header::parse(&header).ok_or_else(cut)? {
            header::Parsed::Plain(header) => return Ok(header),
            header::Parsed::Packed(streams) => header = packed(walk, bytes, &streams)?,
        }
    }
    Err(cut())
}

fn packed(walk: &Walk<'_>, bytes: &[u8], streams: &Streams) -> io::Result<Vec<u8>> {
    let cut = || io::Error::other("broken or cut");
    let folder = streams.folders.first().ok_or_else(cut)?;
    let data: Vec<&[u8]> = packs(bytes, streams).take(folder.packed.len()).collect();
    let length = folder.size().filter(|size| *size <= MOST_HEADER).ok_or_else(cut)?;
    let mut stream = walk.ledger.meter(coder::open(folder, &data)?, length_of(&data));
    let header = take(&mut stream, length)?;
    if header.len() as u64 == length { Ok(header) } else { Err(cut()) }
}

fn length_of(packs: &[&[u8]]) -> u64 {
    packs.iter().map(|pack| pack.len() as u64).sum()
}

/// Cuts a folder into its files. A failure comes with the name of the file it struck.
fn unpack<'n>(
    walk: &mut Walk<'_>,
    folder: &Folder,
    data: &[&[u8]],
    names: &mut impl Iterator<Item = &'n [u8]>,
) -> Result<(), (Vec<u8>, io::Error)> {
    let ledger = walk.ledger;
    let mut names = names.peekable();
    let first = names.peek().map(|name| name.to_vec()).unwrap_or_default();
    let mut stream = ledger.meter(coder::open(folder, data).map_err(|error| (first, error))?, length_of(data));
    for part in &folder.parts {
        let Some(name) = names.next() else { return Ok(()) };
        if !walk.count() {
            return Ok(());
        }
        let mut text = Vec::new();
        let result = stream.by_ref().take(part.size).read_to_end(&mut text);
        walk.within(name, |walk| {
            if escapes(name) {
                walk.broken(ESCAPES);
            }
            if result.is_ok() && part.crc.is_some_and(|crc| crc != crc32fast::hash(&text)) {
                walk.broken("the checksum is wrong");
            }
            walk.open(&text, Nature::Unpacked, Beside::named(name));
        });
        match result {
            Ok(got) if got as u64 == part.size => {}
            Ok(_) => return Err((name.to_vec(), io::ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err((name.to_vec(), error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderConfiguration, EncoderMethod};

    use crate::source::asset::corpus::{all, brotli, lz4, noise, paths_with, skipped, zstd};

    const WORD: &str = "the-word-to-find";

    fn archive(method: EncoderMethod, members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
        writer.set_content_methods(vec![EncoderConfiguration::new(method)]);
        for (name, data) in members {
            writer.push_archive_entry(ArchiveEntry::new_file(name), Some(*data)).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn every_method_is_read() {
        let text = format!("{}{WORD}", "text that repeats\n".repeat(500));
        for method in
            [EncoderMethod::COPY, EncoderMethod::LZMA, EncoderMethod::LZMA2, EncoderMethod::BZIP2, EncoderMethod::PPMD]
        {
            let bytes = archive(method, &[("dir/a.txt", text.as_bytes()), ("b.bin", &noise(1000))]);
            assert_eq!(paths_with(&bytes, WORD), ["dir/a.txt"], "{method:?}");
            assert_eq!(skipped(&all(&bytes).1), [], "{method:?}");
        }
    }

    /// An archive of one file under one coder, written by hand: what follows the signature is all there is to a header.
    fn by_hand(id: &[u8], packed: &[u8], size: usize) -> Vec<u8> {
        let number = |n: usize| [0xc0 | (n >> 16) as u8, n as u8, (n >> 8) as u8];
        let streams = [
            &[1, 4, 6, 0, 1, 9][..],
            &number(packed.len()),
            &[0, 7, 11, 1, 0, 1, id.len() as u8],
            id,
            &[12],
            &number(size),
            &[0, 0],
        ];
        let name: Vec<u8> = "a.txt\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let files = [&[5, 1, 17, name.len() as u8 + 1, 0][..], &name, &[0, 0]];
        let header = [streams.concat(), files.concat()].concat();
        let mut bytes = b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0".to_vec();
        bytes.extend((packed.len() as u64).to_le_bytes());
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(crc32fast::hash(&header).to_le_bytes());
        [bytes, packed.to_vec(), header].concat()
    }

    #[test]
    fn methods_of_plug_ins_are_read() {
        let text = format!("{}{WORD}", "text that repeats\n".repeat(500));
        let bytes = text.as_bytes();
        let skippable = |rest: &[u8]| [b"\x50\x2a\x4d\x18\x04\0\0\0abcd", rest].concat();
        let piece = |text: &[u8]| {
            let packed = brotli(text);
            let length = (packed.len() as u32).to_le_bytes();
            [b"\x50\x2a\x4d\x18\x08\0\0\0", &length[..], b"BR\x01\0", &packed].concat()
        };
        let swapped = |size: usize| {
            let mut text = bytes.to_vec();
            text.chunks_exact_mut(size).for_each(<[u8]>::reverse);
            text
        };
        for (id, packed) in [
            (&[4, 0xf7, 0x11, 1][..], zstd(bytes)),
            (&[4, 0xf7, 0x11, 2], brotli(bytes)),
            (&[4, 0xf7, 0x11, 2], [piece(&bytes[..4000]), piece(&bytes[4000..])].concat()),
            (&[4, 0xf7, 0x11, 4], lz4(bytes)),
            (&[4, 0xf7, 0x11, 4], skippable(&[lz4(&bytes[..100]), skippable(&lz4(&bytes[100..]))].concat())),
            (&[2, 3, 2], swapped(2)),
            (&[2, 3, 4], swapped(4)),
        ] {
            let bytes = by_hand(id, &packed, text.len());
            assert_eq!(skipped(&all(&bytes).1), [], "{id:?}");
            assert_eq!(paths_with(&bytes, WORD), ["a.txt"], "{id:?}");
        }
    }

    #[test]
    fn cut_and_changed_archives_do_no_harm() {
        let bytes = archive(EncoderMethod::LZMA2, &[("a.txt", WORD.as_bytes()), ("b.txt", &noise(100))]);
        for cut in 0..bytes.len() {
            let _ = all(&bytes[..cut]);
        }
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let _ = all(&changed);
            }
        }
    }

    #[test]
    fn claims_of_a_header_allocate_nothing() {
        // A header that claims 2^40 files, with a checksum that is right.
        let mut header = vec![1, 5];
        header.extend_from_slice(&[0xfc, 0, 0, 0, 0, 1, 0]);
        let mut bytes =
            [&b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0"[..], &0u64.to_le_bytes(), &(header.len() as u64).to_le_bytes()]
                .concat();
        bytes.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        bytes.extend_from_slice(&header);
        assert_eq!(skipped(&all(&bytes).1).len(), 1);
    }
}
