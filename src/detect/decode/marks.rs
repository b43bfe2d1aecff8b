//! What tells that escapes, or joined literals, may be at hand. The build script reads this file too, to put them into the
//! same table as the rules' keywords.

/// Beginnings of escapes and signs between joined literals; three bytes or more, so that few other places look like them.
pub(crate) const MARKS: &[&str] = &[
    "\\u00", "\\x2", "\\x3", "\\x4", "\\x5", "\\x6", "\\x7", "%2F", "%3A", "%40", "&#x", "&#3", "&#4", "&#5", "&#6",
    "&#7", "&#8", "&#9", "&#1", "&quot", ":\\/", "\" + \"", "' + '", "\"+\"", "'+'", "\" . \"", "' . '", "=3D",
];

/// What every `data:` URL has that may hold a file.
pub(crate) const DATA: &str = ";base64,";
