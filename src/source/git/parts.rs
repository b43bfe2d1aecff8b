//! Parsers: the parts of commits, tags and trees, without copying; malformed objects give what can be told.

use bstr::{BStr, BString, ByteSlice};

use super::objects::object::ObjectKind;
use crate::model::{BlobId, ObjectPart, Timestamp};

/// Mode of a directory in a tree.
pub const MODE_TREE: u32 = 0o040_000;
/// Mode of a submodule's commit in a tree.
pub const MODE_GITLINK: u32 = 0o160_000;
/// Mode of a symbolic link in a tree.
pub const MODE_LINK: u32 = 0o120_000;
const MODE_KIND: u32 = 0o170_000;

/// Directory, file, link or submodule: a mode without its permissions.
#[must_use]
pub fn mode_kind(mode: u32) -> u32 {
    mode & MODE_KIND
}

/// The mode git would store: old trees hold permissions that are no longer told apart.
#[must_use]
pub fn canonical_mode(mode: u32) -> u32 {
    match mode_kind(mode) {
        0o100_000 if mode & 0o100 != 0 => 0o100_755,
        0o100_000 => 0o100_644,
        kind => kind,
    }
}

/// One entry of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TreeEntry<'a> {
    /// As stored.
    pub mode: u32,
    /// One part of a path.
    pub name: &'a BStr,
    /// Raw bytes of the id.
    pub id: &'a [u8],
}

impl TreeEntry<'_> {
    /// One past its last byte in the tree that it was read from.
    pub(super) fn end_in(&self, tree: &[u8]) -> usize {
        self.id.as_ptr() as usize + self.id.len() - tree.as_ptr() as usize
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_tree(&self) -> bool {
        mode_kind(self.mode) == MODE_TREE
    }

    /// Whether it is a file or a symbolic link. A kind that git never writes counts as a file: nothing is lost by it.
    #[must_use]
    pub fn is_blob(&self) -> bool {
        !matches!(mode_kind(self.mode), MODE_TREE | MODE_GITLINK)
    }

    /// The id.
    #[must_use]
    pub fn blob_id(&self) -> BlobId {
        BlobId::from_raw(self.id).expect("a tree entry holds 20 or 32 bytes of id")
    }
}

/// The entries of a tree, in the order in which they are stored. Stops where the bytes stop making sense.
#[derive(Clone, Debug)]
pub struct TreeEntries<'a> {
    rest: &'a [u8],
    hash_len: usize,
}

impl TreeEntries<'_> {
    /// After the last entry: whether bytes were left over that are no entry.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        !self.rest.is_empty()
    }
}

/// The entries of a tree; `hash_len` is 20 or 32.
#[must_use]
pub fn tree_entries(data: &[u8], hash_len: usize) -> TreeEntries<'_> {
    TreeEntries { rest: data, hash_len }
}

impl<'a> Iterator for TreeEntries<'a> {
    type Item = TreeEntry<'a>;

    fn next(&mut self) -> Option<TreeEntry<'a>> {
        let mut mode = 0u32;
        let mut at = 0;
        loop {
            match *self.rest.get(at)? {
                digit @ b'0'..=b'7' if at < 10 => mode = mode << 3 | u32::from(digit - b'0'),
                b' ' if at > 0 => break,
                _ => return None,
            }
            at += 1;
        }
        let rest = &self.rest[at + 1..];
        let end = memchr::memchr(0, rest)?;
        let id = rest.get(end + 1..end + 1 + self.hash_len)?;
        self.rest = &rest[end + 1 + self.hash_len..];
        Some(TreeEntry { mode, name: rest[..end].as_bstr(), id })
    }
}

/// One header of a commit or tag, with its continuation lines.
struct Header<'a> {
    key: &'a [u8],
    value: &'a [u8],
    line: &'a [u8],
}

/// The headers, up to the empty line.
struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.rest[0] == b'\n' {
            return None;
        }
        let mut end = 0;
        loop {
            end += memchr::memchr(b'\n', &self.rest[end..]).unwrap_or(self.rest.len() - end);
            if self.rest.get(end + 1) != Some(&b' ') {
                break;
            }
            end += 1;
        }
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        let space = line.find_byte(b' ').unwrap_or(line.len());
        Some(Header { key: &line[..space], value: line.get(space + 1..).unwrap_or_default(), line })
    }
}

/// What follows the empty line after the headers; empty if nothing does.
fn message(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b"\n").unwrap_or(rest)
}

/// The text of a commit (author, committer, every other header that can hold text, the message) or of an annotated tag,
/// as slices of `data`; what git itself must have written there (ids, kinds, dates) is left out. Others have none.
pub fn parts_of(kind: ObjectKind, data: &[u8]) -> impl Iterator<Item = (ObjectPart, &[u8])> {
    match kind {
        ObjectKind::Commit => object_parts(data, ObjectPart::CommitMessage, commit_part),
        ObjectKind::Tag => object_parts(data, ObjectPart::TagMessage, tag_part),
        ObjectKind::Tree | ObjectKind::Blob => object_parts(b"", ObjectPart::TagMessage, tag_part),
    }
}

/// What a header of a commit is, unless git wrote it.
fn commit_part(key: &[u8], value: &[u8]) -> Option<ObjectPart> {
    match key {
        b"author" => Some(ObjectPart::CommitAuthor),
        b"committer" => Some(ObjectPart::CommitCommitter),
        b"tree" | b"parent" if BlobId::from_hex(value).is_some() => None,
        _ => Some(ObjectPart::CommitHeader),
    }
}

/// The same for a tag.
fn tag_part(key: &[u8], value: &[u8]) -> Option<ObjectPart> {
    match key {
        b"object" if BlobId::from_hex(value).is_some() => None,
        b"type" if matches!(value, b"commit" | b"tree" | b"blob" | b"tag") => None,
        _ => Some(ObjectPart::TagHeader),
    }
}

/// The object that an annotated tag names; `None` if its header does not say.
#[must_use]
pub fn tag_target(data: &[u8]) -> Option<BlobId> {
    let header = Headers { rest: data }.find(|header| header.key == b"object")?;
    BlobId::from_hex(header.value)
}

/// A person line without its date, so that it is the same text on all that the person wrote. What is no date stays.
fn without_date(line: &[u8]) -> &[u8] {
    let end = line.rfind_byte(b'>').map_or(line.len(), |at| at + 1);
    let (person, date) = line.split_at(end);
    if is_date(date) { person } else { line }
}

/// What stands before the first such byte, and behind it.
fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    text.find_byte(byte).map(|at| (&text[..at], &text[at + 1..]))
}

/// Whether this is a date as git writes it behind a person: ` 1700000000 -0330`.
fn is_date(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.len() <= 12 && text.iter().all(u8::is_ascii_digit);
    let parts = text.strip_prefix(b" ").and_then(|text| split_once(text, b' '));
    parts.is_some_and(|(seconds, zone)| {
        let is_zone = matches!(zone, [b'+' | b'-', hours @ ..] if hours.len() == 4 && digits(hours));
        is_zone && !seconds.is_empty() && digits(seconds)
    })
}

fn object_parts(
    data: &[u8],
    last: ObjectPart,
    part: fn(&[u8], &[u8]) -> Option<ObjectPart>,
) -> impl Iterator<Item = (ObjectPart, &[u8])> {
    let mut headers = Some(Headers { rest: data });
    std::iter::from_fn(move || {
        while let Some(header) = headers.as_mut()?.next() {
            match part(header.key, header.value) {
                // With its key: the pair is what a rule may know it by.
                Some(part @ (ObjectPart::CommitHeader | ObjectPart::TagHeader)) => return Some((part, header.line)),
                Some(part) => return Some((part, without_date(header.value))),
                None => {}
            }
        }
        let text = message(headers.take()?.rest);
        (!text.is_empty()).then_some((last, text))
    })
}

/// What a commit says, as slices of its bytes.
#[derive(Clone, Debug)]
pub struct CommitFields<'a> {
    /// Its tree, where the header is there and makes sense.
    pub tree: Option<BlobId>,
    /// Its parents, as stored (not as a shallow clone or a graft would have them).
    pub parents: Vec<BlobId>,
    /// Who wrote it.
    pub author: Person<'a>,
    /// Who committed it; its date orders commits.
    pub committer: Person<'a>,
    /// The message.
    pub message: &'a [u8],
}

/// What a commit says that makes it a part of a graph.
pub(super) struct CommitLinks {
    pub(super) tree: Option<BlobId>,
    pub(super) parents: Vec<BlobId>,
    /// Committer's date.
    pub(super) seconds: i64,
}

/// As [`CommitFields::parse`], without the rest; what stands behind the committer links nothing.
pub(super) fn commit_links(data: &[u8]) -> CommitLinks {
    let mut links = CommitLinks { tree: None, parents: Vec::new(), seconds: 0 };
    for Header { key, value, .. } in (Headers { rest: data }) {
        match key {
            b"tree" if links.tree.is_none() => links.tree = BlobId::from_hex(value),
            b"parent" => links.parents.extend(BlobId::from_hex(value)),
            b"committer" => {
                links.seconds = Person::parse(value).seconds;
                break;
            }
            _ => {}
        }
    }
    links
}

/// A person line of a commit or tag.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person<'a> {
    /// Name, as stored.
    pub name: &'a [u8],
    /// Mail address, as stored.
    pub email: &'a [u8],
    /// When; 1970 if the line does not say.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub offset_minutes: i32,
}

impl<'a> Person<'a> {
    /// Reads `Name <mail> seconds ±hhmm`.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Self {
        let (name, rest) = split_once(line, b'<').unwrap_or((line, b""));
        let (email, date) = rest.rfind_byte(b'>').map_or((rest, &b""[..]), |at| (&rest[..at], &rest[at + 1..]));
        let mut words = date.fields();
        let number = |word: Option<&[u8]>| word.and_then(|w| w.to_str().ok()?.parse::<i64>().ok());
        let seconds = number(words.next()).unwrap_or(0);
        let zone = number(words.next()).filter(|zone| zone.abs() < 10_000).unwrap_or(0);
        let offset_minutes = (zone / 100 * 60 + zone % 100) as i32;
        Self { name: name.trim(), email: email.trim(), seconds, offset_minutes }
    }

    /// The date.
    #[must_use]
    pub fn date(&self) -> Timestamp {
        Timestamp { seconds: self.seconds, offset_minutes: self.offset_minutes }
    }
}

impl<'a> CommitFields<'a> {
    /// Reads a commit. Tolerant: what is not there is empty.
    #[must_use]
    pub fn parse(data: &'a [u8]) -> Self {
        let mut fields = Self {
            tree: None,
            parents: Vec::new(),
            author: Person::default(),
            committer: Person::default(),
            message: b"",
        };
        let mut headers = Headers { rest: data };
        for Header { key, value, .. } in headers.by_ref() {
            match key {
                b"tree" if fields.tree.is_none() => fields.tree = BlobId::from_hex(value),
                b"parent" => fields.parents.extend(BlobId::from_hex(value)),
                b"author" => fields.author = Person::parse(value),
                b"committer" => fields.committer = Person::parse(value),
                _ => {}
            }
        }
        fields.message = message(headers.rest);
        fields
    }

    /// First line of the message that is not blank.
    #[must_use]
    pub fn summary(&self) -> BString {
        self.message.lines().map(|line| line.trim()).find(|line| !line.is_empty()).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &[u8] =
        b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent ce013625030ba8dba906f756967f9e9ca394464a\n\
author A U Thor <a@example.com> 1700000000 -0330\ncommitter C <c@example.com> 1700000001 +0200\n\
gpgsig -----BEGIN\n line two\n -----END\nodd\n\nSubject\n\nBody\n";

    fn parts(found: impl Iterator<Item = (ObjectPart, &'static [u8])>) -> Vec<(ObjectPart, String)> {
        found.map(|(part, text)| (part, String::from_utf8_lossy(text).into_owned())).collect()
    }

    #[test]
    fn a_commit_gives_all_its_text() {
        let want = [
            (ObjectPart::CommitAuthor, "A U Thor <a@example.com>"),
            (ObjectPart::CommitCommitter, "C <c@example.com>"),
            (ObjectPart::CommitHeader, "gpgsig -----BEGIN\n line two\n -----END"),
            (ObjectPart::CommitHeader, "odd"),
            (ObjectPart::CommitMessage, "Subject\n\nBody\n"),
        ];
        assert_eq!(parts(parts_of(ObjectKind::Commit, COMMIT)), want.map(|(part, text)| (part, text.to_owned())));
        let fields = CommitFields::parse(COMMIT);
        assert_eq!(fields.summary(), "Subject");
        assert_eq!(fields.author.date(), Timestamp { seconds: 1_700_000_000, offset_minutes: -210 });
        assert_eq!((fields.author.name, fields.author.email), (&b"A U Thor"[..], &b"a@example.com"[..]));
        assert_eq!(fields.parents.len(), 1);
        let links = commit_links(COMMIT);
        assert_eq!((links.tree, links.parents, links.seconds), (fields.tree, fields.parents, 1_700_000_001));
    }

    #[test]
    fn text_hidden_in_a_malformed_header_is_not_lost() {
        let found = parts(parts_of(ObjectKind::Commit, b"tree nonsense\nparent x\nno end of line"));
        let all: String = found.into_iter().map(|(_, text)| text).collect();
        assert!(all.contains("nonsense") && all.contains("parent x") && all.contains("no end of line"), "{all}");
        assert_eq!(parts(parts_of(ObjectKind::Commit, b"")), []);
        assert_eq!(parts(parts_of(ObjectKind::Commit, b"\nonly")), [(ObjectPart::CommitMessage, "only".to_owned())]);
    }

    #[test]
    fn only_a_date_is_left_out_of_a_person() {
        for odd in
            ["", " ", " 17", " 17 0330", " 17 -033", " 17 -0330 x", " 1x -0330", "17 -0330", " 1234567890123 +0000"]
        {
            let line = format!("author A <a@e>{odd}");
            let (_, text) = parts_of(ObjectKind::Commit, line.as_bytes()).next().unwrap();
            assert_eq!(text, &line.as_bytes()["author ".len()..]);
        }
        let (_, text) = parts_of(ObjectKind::Commit, b"author no mail 17 -0330").next().unwrap();
        assert_eq!(text, b"no mail 17 -0330");
    }

    #[test]
    fn a_tag_gives_its_headers_and_message() {
        let tag =
            b"object ce013625030ba8dba906f756967f9e9ca394464a\ntype commit\ntag v1\ntagger T <t@e> 1 +0000\n\nhi\n";
        let want = [
            (ObjectPart::TagHeader, "tag v1"),
            (ObjectPart::TagHeader, "tagger T <t@e> 1 +0000"),
            (ObjectPart::TagMessage, "hi\n"),
        ];
        assert_eq!(parts(parts_of(ObjectKind::Tag, tag)), want.map(|(part, text)| (part, text.to_owned())));
    }

    #[test]
    fn a_tree_stops_where_it_stops_making_sense() {
        let mut tree = b"100644 a b\0".to_vec();
        tree.extend([7; 20]);
        tree.extend(b"40000 d\0");
        tree.extend([8; 20]);
        let mut entries = tree_entries(&tree, 20);
        let names: Vec<_> = entries.by_ref().map(|e| (e.mode, e.name.to_owned(), e.is_tree())).collect();
        assert_eq!(names, [(0o100_644, "a b".into(), false), (0o40_000, "d".into(), true)]);
        assert!(!entries.is_malformed());
        for cut in 1..tree.len() {
            let mut entries = tree_entries(&tree[..cut], 20);
            let count = entries.by_ref().count();
            assert_eq!((count, entries.is_malformed()), (usize::from(cut >= 31), cut != 31), "cut at {cut}");
        }
        assert_eq!(tree_entries(b"999 x\0", 20).count(), 0);
        assert_eq!(tree_entries(b"77777777777777 x\0", 20).count(), 0);
    }
}
