//! Repositories that share history, put together as one bare repository that borrows all their objects, so that each
//! object is read once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ffi::OsString,
    fmt::Write as _,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use bstr::{BString, ByteSlice};

use super::{
    AuditError,
    survey::{Objects, Survey},
    temp_dir::TempDir,
};
use crate::{
    model::BlobId,
    source::git::{TipKind, Tips},
};

/// One repository to be joined.
pub(crate) struct Part<'a> {
    pub(crate) survey: &'a Survey,
    pub(crate) tips: &'a Tips,
}

/// Several repositories as one.
#[derive(Debug)]
pub(crate) struct Joined {
    dir: TempDir,
    /// Texts of reflogs and names without an object, and the members that have them.
    texts: BTreeMap<BString, BTreeSet<u32>>,
    /// Refs that several members have alike, by the name that the first of them gives.
    shared: HashMap<BString, Vec<u32>>,
}

impl Joined {
    /// Puts them together in a directory below `base`.
    pub(crate) fn new(base: &Path, parts: &[Part<'_>]) -> Result<Self, AuditError> {
        let dir = TempDir::new(base)?;
        let root = dir.path().to_owned();
        let io = |path: &Path, done: std::io::Result<()>| done.map_err(AuditError::io(path));
        for below in ["objects/pack", "objects/info", "refs", "logs"] {
            io(&root, fs::create_dir_all(root.join(below)))?;
        }
        io(&root, fs::write(root.join("HEAD"), "ref: refs/heads/none\n"))?;
        io(&root, fs::write(root.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"))?;
        let mut texts: BTreeMap<BString, BTreeSet<u32>> = BTreeMap::new();
        let mut refs: HashMap<(BString, BlobId), Vec<u32>> = HashMap::new();
        let (mut met, mut alternates) = (HashSet::new(), BTreeSet::new());
        for (number, part) in parts.iter().enumerate() {
            for store in &part.survey.stores {
                borrow(&root, store, &mut met, &mut alternates).map_err(AuditError::io(&store.dir))?;
            }
            let named: HashSet<_> =
                part.tips.tips.iter().filter(|tip| tip.kind == TipKind::Ref).map(|tip| &tip.name).collect();
            for (at, tip) in part.tips.tips.iter().enumerate() {
                let name = match tip.kind {
                    TipKind::Ref => tip.name.strip_prefix(b"refs/").unwrap_or(&tip.name).to_owned(),
                    _ => format!("held/{at}").into(),
                };
                let members = refs.entry((name.into(), tip.id)).or_default();
                if members.last() != Some(&(number as u32)) {
                    members.push(number as u32);
                }
            }
            let unnamed = part.tips.names.iter().filter(|name| !named.contains(name));
            for text in part.tips.reflog_messages.iter().chain(unnamed) {
                texts.entry(text.clone()).or_default().insert(number as u32);
            }
        }
        let lines: Vec<u8> =
            alternates.iter().flat_map(|dir| [dir.as_os_str().as_encoded_bytes(), b"\n"].concat()).collect();
        io(&root, fs::write(root.join("objects/info/alternates"), lines))?;
        let (packed, shared) = pack(refs);
        io(&root, fs::write(root.join("packed-refs"), packed))?;
        io(&root, fs::write(root.join("logs/texts"), log(&texts)))?;
        Ok(Self { dir, texts, shared })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Whether a message names a file of this directory, which is nobody's.
    pub(crate) fn is_named(&self, what: &[u8]) -> bool {
        what.contains_str(self.path().as_os_str().as_encoded_bytes())
    }

    /// The member of a ref's name, and the name it has there.
    pub(crate) fn original(name: &str) -> Option<(u32, String)> {
        let (number, rest) = name.strip_prefix("refs/m")?.split_once('/')?;
        let rest =
            if rest.starts_with("worktrees/") || rest == "HEAD" { rest.to_owned() } else { format!("refs/{rest}") };
        Some((number.parse().ok()?, rest))
    }

    /// The members that have this text in a reflog or as a name.
    pub(crate) fn holders(&self, text: &[u8]) -> Vec<u32> {
        if let Some(members) = self.shared.get(text.as_bstr()) {
            return members.clone();
        }
        match Self::original(&text.to_str_lossy()) {
            Some((member, _)) => vec![member],
            None => self.texts.get(text.as_bstr()).map(|held| held.iter().copied().collect()).unwrap_or_default(),
        }
    }
}

/// The file of packed refs, and the members of those that several have. What a fork has as the others have it is there once.
fn pack(refs: HashMap<(BString, BlobId), Vec<u32>>) -> (Vec<u8>, HashMap<BString, Vec<u32>>) {
    let mut listed: Vec<(BString, BlobId, Vec<u32>)> = refs
        .into_iter()
        .map(|((name, id), members)| {
            let first = members.first().copied().unwrap_or_default();
            ([format!("refs/m{first}/").as_bytes(), &name].concat().into(), id, members)
        })
        .collect();
    listed.sort_unstable();
    let mut packed = b"# pack-refs with: peeled fully-peeled sorted \n".to_vec();
    for (name, id, _) in &listed {
        let _ = writeln!(packed, "{id} {name}");
    }
    let shared = listed.into_iter().filter(|(.., members)| members.len() > 1);
    (packed, shared.map(|(name, _, members)| (name, members)).collect())
}

/// A reflog whose messages are the texts.
fn log(texts: &BTreeMap<BString, BTreeSet<u32>>) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut none = String::new();
    let _ = write!(none, "{0} {0} . <.> 0 +0000\t", "0".repeat(40));
    for text in texts.keys() {
        lines.extend_from_slice(none.as_bytes());
        lines.extend_from_slice(text);
        lines.push(b'\n');
    }
    lines
}

/// A pack's name (the digest of its content) and size: copies of a mirror have the same.
type PackName = (OsString, u64);

/// Borrows the objects of a directory: the whole of it, or where some of its packs have been met in another, only the others.
fn borrow(
    root: &Path,
    store: &Objects,
    met: &mut HashSet<PackName>,
    alternates: &mut BTreeSet<PathBuf>,
) -> std::io::Result<()> {
    let mut new = Vec::new();
    for pack in &store.packs {
        let name = pack.file_stem().unwrap_or_default().to_owned();
        if met.insert((name, fs::metadata(pack)?.len())) {
            new.push((pack, met.len()));
        }
    }
    let dir = std::path::absolute(&store.dir)?;
    let writable = !dir.as_os_str().as_encoded_bytes().contains(&b'\n');
    if writable && (store.loose > 0 || new.len() == store.packs.len()) {
        alternates.insert(dir);
        return Ok(());
    }
    for (pack, number) in new {
        let to = root.join("objects/pack").join(format!("pack-{number:040x}.pack"));
        link(&pack.with_extension("idx"), &to.with_extension("idx"))?;
        link(pack, &to)?;
    }
    if store.loose > 0 { borrow_loose(root, &store.dir) } else { Ok(()) }
}

/// Borrows the loose objects of a directory whose path no list of alternates can hold.
fn borrow_loose(root: &Path, dir: &Path) -> std::io::Result<()> {
    for fan in fs::read_dir(dir)?.flatten().filter(|fan| fan.file_name().len() == 2) {
        let to = root.join("objects").join(fan.file_name());
        fs::create_dir_all(&to)?;
        for object in fs::read_dir(fan.path())?.flatten() {
            let to = to.join(object.file_name());
            if fs::symlink_metadata(&to).is_err() {
                link(&object.path(), &to)?;
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

#[cfg(test)]
mod tests {
    use super::Joined;

    #[test]
    fn names_go_back_to_their_repository() {
        assert_eq!(Joined::original("refs/m12/heads/main"), Some((12, "refs/heads/main".into())));
        assert_eq!(Joined::original("refs/m0/HEAD"), Some((0, "HEAD".into())));
        assert_eq!(Joined::original("refs/heads/m1/x"), None);
    }
}
