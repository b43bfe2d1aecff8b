//! Packs that git would not write: thin, circular, lying about sizes.

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;

use super::delta::{Copied, RawDelta, SHORTEST};
use super::object::{HashKind, ObjectIx, ObjectKind, Problem};
use super::pack::{EntryHeader, Form};
use super::read::ReadCache;
use super::store::ObjectStore;
use super::walk::{Entry, WalkOptions};
use crate::model::{BlobId, SkipReason};

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn entry_header(code: u8, mut size: u64) -> Vec<u8> {
    let mut out = vec![code << 4 | (size & 15) as u8];
    size >>= 4;
    while size > 0 {
        *out.last_mut().unwrap() |= 0x80;
        out.push((size & 0x7f) as u8);
        size >>= 7;
    }
    out
}

fn distance(mut back: u64) -> Vec<u8> {
    let mut out = vec![(back & 0x7f) as u8];
    while back > 0x7f {
        back = (back >> 7) - 1;
        out.insert(0, 0x80 | (back & 0x7f) as u8);
    }
    out
}

fn size(mut size: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while size > 0x7f {
        out.push(0x80 | (size & 0x7f) as u8);
        size >>= 7;
    }
    out.push(size as u8);
    out
}

/// A delta that copies all of a base of `base` bytes and appends `tail`.
fn append(base: usize, tail: &[u8]) -> Vec<u8> {
    let mut out = [size(base as u64), size((base + tail.len()) as u64)].concat();
    out.extend([0xf0, base as u8, (base >> 8) as u8, (base >> 16) as u8]);
    if tail.is_empty() {
        return out;
    }
    out.push(tail.len() as u8);
    out.extend_from_slice(tail);
    out
}

/// A pack and its index, written entry by entry.
struct Written {
    tmp: tempfile::TempDir,
    pack: Vec<u8>,
    entries: Vec<(BlobId, u32)>,
}

impl Written {
    fn new() -> Self {
        Self { tmp: tempfile::tempdir().unwrap(), pack: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), entries: Vec::new() }
    }

    fn offset(&self, id: &BlobId) -> u64 {
        self.entries.iter().find(|entry| entry.0 == *id).unwrap().1.into()
    }

    fn entry(&mut self, id: BlobId, header: &[u8], content: &[u8]) -> BlobId {
        self.entries.push((id, self.pack.len() as u32));
        self.pack.extend_from_slice(header);
        self.pack.extend(zlib(content));
        id
    }

    fn blob(&mut self, content: &[u8]) -> BlobId {
        self.entry(BlobId::of(content), &entry_header(3, content.len() as u64), content)
    }

    fn id_delta(&mut self, id: BlobId, base: BlobId, delta: &[u8]) -> BlobId {
        let header = [entry_header(7, delta.len() as u64).as_slice(), base.as_bytes()].concat();
        self.entry(id, &header, delta)
    }

    fn back_delta(&mut self, id: BlobId, back: u64, delta: &[u8]) -> BlobId {
        let header = [entry_header(6, delta.len() as u64), distance(back)].concat();
        self.entry(id, &header, delta)
    }

    fn open(&mut self) -> ObjectStore {
        let dir = self.tmp.path().join("pack");
        fs::create_dir_all(&dir).unwrap();
        self.pack[8..12].copy_from_slice(&(self.entries.len() as u32).to_be_bytes());
        self.pack.extend([7; 20]);
        fs::write(dir.join("pack-x.pack"), &self.pack).unwrap();
        self.entries.sort();
        let mut index = b"\xfftOc\0\0\0\x02".to_vec();
        for first in 0..=255u8 {
            let upto = self.entries.iter().filter(|entry| entry.0.as_bytes()[0] <= first).count();
            index.extend((upto as u32).to_be_bytes());
        }
        index.extend(self.entries.iter().flat_map(|entry| entry.0.as_bytes().to_vec()));
        index.extend(vec![0; 4 * self.entries.len()]);
        index.extend(self.entries.iter().flat_map(|entry| entry.1.to_be_bytes()));
        index.extend([7; 40]);
        fs::write(dir.join("pack-x.idx"), index).unwrap();
        let (store, problems) = ObjectStore::open(&[self.tmp.path().to_path_buf()], HashKind::Sha1);
        assert_eq!(problems, []);
        store
    }

    fn loose(&self, content: &[u8]) -> BlobId {
        let id = BlobId::of(content);
        let path = super::loose::path(self.tmp.path(), &id);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, zlib(&[format!("blob {}\0", content.len()).as_bytes(), content].concat())).unwrap();
        id
    }
}

type Found = Vec<(BlobId, ObjectKind, Vec<u8>)>;

fn walk(store: &ObjectStore) -> (Found, Vec<Problem>) {
    let options = WalkOptions { threads: 2, object_limit: 1 << 24, ..WalkOptions::default() };
    let (found, problems) = store.walk(&options, Vec::new, |found: &mut Vec<_>, entry, _: Option<&()>| {
        found.push((store.id(entry.ix), entry.kind, entry.data.to_vec()));
    });
    let mut found = found.concat();
    found.sort();
    let mut cache = ReadCache::new(store, 1 << 20, 1 << 24);
    for at in 0..store.len() as u32 {
        let (id, read) = (store.id(ObjectIx(at)), cache.read(ObjectIx(at)));
        match found.iter().find(|entry| entry.0 == id) {
            Some((_, kind, data)) => assert_eq!(read.unwrap(), (*kind, data.clone())),
            None => {
                assert_eq!(read.unwrap_err().id.map(|named| problems.iter().any(|p| p.id == Some(named))), Some(true))
            }
        }
    }
    (found, problems)
}

fn why(problems: &[Problem], id: BlobId) -> String {
    problems.iter().find(|problem| problem.id == Some(id)).unwrap().reason.to_string()
}

#[test]
fn a_delta_finds_its_base_wherever_it_is() {
    let mut written = Written::new();
    let loose = written.loose(b"loose base ");
    let child = written.id_delta(BlobId::of(b"loose base child"), loose, &append(11, b"child"));
    let later = BlobId::of(b"later base ");
    written.id_delta(BlobId::of(b"later base child"), later, &append(11, b"child"));
    written.blob(b"later base ");
    let back = written.pack.len() as u64 - written.offset(&child);
    written.back_delta(BlobId::of(b"loose base child's child"), back, &append(16, b"'s child"));
    let (found, problems) = walk(&written.open());
    assert_eq!(problems, []);
    assert_eq!(found.len(), 5);
    for (id, kind, data) in found {
        assert_eq!((id, kind), (BlobId::of(&data), ObjectKind::Blob));
    }
}

#[test]
fn circles_of_deltas_are_broken_up() {
    let mut written = Written::new();
    let sound = written.blob(b"sound");
    let names: Vec<_> = (0..4u8).map(|n| BlobId::of(&[n])).collect();
    written.id_delta(names[0], names[1], &append(5, b"x"));
    written.id_delta(names[1], names[2], &append(5, b"x"));
    written.id_delta(names[2], names[0], &append(5, b"x"));
    written.id_delta(names[3], names[3], &append(5, b"x"));
    let (found, problems) = walk(&written.open());
    assert_eq!(found, [(sound, ObjectKind::Blob, b"sound".to_vec())]);
    assert_eq!(problems.len(), 4);
}

#[test]
fn chains_of_thousands_of_deltas() {
    let mut written = Written::new();
    let mut last = written.blob(b"base");
    for _ in 0..20_000 {
        // The bytes stay the same, so the names are made up.
        let back = written.pack.len() as u64 - u64::from(written.entries.last().unwrap().1);
        last = written.back_delta(BlobId::of(last.as_bytes()), back, &append(4, b""));
    }
    let store = written.open();
    let options = WalkOptions { memory: 4096, ..WalkOptions::default() };
    // A base and its state are dropped as soon as the last child has been visited.
    let (live, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let visit = |count: &mut usize, entry: &Entry<'_>, _: Option<&Live<'_>>| {
        assert_eq!(entry.data, b"base");
        *count += 1;
        most.fetch_max(live.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Live(&live)
    };
    let (counts, problems) = store.walk(&options, || 0, visit);
    assert_eq!((counts, problems), (vec![20_001], Vec::new()));
    assert_eq!((most.load(Ordering::Relaxed), live.load(Ordering::Relaxed)), (2, 0));
    let mut cache = ReadCache::new(&store, 1 << 20, 1 << 24);
    assert_eq!(cache.read(store.lookup(&last).unwrap()).unwrap().1, b"base");
}

struct Live<'a>(&'a AtomicUsize);

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn lies_about_sizes_and_ranges_are_found_out() {
    let mut written = Written::new();
    let base = written.blob(b"0123456789");
    let id = |n: u8| BlobId::of(&[n, n]);
    let mut lies = Vec::new();
    let mut lie = |written: &mut Written, code: u8, size: u64, content: &[u8], expected: &'static str| {
        let name = id(lies.len() as u8);
        let mut header = entry_header(code, size);
        if code == 7 {
            header.extend_from_slice(base.as_bytes());
        }
        written.entry(name, &header, content);
        lies.push((name, expected));
    };
    lie(&mut written, 3, 1 << 40, b"x", "over the limit");
    lie(&mut written, 3, 1 << 20, b"x", "too short");
    lie(&mut written, 3, 2, b"x", "shorter");
    lie(&mut written, 3, 2, b"xyz", "longer");
    lie(&mut written, 0, 2, b"xy", "bad header");
    lie(&mut written, 5, 2, b"xy", "bad header");
    let deltas: [(&[u8], &'static str); 10] = [
        (b"", "no sound header"),
        (b"\x8a", "no sound header"),
        (b"\x0a\x05", "fewer bytes"),
        (b"\x0b\x05\x90\x05", "another size"),
        (b"\x0a\x05\x91\x06\x05", "bad instruction"),
        (b"\x0a\x04\x90\x05", "bad instruction"),
        (b"\x0a\x05\x00", "bad instruction"),
        (b"\x0a\x05\x05abcd", "bad instruction"),
        (b"\x0a\x05\xf0", "bad instruction"),
        (b"\x0a\xff\xff\xff\xff\x7f\x90\x0a", "over the limit"),
    ];
    for (delta, expected) in deltas {
        lie(&mut written, 7, delta.len() as u64, delta, expected);
    }
    // A claim of 16 MiB without the instructions for it.
    lie(&mut written, 7, 7, b"\x0a\x80\x80\x80\x08\x90\x0a", "does not make");
    let orphan = written.id_delta(BlobId::of(b"orphan"), BlobId::of(b"absent"), &append(1, b"x"));
    lies.push((orphan, "missing"));
    let nowhere = written.back_delta(BlobId::of(b"nowhere"), 3, &append(1, b"x"));
    lies.push((nowhere, "not where it should be"));
    let before = written.back_delta(BlobId::of(b"before"), 1 << 40, &append(1, b"x"));
    lies.push((before, "not where it should be"));
    let (found, problems) = walk(&written.open());
    assert_eq!(found.len(), 1);
    assert_eq!(problems.len(), lies.len());
    for (name, expected) in lies {
        let why = why(&problems, name);
        assert!(why.contains(expected), "{why:?} where {expected:?} was expected");
    }
    assert!(
        problems.iter().any(|problem| matches!(problem.reason, SkipReason::TooLarge { size: 0x100_0000_0000, .. }))
    );
}

proptest! {
    #[test]
    fn headers_round_trip(code in 1u8..5, size in any::<u64>().prop_map(|size| size >> 4), back in 1u64..1 << 60) {
        let whole = [entry_header(code, size), vec![0; 4]].concat();
        let parsed = EntryHeader::parse(&whole, HashKind::Sha1).unwrap();
        prop_assert_eq!(parsed.size, size);
        prop_assert_eq!(parsed.len, whole.len() - 4);
        prop_assert_eq!(parsed.form, Form::Whole(ObjectKind::from_code(code).unwrap()));
        let delta = [entry_header(6, size), distance(back), vec![0; 4]].concat();
        let parsed = EntryHeader::parse(&delta, HashKind::Sha1).unwrap();
        prop_assert_eq!((parsed.form, parsed.len), (Form::BackDelta(back), delta.len() - 4));
    }

    #[test]
    fn no_header_makes_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for hash in [HashKind::Sha1, HashKind::Sha256] {
            if let Some(header) = EntryHeader::parse(&bytes, hash) {
                prop_assert!(header.len <= bytes.len());
            }
        }
    }

    /// Against an applier that takes the format at its word, byte by byte.
    #[test]
    fn deltas_are_applied_as_written(
        base in prop::collection::vec(any::<u8>(), 0..400),
        code in prop::collection::vec(prop_oneof![Just(0x90u8), Just(0x91), 0u8..40, any::<u8>()], 0..60),
        ops in prop::collection::vec((0usize..400, 0usize..200, any::<bool>()), 0..12),
        wild in any::<bool>(),
    ) {
        let code = if wild { code } else { sound_code(&base, &ops) };
        let expected = apply_slowly(&base, &code);
        let len = expected.as_ref().map_or(40, |(child, _)| child.len());
        let bytes = [size(base.len() as u64), size(len as u64), code].concat();
        let mut child = vec![0xee; len];
        let mut copies = Vec::new();
        let made = RawDelta::parse(&bytes).unwrap().apply(&base, &mut child, &mut copies);
        let Some((expected, sources)) = expected else {
            prop_assert!(made.is_err());
            return Ok(());
        };
        let delta = made.unwrap();
        prop_assert_eq!(&child, &expected);
        prop_assert_eq!(delta.copies(), runs_of_base(&sources));
        // A child of another size, or a base of another size, is refused.
        let longer = [size(base.len() as u64), size(len as u64 + 1), bytes[bytes.len()..].to_vec()].concat();
        prop_assert!(RawDelta::parse(&longer).unwrap().apply(&base, &mut vec![0; len + 1], &mut Vec::new()).is_err());
        let shorter_base = base.get(1..).unwrap_or(&[1]);
        prop_assert!(RawDelta::parse(&bytes).unwrap().apply(shorter_base, &mut vec![0; len], &mut Vec::new()).is_err());
    }
}

/// Instructions that stay inside the base: `(from, len, copy or insert)`.
fn sound_code(base: &[u8], ops: &[(usize, usize, bool)]) -> Vec<u8> {
    let mut code = Vec::new();
    for &(from, len, copy) in ops {
        let (from, len) = (from.min(base.len()), len.max(1));
        if copy && from + len <= base.len() {
            code.extend([0x93, (from & 0xff) as u8, (from >> 8) as u8, len as u8]);
        } else {
            let len = len.min(127);
            code.push(len as u8);
            code.extend((0..len).map(|at| (at * 7) as u8));
        }
    }
    code
}

/// The child, and where in the base each of its bytes stands, if it is from there.
fn apply_slowly(base: &[u8], code: &[u8]) -> Option<(Vec<u8>, Vec<Option<usize>>)> {
    let (mut child, mut sources) = (Vec::new(), Vec::new());
    let mut bytes = code.iter().copied();
    while let Some(first) = bytes.next() {
        if first >= 0x80 {
            let mut field = |bit: u8| if first >> bit & 1 == 1 { bytes.next().map(usize::from) } else { Some(0) };
            let from = field(0)? | field(1)? << 8 | field(2)? << 16 | field(3)? << 24;
            let len = field(4)? | field(5)? << 8 | field(6)? << 16;
            let range = from..from + if len == 0 { 0x1_0000 } else { len };
            child.extend_from_slice(base.get(range.clone())?);
            sources.extend(range.map(Some));
        } else if first > 0 {
            for _ in 0..first {
                child.push(bytes.next()?);
                sources.push(None);
            }
        } else {
            return None;
        }
    }
    Some((child, sources))
}

/// The stretches of a child that stand in the base as they are, but for short ones.
fn runs_of_base(sources: &[Option<usize>]) -> Vec<Copied> {
    let goes_on = |a: &Option<usize>, b: &Option<usize>| a.map(|a| a + 1) == *b || a.is_none() && b.is_none();
    let (mut at, mut found) = (0, Vec::new());
    for run in sources.chunk_by(goes_on) {
        found.extend(run[0].map(|from| Copied { at, from, len: run.len() }));
        at += run.len();
    }
    found.retain(|copied| copied.len >= SHORTEST);
    found
}
