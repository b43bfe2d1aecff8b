//! Many repositories, one report.
//!
//! A [`Plan`] says which [`Unit`]s there are and which of them share history (a *network*: forks, mirrors, copies). A
//! network is scanned as one repository, so that each object is read once, and then each member is asked what it holds
//! of what was found ([`NetworkResult`]). Results are kept in a [`Store`], so that an audit can be stopped and resumed
//! and a repository that has not changed is not read again; where one has changed, files that are known to hold nothing
//! are not read again ([`Memory`]). Shards write results to files ([`shard`]). One
//! [`AuditReport`] is made of the set of all results: the same for one process and for a thousand, in whatever order.

mod clone;
mod damage;
mod error;
mod fetch;
mod forge;
mod head;
mod inputs;
mod joined;
mod memory;
mod merge;
mod network;
mod plan;
mod result;
mod run;
pub mod shard;
mod spread;
mod stamp;
mod store;
mod survey;
mod temp_dir;
mod trend;
mod unit;
pub mod verdicts;

pub use clone::{Clone, Cloner, Credential};
pub use error::AuditError;
pub use forge::{Answer, Filter, Forge, ForgeKind, RealWeb, Web};
pub use inputs::{directory, list};
pub use memory::Memory;
pub use merge::{AuditReport, Repository, report};
pub use network::{Auditor, failed};
pub use plan::{Plan, parse_shard, shard_from_env};
pub use result::{Hash, Held, Leak, Member, Missed, NetworkResult, Status};
pub use run::{Event, Progress, Ran, run};
pub use spread::{First, Spread};
pub use store::Store;
pub use temp_dir::sweep;
pub use trend::Trend;
pub use unit::{Origin, Unit};
