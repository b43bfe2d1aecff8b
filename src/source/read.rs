//! Open one file, keep to the limit, read it into a buffer that is used again.
//!
//! Small files are read into a buffer that stays warm, which is faster than to map them (measured: 0.046 s against 0.076 s
//! of CPU over rails). Large ones are mapped: memory that is filled for the first time costs more than all the rest.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    ops::Deref,
    path::Path,
};

use super::mapped::Mapped;
use crate::model::SkipReason;
use bstr::ByteSlice;

/// Files from this size on are mapped.
const LARGE: u64 = 4 << 20;

/// The content of one file at a time.
#[derive(Default)]
pub struct Buffer {
    /// As long as the longest file so far, so that it is cleared but once.
    small: Vec<u8>,
    /// How much of it is the file's.
    len: usize,
    large: Option<(Mapped, File)>,
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.large.as_ref().map_or(&self.small[..self.len], |(mapped, _)| mapped)
    }
}

impl Buffer {
    /// Whether the file has changed since it was put here; what is read is bytes that it had, or zeros.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        let length = |file: &File| file.metadata().map_or(0, |metadata| metadata.len());
        self.large.as_ref().is_some_and(|(mapped, file)| mapped.is_cut() || length(file) != mapped.len() as u64)
    }

    /// Reads a file that says it has `size` bytes, and at most `limit + 1` of them.
    fn fill(&mut self, mut file: File, size: u64, limit: u64) -> io::Result<()> {
        if size >= LARGE
            && let Some(mapped) = Mapped::whole(&file).ok().filter(Mapped::is_guarded)
        {
            self.large = Some((mapped, file));
            return Ok(());
        }
        // One byte more than the size says tells whether the file grew.
        let room = size as usize + 1;
        self.small.resize(room.max(self.small.len()), 0);
        self.len = read_some(&mut file, &mut self.small[..room])?;
        // Most files end there, and need not be asked once more. Those of /proc say 0 and have content.
        if size == 0 || self.len as u64 != size {
            self.small.truncate(self.len);
            file.take(limit.saturating_add(1) - self.len as u64).read_to_end(&mut self.small)?;
            self.len = self.small.len();
        }
        Ok(())
    }
}

/// What one call gives.
fn read_some(file: &mut File, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Reads the whole of a regular file into `buffer`, whose old content is lost.
///
/// A file that grows or shrinks meanwhile is [`SkipReason::Changed`], but what was read stays in the buffer: the caller
/// scans it all the same. Afterwards [`Buffer::is_changed`] says whether it changed even later.
pub fn read(path: &Path, limit: u64, buffer: &mut Buffer) -> Result<(), SkipReason> {
    (buffer.len, buffer.large) = (0, None);
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| reason(&error))?;
    if let Some(what) = special(&metadata.file_type()) {
        return Err(SkipReason::NotAFile(what));
    }
    let size = metadata.len();
    if size > limit {
        return Err(SkipReason::TooLarge { size, limit });
    }
    buffer.fill(file, size, limit).map_err(|error| reason(&error))?;
    let read = buffer.len() as u64;
    if read > limit {
        return Err(SkipReason::TooLarge { size: read, limit });
    }
    if read != size && size > 0 { Err(SkipReason::Changed) } else { Ok(()) }
}

/// Reads a file by a reference relative to another one. `None` if it is not there, or not in that one's directory or
/// below: a reference comes from what is scanned, and neither it nor a link may lead out.
pub fn beside(path: &[u8], reference: &[u8], limit: u64) -> Option<Vec<u8>> {
    let directory = path.to_path().ok()?.parent()?;
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let directory = directory.canonicalize().ok()?;
    let file = directory.join(reference.to_path().ok()?).canonicalize().ok()?;
    let mut buffer = Buffer::default();
    read(file.strip_prefix(&directory).ok().map(|_| &*file)?, limit, &mut buffer).ok()?;
    Some(buffer.to_vec())
}

/// Opens without ever waiting: a FIFO that took a file's place would block for ever.
fn open(path: &Path) -> Result<File, SkipReason> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY);
    }
    options.open(path).map_err(|error| reason(&error))
}

/// Why the system would not let us.
pub(crate) fn reason(error: &io::Error) -> SkipReason {
    match error.kind() {
        io::ErrorKind::NotFound => SkipReason::Vanished,
        _ => SkipReason::Unreadable(words(error)),
    }
}

/// The system's words without the number, the same on every machine.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// What a thing is that is no regular file; `None` for a regular file.
pub(crate) fn special(kind: &std::fs::FileType) -> Option<&'static str> {
    if kind.is_file() {
        return None;
    }
    if kind.is_symlink() {
        return Some("symbolic link");
    }
    if kind.is_dir() {
        return Some("directory");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("FIFO");
        }
        if kind.is_socket() {
            return Some("socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("device");
        }
    }
    Some("special file")
}
