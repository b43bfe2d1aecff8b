//! Messages that could not be sent: one JSON line each, mode 0600, sent later under the same id.
//!
//! A line holds exactly what would have been sent (fingerprints, or sealed secrets) and never a secret in clear:
//! messages with such are not spooled.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cache::{failed, open_private, replace};
use super::key_source::check_private;
use super::settings::RevokeError;

/// A spool that has grown to this many bytes takes no more: a receiver that is down for weeks must not fill a disk.
const LIMIT: u64 = 256 * 1024 * 1024;

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Spooled {
    pub(crate) v: u8,
    pub(crate) endpoint: String,
    pub(crate) operation: String,
    pub(crate) id: String,
    /// Seconds since 1970 when it was given up.
    pub(crate) at: i64,
    /// Why.
    pub(crate) why: String,
    /// The exact body.
    pub(crate) body: String,
}

/// Puts messages at the end. Returns how many did not fit.
///
/// # Errors
/// The file cannot be written, or others may read it.
pub(crate) fn append(path: &Path, messages: &[Spooled]) -> Result<usize, RevokeError> {
    if messages.is_empty() {
        return Ok(0);
    }
    let mut file = open_private(path, true).map_err(|error| failed(path, &error))?;
    check_private(&file, path)?;
    let mut size = file.metadata().map_err(|error| failed(path, &error))?.len();
    let mut text = Vec::new();
    let mut left_out = 0;
    for message in messages {
        let line = serde_json::to_vec(message).expect("strings and numbers are always JSON");
        if size + line.len() as u64 + 1 > LIMIT {
            left_out += 1;
            continue;
        }
        size += line.len() as u64 + 1;
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    // One write, so that two processes do not mix their lines.
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(|error| failed(path, &error))?;
    Ok(left_out)
}

/// What a spool holds.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) messages: Vec<Spooled>,
    /// Lines that are no messages; they stay in the file.
    pub(crate) broken: Vec<Vec<u8>>,
    /// Bytes read.
    pub(crate) end: u64,
}

/// Reads a spool. No file is an empty one.
///
/// # Errors
/// The file cannot be read, or others may read it.
pub(crate) fn load(path: &Path) -> Result<Contents, RevokeError> {
    let mut contents = Contents::default();
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(contents),
        other => other.map_err(|error| failed(path, &error))?,
    };
    check_private(&file, path)?;
    for line in BufReader::new(file.take(LIMIT)).split(b'\n') {
        let line = line.map_err(|error| failed(path, &error))?;
        contents.end += line.len() as u64 + 1;
        match serde_json::from_slice::<Spooled>(&line) {
            Ok(message) if message.v == 1 => contents.messages.push(message),
            _ if line.is_empty() => {}
            _ => contents.broken.push(line),
        }
    }
    Ok(contents)
}

/// Leaves these messages, the broken lines, and what was appended since it was read.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn leave(path: &Path, contents: &Contents, messages: &[Spooled]) -> Result<(), RevokeError> {
    let mut text = Vec::new();
    for message in messages {
        serde_json::to_writer(&mut text, message).expect("strings and numbers are always JSON");
        text.push(b'\n');
    }
    for line in &contents.broken {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    let mut file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| failed(path, &error))?,
    };
    let added = file.seek(SeekFrom::Start(contents.end)).and_then(|_| file.take(LIMIT).read_to_end(&mut text));
    added.map_err(|error| failed(path, &error))?;
    replace(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> Spooled {
        Spooled {
            v: 1,
            endpoint: "https://a.example/".into(),
            operation: "secret.check".into(),
            id: id.into(),
            at: 0,
            why: "timeout".into(),
            body: "{}".into(),
        }
    }

    #[test]
    fn what_is_left_what_is_broken_and_what_came_meanwhile_all_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.spool.jsonl");
        assert!(load(&path).unwrap().messages.is_empty());
        append(&path, &[message("1"), message("2")]).unwrap();
        open_private(&path, true).unwrap().write_all(b"no message\n").unwrap();
        let contents = load(&path).unwrap();
        assert_eq!((contents.messages.len(), contents.broken.len()), (2, 1));
        append(&path, &[message("3")]).unwrap();
        leave(&path, &contents, &contents.messages[1..]).unwrap();
        let after = load(&path).unwrap();
        let ids: Vec<_> = after.messages.iter().map(|m| m.id.as_str()).collect();
        assert_eq!((ids, after.broken.len()), (vec!["2", "3"], 1));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o660)).unwrap();
            assert!(load(&path).is_err() && append(&path, &[message("4")]).is_err());
        }
    }
}
