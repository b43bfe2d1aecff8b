//! What is kept of a scanned repository: everything is masked, nothing depends on when or where it was scanned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::json::{Finding, Rule, Skipped};

/// How far a repository was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Whole.
    Ok,
    /// Some of it could not be read.
    Partial,
    /// Nothing of it could be read.
    Failed,
}

impl Status {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// A repository that was asked for, and what became of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub unit: String,
    /// For people.
    pub name: String,
    /// URL or path.
    pub url: String,
    /// How far it was read.
    pub status: Status,
    /// Why no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Digest of all its refs and of the names of its objects.
    pub state: String,
    /// Names that point at an object.
    pub refs: u64,
    /// Entries of its packs, and loose objects.
    pub objects: u64,
    /// Bytes of its packs.
    pub bytes: u64,
}

/// A member that holds a place of a finding: its number, and whether the secret is still in its HEAD.
pub type Held = (u32, Option<bool>);

/// A finding, and which repositories hold each of its places.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Leak {
    /// The finding, masked. Paths are those inside the repositories.
    pub finding: Finding,
    /// For each occurrence, in order.
    pub held: Vec<Vec<Held>>,
    /// What a service may be asked about the secret by; absent where the secret could be guessed from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Hash>,
}

/// What is kept of a secret that nobody could guess from it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hash {
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// Bytes of the secret.
    pub len: usize,
}

/// The result for repositories that share history, or for one that shares it with none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NetworkResult {
    /// SHA-256 (16 digits) of the members' ids.
    pub network: String,
    /// Sorted by id.
    pub members: Vec<Member>,
    /// Commits, each counted once.
    pub commits: u64,
    /// The rules that the findings name, sorted by id.
    pub rules: Vec<Rule>,
    /// Sorted by fingerprint.
    pub leaks: Vec<Leak>,
    /// Suppressed findings by what suppressed them.
    pub suppressed: BTreeMap<String, u64>,
    /// What was not scanned.
    pub skipped: Vec<Missed>,
}

/// Something that was not scanned.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Missed {
    /// What, and why.
    #[serde(flatten)]
    pub what: Skipped,
    /// The members that have it, by number; all of them if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<u32>,
}

impl Missed {
    /// Whether it is a member's.
    #[must_use]
    pub fn is_of(&self, member: usize) -> bool {
        self.members.is_empty() || self.members.contains(&(member as u32))
    }
}

impl NetworkResult {
    /// The digest of the state of all members: equal, and nothing needs to be scanned again.
    #[must_use]
    pub fn state(&self) -> String {
        state_of(self.members.iter().map(|member| member.state.as_str()))
    }

    /// Whether every member was read whole.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.members.iter().all(|member| member.status == Status::Ok)
    }
}

/// The digest of the states of members in the order of their ids.
pub(crate) fn state_of<'a>(states: impl Iterator<Item = &'a str>) -> String {
    super::unit::digest16(states.collect::<Vec<_>>().join("\n").as_bytes())
}
