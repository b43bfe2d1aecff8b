//! What each family runs on an input.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use stanch::model::BlobId;
use stanch::source::asset::{Beside, Budget, Container, recognise, unpack};
use stanch::source::git::Repo;
use stanch::source::git::objects::object::{HashKind, ObjectIx};
use stanch::source::git::objects::object_set::ObjectSet;
use stanch::source::git::parts;
use stanch::source::git::objects::read::ReadCache;
use stanch::source::git::objects::store::ObjectStore;
use stanch::source::git::trees::tree_index::TreeIndex;
use stanch::source::git::objects::walk::WalkOptions;

/// Runs inputs of one family; files it needs lie in a directory of its own.
pub struct Target {
    family: String,
    directory: PathBuf,
    repo: Option<Repo>,
}

/// What a container may cost here.
const EXPANDED: u64 = 16 << 20;

impl Target {
    pub fn new(family: &str, directory: &Path) -> Self {
        fs::create_dir_all(directory.join("pack")).expect("the scratch directory can be written");
        let repo = (family == "git-index").then(|| Repo::at(directory).expect("the scratch directory is a repository"));
        Self { family: family.to_owned(), directory: directory.to_owned(), repo }
    }

    /// Runs one input; a panic is a fault, and so is what this returns.
    pub fn run(&self, bytes: &[u8]) -> Result<(), String> {
        match &*self.family {
            "itself" => itself(bytes),
            "git-parts" => git_parts(bytes),
            "git-pack" => self.git_pack(bytes),
            "git-objects" => self.git_objects(bytes),
            "git-loose" => self.git_loose(bytes),
            "git-index" => self.git_index(bytes),
            "map" => map(bytes),
            "protobuf" | "office" | "brotli" => member(&self.family, bytes),
            _ => container(bytes, Beside::named(b"dist/app.js")),
        }
    }

    /// A pack and its index, one behind the other; the first four bytes say how long the index is.
    fn git_pack(&self, bytes: &[u8]) -> Result<(), String> {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(()) };
        let (index, pack) = rest.split_at((u32::from_le_bytes(*length) as usize).min(rest.len()));
        self.store(index, pack);
        Ok(())
    }

    /// A list of objects and deltas, made into a pack whose lengths and checksums are right.
    fn git_objects(&self, bytes: &[u8]) -> Result<(), String> {
        let (index, pack) = assemble(bytes);
        self.store(&index, &pack);
        Ok(())
    }

    fn git_loose(&self, bytes: &[u8]) -> Result<(), String> {
        let id = BlobId::of(b"loose").to_string();
        let path = self.directory.join(&id[..2]).join(&id[2..]);
        fs::create_dir_all(path.parent().unwrap_or(&self.directory)).map_err(|error| error.to_string())?;
        // Half of them as they are, half of them compressed here.
        let content = match bytes.split_first() {
            Some((first, rest)) if first % 2 == 0 => zlib(rest),
            Some((_, rest)) => rest.to_vec(),
            None => Vec::new(),
        };
        fs::write(&path, content).map_err(|error| error.to_string())?;
        self.read();
        Ok(())
    }

    fn git_index(&self, bytes: &[u8]) -> Result<(), String> {
        fs::write(self.directory.join(".git/index"), bytes).map_err(|error| error.to_string())?;
        drop(self.repo.as_ref().map(Repo::staged));
        Ok(())
    }

    fn store(&self, index: &[u8], pack: &[u8]) {
        let write = |ending: &str, bytes: &[u8]| fs::write(self.directory.join("pack").join(ending), bytes);
        if write("pack-x.idx", index).and_then(|()| write("pack-x.pack", pack)).is_ok() {
            self.read();
        }
    }

    fn read(&self) {
        let (store, _) = ObjectStore::open(std::slice::from_ref(&self.directory), HashKind::Sha1);
        let options = WalkOptions { memory: 8 << 20, object_limit: 4 << 20, ..WalkOptions::default() };
        store.walk(
            &options,
            || (),
            |(), entry, _: Option<&()>| {
                std::hint::black_box(entry.from.map(|from| from.delta.ops().count()));
            },
        );
        let wanted = ObjectSet::default();
        TreeIndex::read(&store, &options, &wanted, || (), |(), _, _| true);
        let mut cache = ReadCache::new(&store, 1 << 20, 4 << 20);
        for at in 0..store.len().min(64) as u32 {
            drop(cache.read(ObjectIx(at)));
            let _ = cache.size(ObjectIx(at));
        }
    }
}

fn container(bytes: &[u8], beside: Beside<'_>) -> Result<(), String> {
    let budget = Budget { expanded: EXPANDED, time: Duration::from_secs(5), ..Budget::default() };
    let unpacked = unpack(bytes, &budget, beside, &mut |unit| {
        if let Some(map) = unit.map {
            let offsets = [0, unit.bytes.len() / 3, unit.bytes.len() / 2, unit.bytes.len(), 7];
            assert_eq!(map.originals(&offsets).len(), offsets.len());
        }
        if let stanch::source::asset::Lines::Numbered(numbering) = unit.lines {
            std::hint::black_box(numbering.name(1 + unit.bytes.len() as u32 / 2));
        }
        ControlFlow::Continue(())
    });
    // What is stored, or charged only beyond four times its length, is bounded by the input.
    let most = EXPANDED + 64 * bytes.len() as u64;
    if unpacked.bytes > most { Err(format!("{} bytes handed over", unpacked.bytes)) } else { Ok(()) }
}

/// The input is the map of a script that lies beside it.
fn map(bytes: &[u8]) -> Result<(), String> {
    let text = b"var x=1;\nvar y=\"\xc3\xa9\xf0\x9f\x98\x80\";f(x,y);\nlast(line)\n//# sourceMappingURL=x.map";
    container(text, Beside { path: b"x", read: &|_| Some(bytes.to_vec()) })?;
    container(bytes, Beside::named(b""))
}

/// What is looked for only within a container: the input is the member of a tar.
fn member(family: &str, bytes: &[u8]) -> Result<(), String> {
    if family == "brotli" {
        return container(bytes, Beside::named(b"a.txt.br"));
    }
    let mut header = [0u8; 512];
    header[0] = b'm';
    header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[156] = b'0';
    header[257..262].copy_from_slice(b"ustar");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = [&header[..], bytes].concat();
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    debug_assert_eq!(recognise(&tar), Some(Container::Tar));
    container(&tar, Beside::named(b""))
}

/// A fault that nobody hits by chance: whether the harness would find one. It must.
fn itself(bytes: &[u8]) -> Result<(), String> {
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    // Each step is one that can be seen, as in a parser.
    if word(0) == Some(0x57a4_c40f) && std::hint::black_box(bytes).len() > 8 {
        let is_length = word(4) == u32::try_from(bytes.len()).ok();
        if is_length && std::hint::black_box(bytes).starts_with(b"W") {
            assert!(bytes.get(8) != Some(&b'!'), "found");
        }
    }
    Ok(())
}

fn git_parts(bytes: &[u8]) -> Result<(), String> {
    for length in [20, 32] {
        let mut entries = parts::tree_entries(bytes, length);
        for entry in entries.by_ref() {
            std::hint::black_box((entry.is_tree(), entry.is_blob(), entry.blob_id()));
        }
        std::hint::black_box(entries.is_malformed());
    }
    let within = |part: &[u8]| part.len() <= bytes.len();
    let sound = parts::commit_parts(bytes).all(|(_, part)| within(part))
        && parts::tag_parts(bytes).all(|(_, part)| within(part));
    std::hint::black_box(parts::tag_target(bytes));
    let fields = parts::CommitFields::parse(bytes);
    std::hint::black_box((fields.summary(), parts::Person::parse(bytes).date()));
    if sound { Ok(()) } else { Err("a part is longer than its object".into()) }
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// One object after the other: a byte for its form, two for its length, then its bytes. A delta (6, 7) begins with the
/// number of the object that it is based on.
fn assemble(mut script: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut pack = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
    let mut entries: Vec<(BlobId, u32)> = Vec::new();
    while let [form, low, high, rest @ ..] = script {
        let (mut content, after) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])).min(rest.len()));
        script = after;
        let at = pack.len() as u32;
        let base = match (form & 7, content.split_first()) {
            (6 | 7, Some((base, delta))) => {
                content = delta;
                entries.get(usize::from(*base) % entries.len().max(1)).copied()
            }
            _ => None,
        };
        // Bit 3 makes the size a lie.
        let mut size = content.len() as u64 + u64::from(form >> 3 & 1);
        let mut first = (form & 7) << 4 | (size & 15) as u8;
        size >>= 4;
        while size > 0 {
            pack.push(first | 0x80);
            first = (size & 0x7f) as u8;
            size >>= 7;
        }
        pack.push(first & 0x7f);
        match form & 7 {
            6 => {
                let mut back = u64::from(at - base.map_or(at, |base| base.1));
                let mut out = vec![(back & 0x7f) as u8];
                while back > 0x7f {
                    back = (back >> 7) - 1;
                    out.insert(0, 0x80 | (back & 0x7f) as u8);
                }
                pack.extend(out);
            }
            7 => pack.extend_from_slice(base.map_or(BlobId::of(b"absent"), |base| base.0).as_bytes()),
            _ => {}
        }
        pack.extend(zlib(content));
        entries.push((BlobId::of(&[&at.to_le_bytes(), content].concat()), at));
    }
    pack[8..12].copy_from_slice(&(entries.len() as u32).to_be_bytes());
    pack.extend([7; 20]);
    entries.sort();
    let mut index = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255u8 {
        let upto = entries.iter().filter(|entry| entry.0.as_bytes()[0] <= first).count();
        index.extend((upto as u32).to_be_bytes());
    }
    index.extend(entries.iter().flat_map(|entry| entry.0.as_bytes().to_vec()));
    index.extend(vec![0; 4 * entries.len()]);
    index.extend(entries.iter().flat_map(|entry| entry.1.to_be_bytes()));
    index.extend([7; 40]);
    (index, pack)
}
