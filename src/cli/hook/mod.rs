//! Git hooks: what they are called, how they get where git looks for them, and what they do when git runs them.

pub(crate) mod blocked;
pub(crate) mod doctor;
pub(crate) mod event;
pub(crate) mod install;
pub(crate) mod message_file;
pub(crate) mod pushed;
pub(crate) mod run;
pub(crate) mod script;
pub(crate) mod site;
