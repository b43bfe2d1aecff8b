//! A whole file, mapped read-only.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// The bytes of a file, read through the page cache.
///
/// git never changes a pack or an index in place: it writes a new file and renames it. So a mapping stays valid while
/// the repository is repacked under us. Readers compare every offset with [`len`](slice::len) first, so a file that
/// was already short when it was opened is an error and not a fault.
pub(super) struct Mapped(Mmap);

impl Mapped {
    /// Maps the file at `path`.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or mapped.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        #[expect(
            unsafe_code,
            reason = "packs are far larger than the memory we may use, and are read once, in no order"
        )]
        // SAFETY: the mapping is private and read-only, and nothing here writes to the file. Another process that
        // truncates it while it is mapped would end this one with SIGBUS; git replaces packs, it never truncates them.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self(map))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
