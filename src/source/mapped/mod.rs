//! A whole file, mapped read-only.

#[cfg(unix)]
mod guard;

use std::{fs::File, io, ops::Deref, path::Path};

use memmap2::{Mmap, MmapOptions};

/// The bytes of a file, read through the page cache.
///
/// Where another process cuts the file short, zeros are read instead of what is gone, and [`Mapped::is_cut`] says so.
pub(crate) struct Mapped {
    // Dropped first: nobody else may be given this address range while it is watched.
    #[cfg(unix)]
    watch: Option<guard::Watch>,
    map: Mmap,
}

impl Mapped {
    /// Maps the file at `path`. git never changes a pack or an index in place: it writes a new file and renames it. So the
    /// mapping stays valid while the repository is repacked under us.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or mapped.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::map(&File::open(path)?, &MmapOptions::new())
    }

    /// Maps a file that will be read from one end to the other.
    ///
    /// # Errors
    ///
    /// When it cannot be mapped.
    pub(crate) fn whole(file: &File) -> io::Result<Self> {
        Self::map(file, MmapOptions::new().populate())
    }

    fn map(file: &File, options: &MmapOptions) -> io::Result<Self> {
        #[expect(
            unsafe_code,
            reason = "what is far larger than the memory we may use, or costs less to map than to copy"
        )]
        // SAFETY: the mapping is private and read-only, and nothing here writes to the file. Another process that cuts it
        // short makes the kernel raise SIGBUS where it is read, which the guard answers with zeros.
        let map = unsafe { options.map(file)? };
        #[cfg(unix)]
        let watch = guard::Watch::new(&map);
        Ok(Self {
            #[cfg(unix)]
            watch,
            map,
        })
    }

    /// Whether reading it is safe even if it is cut short.
    pub(crate) fn is_guarded(&self) -> bool {
        #[cfg(unix)]
        return self.watch.is_some();
        #[cfg(not(unix))]
        false
    }

    /// Whether bytes that were read were gone.
    pub(crate) fn is_cut(&self) -> bool {
        #[cfg(unix)]
        return self.watch.as_ref().is_some_and(guard::Watch::is_cut);
        #[cfg(not(unix))]
        false
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs::OpenOptions, io::Write};

    use super::Mapped;

    #[test]
    fn what_is_cut_off_reads_as_zeros() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'x'; 1 << 20]).unwrap();
        let mapped = Mapped::open(file.path()).unwrap();
        assert!(mapped.is_guarded() && !mapped.is_cut());
        OpenOptions::new().write(true).open(file.path()).unwrap().set_len(10_000).unwrap();
        assert_eq!(mapped.iter().filter(|&&byte| byte == b'x').count(), 10_000);
        assert!(mapped.is_cut());
    }
}
