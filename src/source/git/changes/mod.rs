//! What a change brings: ranges of commits, the index, pushes in quarantine.

pub(super) mod beside;
mod ewah;
mod index_file;
pub(super) mod new_lines;
mod quarantine;
pub mod range;
pub mod staged;
