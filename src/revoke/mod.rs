//! Ask a webhook or a provider whether a secret is still live.
//!
//! | what | where |
//! |---|---|
//! | the protocol, its JSON Schema | [`protocol`] |
//! | asking, a dry run, what a run could not ask | [`check`], [`dry_run`], [`flush`] |
//! | services with their own protocol | [`adapters`] |
//! | asking the provider itself | [`provider`] |
//! | checking somebody's receiver | [`conformance`] |
//!
//! Only a definite answer changes a verdict; every failure is *unknown*, with its reason, and counted. Only the program
//! calls this module, and only when the user asked: nothing in a scanned tree can make it send anything anywhere.

pub mod adapters;
mod answers;
mod cache;
mod client;
mod conformance;
mod deliver;
mod flush;
mod guard;
mod key_source;
mod lane;
mod limit;
mod plan;
pub mod protocol;
pub mod provider;
mod seal;
mod settings;
mod sign;
mod spool;
mod webhook;
mod world;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors;

pub use adapters::Shape;
pub use answers::{Answers, Observer, Silent, VerificationReport};
pub use conformance::{Row, conformance};
pub use flush::{Flushed, flush};
pub use guard::{AddressClass, Guard, Refused};
pub use key_source::{KeySource, KeySourceError};
pub use plan::{NotSent, Question, Subject, guess_proof};
pub use seal::{Opener, Recipient, SealError};
pub use settings::{Budget, CacheFile, Disclosure, Hidden, Mode, Operation, Rate, RevokeError, Settings, Transport};
pub use sign::{CheckingKey, KeyError, SignatureError, Signed, SigningKey, TOLERANCE, sign, verify};
pub use webhook::{apply, check, dry_run};
pub use world::{RealWorld, World};
