//! How far a secret has spread: repositories, environments and services.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Words of paths and names that tell an environment.
const ENVIRONMENTS: [(&str, &[&str]); 3] = [
    ("dev", &["dev", "develop", "development", "local", "sandbox", "test", "tests", "testing", "qa", "ci"]),
    ("staging", &["stage", "staging", "stg", "uat", "preprod", "preproduction", "preview", "int", "integration"]),
    ("prod", &["prod", "production", "prd", "live"]),
];

/// Directories whose children are services.
const SERVICES: [&str; 7] = ["services", "service", "apps", "packages", "modules", "lambdas", "functions"];

/// When and where a secret was first committed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct First {
    /// RFC 3339.
    pub date: String,
    /// The repository.
    pub repository: String,
    /// The commit.
    pub commit: String,
}

/// How far a secret has spread.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    /// Names of all repositories that hold it, sorted.
    pub repositories: Vec<String>,
    /// Those whose HEAD still has it.
    pub at_head: Vec<String>,
    /// `dev`, `staging`, `prod`, as paths and names tell.
    pub environments: Vec<String>,
    /// Services of repositories that have several, else repositories.
    pub services: Vec<String>,
    /// The earliest commit that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_leak: Option<First>,
    /// The author's date of the newest commit that brought it to another place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
}

/// The environments that a path tells of.
pub(crate) fn environments(path: &str) -> BTreeSet<&'static str> {
    let lower = path.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let of = |word: &str| ENVIRONMENTS.iter().find(|(_, words)| words.contains(&word)).map(|(name, _)| *name);
    words.filter_map(of).collect()
}

/// The service that a path in a repository belongs to.
pub(crate) fn service(repository: &str, path: &str) -> String {
    let mut parts = path.split('/');
    while let Some(part) = parts.next() {
        if SERVICES.contains(&part) {
            // The last part is a file, not a service.
            return match (parts.next(), parts.next()) {
                (Some(service), Some(_)) => format!("{repository}/{service}"),
                _ => repository.to_owned(),
            };
        }
    }
    repository.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{environments, service};

    #[test]
    fn words_tell_the_environment() {
        let check = |path: &str, expect: &[&str]| {
            assert_eq!(environments(path).into_iter().collect::<Vec<_>>(), expect, "{path}");
        };
        check("deploy/production/db.yml", &["prod"]);
        check(".env.staging", &["staging"]);
        check("config/dev-and_PROD.json", &["dev", "prod"]);
        check("src/product/delivery.rs", &[]);
    }

    #[test]
    fn services_of_one_repository() {
        assert_eq!(service("shop", "services/pay/src/main.go"), "shop/pay");
        assert_eq!(service("shop", "services/README"), "shop");
        assert_eq!(service("shop", "src/main.go"), "shop");
    }
}
