//! `Unit`: one repository of an audit, and where it is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where a repository's objects are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A clone or mirror on this machine, read in place.
    Path(PathBuf),
    /// To be cloned first. Never holds credentials.
    Url(String),
}

/// One repository.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Unit {
    /// The first 16 hexadecimal digits of SHA-256 of the canonical URL or path.
    pub unit: String,
    /// For people; unique within an audit.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
    /// Repositories with the same word here share history and are scanned as one.
    pub network: String,
    /// Expected size in KiB, for sharing out the work.
    pub est_kb: u64,
}

impl Unit {
    /// A repository on this machine.
    #[must_use]
    pub fn local(path: &Path, name: &str) -> Self {
        let unit = digest16(path.as_os_str().as_encoded_bytes());
        Self { network: unit.clone(), unit, name: name.to_owned(), origin: Origin::Path(path.to_owned()), est_kb: 0 }
    }

    /// A repository to be cloned; `None` if the text is no URL that may be cloned.
    #[must_use]
    pub fn remote(url: &str, est_kb: u64) -> Option<Self> {
        let url = CloneUrl::parse(url)?;
        let unit = digest16(url.canonical().as_bytes());
        Some(Self { network: unit.clone(), unit, name: url.canonical(), origin: Origin::Url(url.shown()), est_kb })
    }
}

/// The first 16 hexadecimal digits of SHA-256.
pub(crate) fn digest16(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..8])
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A URL that git may clone from, without user and password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CloneUrl {
    pub(crate) scheme: &'static str,
    /// The user of `ssh`, nearly always `git`.
    user: Option<String>,
    /// Host in lower case, and port where it is not the usual one.
    pub(crate) authority: String,
    path: String,
}

impl CloneUrl {
    /// `https://…`, `ssh://…`, `user@host:path`, and `http://` to this machine only.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
            return None;
        }
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            Some(("ssh", rest)) => ("ssh", rest),
            Some(_) => return None,
            None => return Self::scp_like(text),
        };
        let (authority, path) = rest.split_once('/')?;
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user.split(':').next().unwrap_or_default().to_owned()), host),
            None => (None, authority),
        };
        let user = user.filter(|user| scheme == "ssh" && !user.is_empty());
        Self::new(scheme, user, host, path)
    }

    fn scp_like(text: &str) -> Option<Self> {
        let (authority, path) = text.split_once(':')?;
        let (user, host) = authority.split_once('@')?;
        Self::new("ssh", Some(user.to_owned()), host, path.trim_start_matches('/'))
    }

    fn new(scheme: &'static str, user: Option<String>, host: &str, path: &str) -> Option<Self> {
        let authority = host.to_ascii_lowercase();
        let authority = match scheme {
            "https" => authority.strip_suffix(":443").unwrap_or(&authority).to_owned(),
            _ => authority,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
        // A leading dash would be read as an option by git or ssh.
        let is_safe = !authority.starts_with('-')
            && !path.starts_with('-')
            && user.as_deref().is_none_or(|user| {
                user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
                    && !user.starts_with('-')
            });
        if authority.is_empty() || path.is_empty() || !authority.chars().all(is_host) || !is_safe {
            return None;
        }
        if scheme == "http" && !is_loopback(&authority) {
            return None;
        }
        Some(Self { scheme, user, authority, path: path.to_owned() })
    }

    /// Equal for all ways to write the address of one repository.
    pub(crate) fn canonical(&self) -> String {
        format!("{}/{}", self.authority, self.path)
    }

    /// To be shown and to be cloned from.
    pub(crate) fn shown(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("{}://{user}{}/{}.git", self.scheme, self.authority, self.path)
    }

    /// Scheme and host: what a token is meant for.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

/// Whether a host, with or without port, is this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{CloneUrl, Unit};

    #[test]
    fn one_repository_has_one_id_however_it_is_written() {
        let ids: Vec<String> = [
            "https://github.com/o/r",
            "https://GitHub.com/o/r.git",
            "https://github.com:443/o/r/",
            "git@github.com:o/r.git",
            "ssh://git@github.com/o/r",
            "https://user:word@github.com/o/r",
        ]
        .iter()
        .map(|url| Unit::remote(url, 0).unwrap().unit)
        .collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(ids[0].len(), 16);
    }

    #[test]
    fn credentials_do_not_stay_and_dangerous_forms_are_refused() {
        let url = CloneUrl::parse("https://me:hush@git.example/o/r").unwrap();
        assert_eq!(url.shown(), "https://git.example/o/r.git");
        for bad in [
            "ext::sh -c x",
            "file:///etc",
            "/etc/passwd",
            "https://",
            "https://host",
            "git@-oProxyCommand=x:y",
            "-u@host:path",
            "http://example.com/o/r",
            "https://host/a\nb",
            "host:path",
            "ssh://-x/y",
        ] {
            assert_eq!(CloneUrl::parse(bad), None, "{bad}");
        }
        assert!(CloneUrl::parse("http://127.0.0.1:8080/o/r").is_some());
    }
}
