//! What a repository holds, and what its HEAD holds at a path.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use crate::{
    model::BlobId,
    source::git::{GitSource, Repo, TreeSource, parts::tree_entries},
};

/// Bytes of trees that are kept of one repository.
const TREES: usize = 32 << 20;

/// Trees that were read, and their bytes.
type Trees = (HashMap<BlobId, Rc<Vec<u8>>>, usize);

/// Answers about one repository.
pub(crate) struct Holdings<'r> {
    repo: &'r Repo,
    source: RefCell<GitSource<'r>>,
    met: RefCell<HashMap<BlobId, bool>>,
    trees: RefCell<Trees>,
    root: Option<BlobId>,
}

impl<'r> Holdings<'r> {
    pub(crate) fn new(repo: &'r Repo) -> Option<Self> {
        let mut source = repo.objects().ok()?;
        let mut commit = Vec::new();
        let head = repo.head().filter(|head| source.commit(head, &mut commit).is_ok());
        let root = head.and_then(|_| BlobId::from_hex(commit.strip_prefix(b"tree ")?.split(|b| *b == b'\n').next()?));
        Some(Self { repo, source: source.into(), met: RefCell::default(), trees: RefCell::default(), root })
    }

    /// Whether there is an object of this id.
    pub(crate) fn holds(&self, id: &BlobId) -> bool {
        *self.met.borrow_mut().entry(*id).or_insert_with(|| self.source.borrow().has(id))
    }

    /// Whether the repository has a HEAD to be asked about.
    pub(crate) fn has_head(&self) -> bool {
        self.root.is_some()
    }

    /// The file at a path of HEAD.
    pub(crate) fn at(&self, path: &[u8]) -> Option<BlobId> {
        let mut id = self.root?;
        let mut parts = path.split(|b| *b == b'/').peekable();
        while let Some(part) = parts.next() {
            let tree = self.tree(&id)?;
            let mut entries = tree_entries(&tree, self.repo.layout().hash.id_len());
            let entry = entries.find(|entry| &**entry.name == part)?;
            if parts.peek().is_some() != entry.is_tree() {
                return None;
            }
            id = entry.blob_id();
        }
        Some(id)
    }

    /// The bytes of a file.
    pub(crate) fn blob(&self, id: &BlobId) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.source.borrow_mut().blob(id, &mut bytes).ok()?;
        Some(bytes)
    }

    fn tree(&self, id: &BlobId) -> Option<Rc<Vec<u8>>> {
        let (trees, size) = &mut *self.trees.borrow_mut();
        if let Some(tree) = trees.get(id) {
            return Some(Rc::clone(tree));
        }
        let mut bytes = Vec::new();
        self.source.borrow_mut().tree(id, &mut bytes).ok()?;
        if *size > TREES {
            trees.clear();
            *size = 0;
        }
        *size += bytes.len();
        let tree = Rc::new(bytes);
        trees.insert(*id, Rc::clone(&tree));
        Some(tree)
    }
}
