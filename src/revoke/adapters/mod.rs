//! Services that exist and speak their own protocol.

mod conformance;
pub mod github_credentials;
pub mod github_partner;
pub mod gitlab;
pub mod trufflehog;

use super::deliver::Dialect;
use super::lane::{GiveUp, Lane};
use super::plan::{Item, NotSent, Plan};
use super::protocol;
use super::settings::{Disclosure, Operation, RevokeError, Settings, Transport};
use super::webhook::Native;

pub(crate) use conformance::conformance;
pub use github_credentials::GithubCredentials;
pub use github_partner::GithubPartner;
pub use gitlab::GitlabRevocation;
pub use trufflehog::TrufflehogCustom;

/// Whose protocol is spoken. All but our own take only secrets in clear.
#[derive(Clone, Debug)]
pub enum Shape {
    /// `stanch-webhook/1`.
    Stanch,
    /// What GitHub sends to the partners of its secret scanning: we speak as GitHub, to a partner's endpoint.
    GithubPartner(GithubPartner),
    /// The service that GitLab calls to revoke.
    GitlabRevocation(GitlabRevocation),
    /// GitHub's `POST /credentials/revoke`.
    GithubCredentials(GithubCredentials),
    /// A custom verifier of TruffleHog.
    TrufflehogCustom(TrufflehogCustom),
}

impl Shape {
    pub(crate) fn needs_plaintext(&self) -> bool {
        !matches!(self, Self::Stanch)
    }

    pub(crate) fn validate(&self, settings: &Settings) -> Result<(), RevokeError> {
        if self.needs_plaintext() && !matches!(settings.disclosure, Disclosure::Plaintext(_)) {
            return Err(RevokeError::Settings("this service takes only secrets in clear: list the rules it may see"));
        }
        match (self, settings.operation) {
            (Self::GitlabRevocation(_) | Self::GithubCredentials(_), Operation::Check) => {
                Err(RevokeError::Settings("this service cannot be asked, only told to revoke"))
            }
            (Self::GithubPartner(_) | Self::TrufflehogCustom(_), Operation::Revoke) => {
                Err(RevokeError::Settings("this service can only be asked"))
            }
            _ => Ok(()),
        }
    }

    /// The client's settings, with the limits the service is known to have.
    pub(crate) fn transport(&self, settings: &Settings) -> Transport {
        let mut transport = settings.transport.clone();
        if matches!(self, Self::GithubCredentials(_)) {
            transport.rate = github_credentials::rate(transport.rate);
        }
        transport
    }

    /// Takes out of the plan what the service does not take.
    pub(crate) fn narrow(&self, plan: &mut Plan, settings: &Settings, lane: &Lane) -> Result<(), GiveUp> {
        match self {
            Self::GithubCredentials(_) => {
                let reason = "GitHub revokes no keys of this kind by this call";
                drop_items(plan, reason, |item| !github_credentials::takes(item.secret.expose()));
                Ok(())
            }
            Self::GitlabRevocation(gitlab) => {
                let Some(types) = gitlab.revocable(settings, lane)? else { return Ok(()) };
                let reason = "the service does not revoke keys of this kind";
                drop_items(plan, reason, |item| !types.contains(&gitlab.kind(&item.rule)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn batches(&self, items: &[Item], settings: &Settings) -> Vec<Vec<usize>> {
        let most = match self {
            Self::Stanch => return protocol::batches(items, settings.batch.min(100)),
            Self::GithubPartner(_) | Self::GitlabRevocation(_) => settings.batch,
            Self::GithubCredentials(_) => github_credentials::MOST,
            Self::TrufflehogCustom(_) => 1,
        };
        let all: Vec<usize> = (0..items.len()).collect();
        all.chunks(most.max(1)).map(<[usize]>::to_vec).collect()
    }

    pub(crate) fn dialect<'a>(
        &'a self,
        settings: &'a Settings,
        scan: &'a str,
        items: &'a [Item],
    ) -> Box<dyn Dialect + 'a> {
        match self {
            Self::Stanch => Box::new(Native::new(settings, scan, items)),
            Self::GithubPartner(partner) => Box::new(partner.dialect(settings, items)),
            Self::GitlabRevocation(gitlab) => Box::new(gitlab.dialect(settings, items)),
            Self::GithubCredentials(github) => Box::new(github.dialect(settings, items)),
            Self::TrufflehogCustom(custom) => Box::new(custom.dialect(settings, items)),
        }
    }
}

fn drop_items(plan: &mut Plan, reason: &'static str, unfit: impl Fn(&Item) -> bool) {
    let (out, keep): (Vec<Item>, Vec<Item>) = std::mem::take(&mut plan.items).into_iter().partition(unfit);
    plan.items = keep;
    for item in out {
        for fingerprint in item.asks {
            plan.not_sent.push(NotSent { fingerprint, rule: item.rule.clone(), reason });
        }
    }
    plan.not_sent.sort();
}

/// The secret as text; services that exist know no other.
fn text(item: &Item) -> String {
    String::from_utf8_lossy(item.secret.expose()).into_owned()
}

#[cfg(test)]
mod tests;
