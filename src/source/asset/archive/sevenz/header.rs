//! The header of a 7z archive. Every count is held against the bytes that are left before anything is made room for.

/// Marks of the header's parts.
mod mark {
    pub(super) const END: u64 = 0;
    pub(super) const HEADER: u64 = 1;
    pub(super) const PROPERTIES: u64 = 2;
    pub(super) const MAIN_STREAMS: u64 = 4;
    pub(super) const FILES: u64 = 5;
    pub(super) const PACKS: u64 = 6;
    pub(super) const FOLDERS: u64 = 7;
    pub(super) const PARTS: u64 = 8;
    pub(super) const SIZE: u64 = 9;
    pub(super) const CRC: u64 = 10;
    pub(super) const FOLDER: u64 = 11;
    pub(super) const CODER_SIZES: u64 = 12;
    pub(super) const PART_COUNTS: u64 = 13;
    pub(super) const EMPTY: u64 = 14;
    pub(super) const NAMES: u64 = 17;
    pub(super) const PACKED_HEADER: u64 = 23;
}

#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) streams: Streams,
    pub(super) files: Vec<File>,
}

#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) has_stream: bool,
}

/// Packed streams and how they become folders.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Where the first one starts, behind the signature.
    pub(super) position: u64,
    pub(super) packs: Vec<u64>,
    pub(super) folders: Vec<Folder>,
}

#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) coders: Vec<Coder>,
    /// Input and output that are joined.
    pub(super) bonds: Vec<(usize, usize)>,
    /// Inputs that are packed streams.
    pub(super) packed: Vec<usize>,
    /// What each output holds.
    pub(super) sizes: Vec<u64>,
    crc: Option<u32>,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug)]
pub(super) struct Coder {
    pub(super) id: Vec<u8>,
    pub(super) properties: Vec<u8>,
    /// How many streams it takes; it gives one.
    pub(super) takes: usize,
}

/// A file's share of a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) size: u64,
    pub(super) crc: Option<u32>,
}

impl Folder {
    /// Bytes of the output that no coder takes.
    pub(super) fn size(&self) -> Option<u64> {
        let last = (0..self.sizes.len()).find(|output| !self.bonds.iter().any(|bond| bond.1 == *output))?;
        self.sizes.get(last).copied()
    }
}

pub(super) enum Parsed {
    Plain(Header),
    Packed(Streams),
}

pub(super) fn parse(bytes: &[u8]) -> Option<Parsed> {
    let mut reader = Reader { rest: bytes };
    match reader.number()? {
        mark::HEADER => reader.header().map(Parsed::Plain),
        mark::PACKED_HEADER => reader.streams().map(Parsed::Packed),
        _ => None,
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// A number of one to nine bytes: leading ones of the first say how many follow.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let mut value = 0;
        for at in 0..8 {
            if first & (0x80 >> at) == 0 {
                let high = u64::from(first) & ((0x80 >> at) - 1);
                return Some(value | high << (8 * at));
            }
            value |= u64::from(self.byte()?) << (8 * at);
        }
        Some(value)
    }

    /// A count of things that take at least a byte each.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= self.rest.len())
    }

    fn bits(&mut self, count: usize) -> Option<Vec<bool>> {
        let bytes = self.take(count.div_ceil(8))?;
        Some((0..count).map(|at| bytes[at / 8] & (0x80 >> (at % 8)) != 0).collect())
    }

    /// Checksums, some of which may be missing.
    fn checksums(&mut self, count: usize) -> Option<Vec<Option<u32>>> {
        let defined = if self.byte()? != 0 { vec![true; count] } else { self.bits(count)? };
        let checksum = |defined: bool| match defined {
            true => Some(Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))),
            false => Some(None),
        };
        defined.into_iter().map(checksum).collect()
    }

    fn header(mut self) -> Option<Header> {
        let mut header = Header::default();
        loop {
            match self.number()? {
                mark::END => return Some(header),
                mark::PROPERTIES => {
                    while self.number()? != mark::END {
                        let size = self.count()?;
                        self.take(size)?;
                    }
                }
                mark::MAIN_STREAMS => header.streams = self.streams()?,
                mark::FILES => header.files = self.files()?,
                _ => return None,
            }
        }
    }

    fn streams(&mut self) -> Option<Streams> {
        let mut streams = Streams::default();
        loop {
            match self.number()? {
                mark::END => break,
                mark::PACKS => self.packs(&mut streams)?,
                mark::FOLDERS => streams.folders = self.folders()?,
                mark::PARTS => self.parts(&mut streams.folders)?,
                _ => return None,
            }
        }
        for folder in &mut streams.folders {
            if folder.parts.is_empty() {
                folder.parts.extend(folder.size().map(|size| Part { size, crc: folder.crc }));
            }
        }
        Some(streams)
    }

    fn packs(&mut self, streams: &mut Streams) -> Option<()> {
        streams.position = self.number()?;
        let count = self.count()?;
        loop {
            match self.number()? {
                mark::END => return Some(()),
                mark::SIZE => streams.packs = (0..count).map(|_| self.number()).collect::<Option<_>>()?,
                mark::CRC => drop(self.checksums(count)?),
                _ => return None,
            }
        }
    }

    fn folders(&mut self) -> Option<Vec<Folder>> {
        (self.number()? == mark::FOLDER).then_some(())?;
        let count = self.count()?;
        // Not zero: the folders are elsewhere, which nobody writes.
        (self.byte()? == 0).then_some(())?;
        let mut folders = (0..count).map(|_| self.folder()).collect::<Option<Vec<_>>>()?;
        (self.number()? == mark::CODER_SIZES).then_some(())?;
        for folder in &mut folders {
            for size in &mut folder.sizes {
                *size = self.number()?;
            }
        }
        loop {
            match self.number()? {
                mark::END => return Some(folders),
                mark::CRC => {
                    let checksums = self.checksums(folders.len())?;
                    folders.iter_mut().zip(checksums).for_each(|(folder, crc)| folder.crc = crc);
                }
                _ => return None,
            }
        }
    }

    fn folder(&mut self) -> Option<Folder> {
        let mut folder = Folder::default();
        let (mut inputs, mut outputs) = (0usize, 0usize);
        let count = self.number()?;
        // 7-Zip itself reads no more than 32 coders or streams.
        (1..=32).contains(&count).then_some(())?;
        for _ in 0..count {
            let flags = self.byte()?;
            let id = self.take(usize::from(flags & 0xf))?.to_vec();
            let (takes, gives) = if flags & 0x10 != 0 { (self.number()?, self.number()?) } else { (1, 1) };
            // All coders give one stream; encoders that gave several went with 7-Zip 9.
            (takes <= 32 && gives == 1).then_some(())?;
            (inputs, outputs) = (inputs + takes as usize, outputs + 1);
            let length = if flags & 0x20 != 0 { self.count()? } else { 0 };
            let properties = self.take(length)?.to_vec();
            folder.coders.push(Coder { id, properties, takes: takes as usize });
        }
        let bonds = outputs.checked_sub(1)?;
        for _ in 0..bonds {
            folder.bonds.push((usize::try_from(self.number()?).ok()?, usize::try_from(self.number()?).ok()?));
        }
        let packed = inputs.checked_sub(bonds).filter(|packed| *packed > 0)?;
        if packed == 1 {
            folder.packed =
                (0..inputs).filter(|input| !folder.bonds.iter().any(|bond| bond.0 == *input)).take(1).collect();
        } else {
            folder.packed =
                (0..packed).map(|_| self.number().and_then(|n| usize::try_from(n).ok())).collect::<Option<_>>()?;
        }
        folder.sizes = vec![0; outputs];
        Some(folder)
    }

    fn parts(&mut self, folders: &mut [Folder]) -> Option<()> {
        let mut counts = vec![1; folders.len()];
        let mut kind = self.number()?;
        if kind == mark::PART_COUNTS {
            for count in &mut counts {
                // The last of several has no size of its own in the header.
                *count = usize::try_from(self.number()?).ok().filter(|count| *count <= self.rest.len() + 1)?;
            }
            kind = self.number()?;
        }
        let total = counts.iter().try_fold(0usize, |sum, count| sum.checked_add(*count))?;
        (total <= self.rest.len() + folders.len() + 1).then_some(())?;
        for (folder, count) in folders.iter_mut().zip(&counts) {
            let mut left = folder.size()?;
            for at in 0..*count {
                let size = if at + 1 == *count {
                    left
                } else if kind == mark::SIZE {
                    self.number()?
                } else {
                    return None;
                };
                left = left.checked_sub(size)?;
                // A folder that is one file may have said its checksum already.
                folder.parts.push(Part { size, crc: folder.crc.filter(|_| *count == 1) });
            }
        }
        if kind == mark::SIZE {
            kind = self.number()?;
        }
        loop {
            match kind {
                mark::END => return Some(()),
                mark::CRC => {
                    let unknown = folders.iter().flat_map(|f| &f.parts).filter(|part| part.crc.is_none()).count();
                    let mut checksums = self.checksums(unknown)?.into_iter();
                    let parts = folders.iter_mut().flat_map(|folder| &mut folder.parts);
                    parts.filter(|part| part.crc.is_none()).for_each(|part| part.crc = checksums.next().flatten());
                }
                _ => return None,
            }
            kind = self.number()?;
        }
    }

    fn files(&mut self) -> Option<Vec<File>> {
        let count = self.count()?;
        let mut files: Vec<File> = Vec::new();
        let mut empty = vec![false; count];
        loop {
            let kind = self.number()?;
            if kind == mark::END {
                break;
            }
            let size = self.count()?;
            let mut property = Reader { rest: self.take(size)? };
            match kind {
                mark::EMPTY => empty = property.bits(count)?,
                mark::NAMES => files = property.names(count)?,
                _ => {}
            }
        }
        files.resize_with(count, File::default);
        files.iter_mut().zip(empty).for_each(|(file, empty)| file.has_stream = !empty);
        Some(files)
    }

    /// Names in UTF-16, each ended by a zero.
    fn names(&mut self, count: usize) -> Option<Vec<File>> {
        (self.byte()? == 0).then_some(())?;
        let mut units = self.rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let name = |_| {
            let name: Vec<u16> = units.by_ref().take_while(|unit| *unit != 0).collect();
            File { name: String::from_utf16_lossy(&name).into_bytes(), has_stream: true }
        };
        Some((0..count).map(name).collect())
    }
}
