//! Walk working trees in parallel, honouring ignore files below each root.

use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::read;
use crate::model::{SkipReason, Skipped};

/// What to walk, and how.
#[derive(Clone, Debug)]
pub struct TreeOptions {
    /// Whether `.gitignore`, `.ignore` and `.git/info/exclude` below a root are honoured.
    pub ignore_files: bool,
    /// Threads; 0 for one per core.
    pub threads: usize,
}

/// A file to read.
#[derive(Clone, Debug)]
pub struct File {
    /// Where to open it.
    pub path: PathBuf,
    /// The name shown: as reached from the path that the user gave, `/` between parts, without `./` in front.
    pub name: BString,
    /// Whether the user named just this file.
    pub asked: bool,
}

/// What a walker hands to its visitor.
#[derive(Debug)]
pub enum Item {
    /// A file to read.
    File(File),
    /// Something that will not be read.
    Skipped(Skipped),
}

/// Walks `roots` and gives each item to a visitor; `visitor` makes one visitor per thread. The order is not defined.
/// A visitor that answers `false` stops the walk.
pub fn walk<'a, V>(roots: &[PathBuf], options: &TreeOptions, visitor: impl Fn() -> V + Sync)
where
    V: FnMut(Item) -> bool + Send + 'a,
{
    let Some((first, rest)) = roots.split_first() else { return };
    let mut builder = WalkBuilder::new(first);
    for root in rest {
        builder.add(root);
    }
    let honour = options.ignore_files;
    builder
        .hidden(false)
        .parents(false)
        .require_git(false)
        .git_global(false)
        .follow_links(false)
        .same_file_system(false);
    builder.git_ignore(honour).git_exclude(honour).ignore(honour).threads(options.threads);
    builder.filter_entry(|entry| {
        !(entry.depth() > 0 && entry.file_name() == ".git" && entry.file_type().is_some_and(|kind| kind.is_dir()))
    });
    builder.build_parallel().run(|| {
        let mut visit = visitor();
        Box::new(move |entry| {
            let item = match entry {
                Ok(entry) => item_of(&entry),
                Err(error) => Some(Item::Skipped(error_of(&error, roots))),
            };
            if item.is_none_or(&mut visit) { WalkState::Continue } else { WalkState::Quit }
        })
    });
}

fn item_of(entry: &DirEntry) -> Option<Item> {
    // A file behind a link named on the command line is asked for, so its metadata is that of what it points to.
    let kind = if entry.depth() == 0 { entry.metadata().ok().map(|data| data.file_type()) } else { entry.file_type() };
    let asked = entry.depth() == 0;
    let name = shown(entry.path());
    let Some(kind) = kind else {
        return Some(Item::Skipped(Skipped { what: name, reason: SkipReason::Vanished, asked }));
    };
    if kind.is_dir() {
        return None;
    }
    Some(match read::special(&kind).filter(|_| !(asked && kind.is_symlink())) {
        Some(what) => Item::Skipped(Skipped { what: name, reason: SkipReason::NotAFile(what), asked }),
        None => Item::File(File { path: entry.path().to_owned(), name, asked }),
    })
}

/// The name shown for a path.
#[must_use]
pub fn shown(path: &Path) -> BString {
    let bytes =
        <[u8]>::from_path(path).map_or_else(|| path.to_string_lossy().into_owned().into_bytes(), <[u8]>::to_vec);
    let trimmed = bytes.strip_prefix(b"./").unwrap_or(&bytes);
    BString::from(if trimmed.is_empty() { &bytes } else { trimmed })
}

fn error_of(error: &ignore::Error, roots: &[PathBuf]) -> Skipped {
    let mut what = BString::default();
    let mut inner = error;
    let reason = loop {
        match inner {
            ignore::Error::WithPath { path, err } => {
                what = shown(path);
                inner = err;
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => inner = err,
            ignore::Error::Loop { child, .. } => {
                what = shown(child);
                break SkipReason::NotAFile("directory loop");
            }
            ignore::Error::Io(error) => break read::reason(error),
            other => break SkipReason::Unreadable(other.to_string()),
        }
    };
    // Anything below a root that vanished was there a moment ago; a root itself was perhaps never there.
    let is_root = roots.iter().any(|root| shown(root) == what);
    let reason = match reason {
        SkipReason::Vanished if is_root => SkipReason::Unreadable("there is no such file or directory".to_owned()),
        reason => reason,
    };
    Skipped { what, reason, asked: true }
}
