//! The forges: which repositories an organisation has. A list that may be incomplete is an error, never a shorter list.

mod http;
mod listing;
#[cfg(test)]
mod tests;

pub use http::{Answer, RealWeb, Web};

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::{AuditError, Credential, Unit, unit::CloneUrl};

/// Whose API is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForgeKind {
    /// github.com and GitHub Enterprise.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
}

/// An organisation, group or workspace of a forge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forge {
    /// Whose API.
    pub kind: ForgeKind,
    /// The organisation.
    pub owner: String,
    /// Scheme, host and path without a slash at the end; where the web pages are.
    base: String,
}

/// Which of the repositories are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Leave archived ones out.
    pub no_archived: bool,
    /// Leave forks out.
    pub no_forks: bool,
    /// Only public (`Some(true)`) or only other ones.
    pub public: Option<bool>,
    include: GlobSet,
    exclude: GlobSet,
    includes_all: bool,
}

impl Filter {
    /// Takes names that match any of `include` (all, if there is none) and none of `exclude`.
    ///
    /// # Errors
    /// If a glob is none.
    pub fn names(include: &[String], exclude: &[String]) -> Result<Self, AuditError> {
        let set = |globs: &[String]| -> Result<GlobSet, AuditError> {
            let mut set = GlobSetBuilder::new();
            for glob in globs {
                set.add(Glob::new(glob).map_err(|error| AuditError::Usage(error.to_string()))?);
            }
            set.build().map_err(|error| AuditError::Usage(error.to_string()))
        };
        Ok(Self { include: set(include)?, exclude: set(exclude)?, includes_all: include.is_empty(), ..Self::default() })
    }

    fn takes(&self, listed: &Listed) -> bool {
        let left_out = self.no_archived && listed.archived || self.no_forks && listed.fork;
        self.takes_name(&listed.name) && !left_out && self.public.is_none_or(|public| public == listed.public)
    }

    /// Whether a repository of this name is wanted.
    #[must_use]
    pub fn takes_name(&self, name: &str) -> bool {
        (self.includes_all || self.include.is_match(name)) && !self.exclude.is_match(name)
    }
}

/// A repository as a forge lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Listed {
    name: String,
    url: String,
    kb: u64,
    archived: bool,
    fork: bool,
    public: bool,
}

impl Forge {
    /// `github:ORG`, `gitlab:GROUP/SUBGROUP`, `gitea:ORG`, `forgejo:ORG`, `bitbucket:WORKSPACE`; `None` for other texts.
    ///
    /// # Errors
    /// If the name or the address cannot be used.
    pub fn parse(text: &str, base: Option<&str>) -> Result<Option<Self>, AuditError> {
        let Some((kind, owner)) = text.split_once(':') else { return Ok(None) };
        let (kind, usual) = match kind {
            "github" => (ForgeKind::GitHub, Some("https://github.com")),
            "gitlab" => (ForgeKind::GitLab, Some("https://gitlab.com")),
            "gitea" | "forgejo" => (ForgeKind::Gitea, None),
            "bitbucket" => (ForgeKind::Bitbucket, Some("https://bitbucket.org")),
            _ => return Ok(None),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        let is_path = owner.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !owner.chars().all(is_name) || !is_path || owner.contains('/') && kind != ForgeKind::GitLab {
            return Err(AuditError::Usage(format!("{owner:?} is no name of an organisation")));
        }
        let base = base.or(usual).ok_or_else(|| AuditError::Usage(format!("{text} needs --base-url")))?;
        let base = base.trim_end_matches('/').to_owned();
        // A base may have no path; for the check it needs one.
        if CloneUrl::parse(&format!("{base}/x")).is_none_or(|url| url.scheme == "ssh") || base.contains('@') {
            return Err(AuditError::Usage(
                "the base URL is not https (or http to this machine), or holds a user name".into(),
            ));
        }
        Ok(Some(Self { kind, owner: owner.to_owned(), base }))
    }

    /// Names of the environment's variables that may hold a token.
    #[must_use]
    pub fn token_names(&self) -> &'static [&'static str] {
        match self.kind {
            ForgeKind::GitHub => &["GITHUB_TOKEN", "GH_TOKEN"],
            ForgeKind::GitLab => &["GITLAB_TOKEN"],
            ForgeKind::Gitea => &["GITEA_TOKEN", "FORGEJO_TOKEN"],
            ForgeKind::Bitbucket => &["BITBUCKET_TOKEN"],
        }
    }

    /// The token as git is to send it.
    #[must_use]
    pub fn credential(&self, token: &str) -> Credential {
        let user = match self.kind {
            ForgeKind::GitHub => "x-access-token",
            ForgeKind::GitLab | ForgeKind::Gitea => "oauth2",
            ForgeKind::Bitbucket => "x-token-auth",
        };
        Credential { origin: origin(&self.base), user: user.into(), token: token.into() }
    }

    /// Lists the repositories, sorted by id.
    ///
    /// # Errors
    /// If the list is not known to be complete.
    pub fn list(&self, token: Option<&str>, filter: &Filter, web: &dyn Web) -> Result<Vec<Unit>, AuditError> {
        let failed = |why: String| AuditError::Listing { origin: format!("{}/{}", self.base, self.owner), why };
        let listed = listing::all(self, token, web).map_err(failed)?;
        let mut units = Vec::new();
        for one in listed.iter().filter(|one| filter.takes(one)) {
            let unit = Unit::remote(&one.url, one.kb);
            units.push(unit.ok_or_else(|| failed(format!("{} has an address that may not be cloned", one.name)))?);
        }
        Ok(super::inputs::distinct(units.into_iter()))
    }

    /// Where the API is.
    fn api(&self) -> String {
        match (self.kind, self.base.as_str()) {
            (ForgeKind::GitHub, "https://github.com") => "https://api.github.com".into(),
            (ForgeKind::GitHub, base) => format!("{base}/api/v3"),
            (ForgeKind::GitLab, base) => format!("{base}/api/v4"),
            (ForgeKind::Gitea, base) => format!("{base}/api/v1"),
            (ForgeKind::Bitbucket, "https://bitbucket.org") => "https://api.bitbucket.org/2.0".into(),
            (ForgeKind::Bitbucket, base) => format!("{base}/2.0"),
        }
    }
}

/// Scheme and host.
fn origin(url: &str) -> String {
    CloneUrl::parse(&format!("{url}/x")).map(|url| url.origin()).unwrap_or_default()
}
