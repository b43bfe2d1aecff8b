//! Files by a path relative to another one, in a commit or in the index.

use git2::Oid;

use super::super::by_id::{TreeCache, TreeSource};
use super::super::parts::CommitFields;
use super::super::repo::Repo;
use super::index_file::IndexFile;
use super::range::at_path;
use crate::model::BlobId;
use crate::source::asset::resolve;

impl Repo {
    /// The file that `reference` means when seen from `path`, as a commit has it; `None` if it has none, or one of more
    /// than `limit` bytes.
    #[must_use]
    pub fn beside(&self, commit: &BlobId, path: &[u8], reference: &[u8], limit: u64) -> Option<Vec<u8>> {
        let wanted = resolve(path, reference)?;
        let mut source = self.objects().ok()?;
        let mut buf = Vec::new();
        source.commit(commit, &mut buf).ok()?;
        let root = CommitFields::parse(&buf).tree?;
        self.blob(&at_path(&mut TreeCache::new(source), &root, &wanted)?, limit)
    }

    /// The same as the index has it.
    #[must_use]
    pub fn staged_beside(&self, path: &[u8], reference: &[u8], limit: u64) -> Option<Vec<u8>> {
        let wanted = resolve(path, reference)?;
        let layout = self.layout();
        let index = IndexFile::read(&layout.index, &layout.git_dir, layout.hash).ok()?;
        let at = index.entries.partition_point(|entry| index.name(entry) < &wanted[..]);
        let entry = index.entries.get(at).filter(|entry| entry.stage == 0 && index.name(entry) == wanted)?;
        self.blob(&entry.id, limit)
    }

    fn blob(&self, id: &BlobId, limit: u64) -> Option<Vec<u8>> {
        let odb = self.git().odb().ok()?;
        let oid = Oid::from_bytes(id.as_bytes()).ok()?;
        let (size, _) = odb.read_header(oid).ok()?;
        (size as u64 <= limit).then(|| odb.read(oid).ok().map(|object| object.data().to_vec()))?
    }
}
