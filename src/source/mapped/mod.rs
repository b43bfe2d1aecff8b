//! A whole file, mapped read-only.

#[cfg(unix)]
mod guard;

use std::{
    fs::File,
    io,
    ops::{Deref, Range},
    path::Path,
};

#[cfg(unix)]
use memmap2::UncheckedAdvice;
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

    /// Lets the kernel take back the memory of a part that will not be read again soon. It stays readable.
    pub(crate) fn release(&self, part: Range<usize>) {
        let part = part.start.min(self.map.len())..part.end.min(self.map.len());
        if part.is_empty() {
            return;
        }
        #[cfg(unix)]
        {
            #[expect(unsafe_code, reason = "what is mapped counts as ours until we let go of it")]
            // SAFETY: the mapping is private and never written to, so its pages are read from the file again, as they
            // were before; those that the guard put in place of what was cut off are zeros before and after.
            let advised = unsafe { self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, part.start, part.len()) };
            // Advice: nothing depends on it.
            drop(advised);
        }
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
    fn what_was_released_reads_the_same() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        file.write_all(&text).unwrap();
        let mapped = Mapped::open(file.path()).unwrap();
        for part in [0..text.len(), 5_000..5_001, 4_096..200_000, 299_999..400_000, 7..7] {
            assert!(*mapped == text[..]);
            mapped.release(part);
        }
        assert!(*mapped == text[..]);
    }

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
