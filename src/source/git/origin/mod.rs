//! Where something came from: the commit that brought it in, the refs that hold it, the commit that removed it.

pub(super) mod ancestry;
pub mod commit_rows;
pub(super) mod commits;
pub mod introduce;
mod ref_names;
mod trace;

#[cfg(test)]
mod introduce_tests;
#[cfg(test)]
mod known_tests;
