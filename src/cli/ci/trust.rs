//! Whose configuration judges a pull request: that of its base. What the proposed commits say about it is only mentioned.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use stanch::{
    config::{Config, ConfigFile, FILE_NAME},
    filter::Baselines,
    model::FingerprintKey,
    source::git::Repo,
};

use crate::cli::{
    commands::import::for_scan,
    settings::{read_rules, today},
};

/// How the fingerprint key follows from a configuration.
type KeyOf<'k> = dyn Fn(&Config) -> Result<FingerprintKey> + 'k;

/// The files of one commit.
pub(crate) struct Commit<'r> {
    repo: &'r Repo,
    tree: git2::Tree<'r>,
    short: String,
}

/// What a commit says about how to scan.
pub(crate) struct Word {
    pub(crate) config: Config,
    /// Rule files by name.
    pub(crate) rules: Vec<(String, String)>,
    pub(crate) baselines: Baselines,
    pub(crate) key: FingerprintKey,
    /// The files that say it, as paths from the top.
    pub(crate) files: Vec<String>,
}

impl<'r> Commit<'r> {
    pub(crate) fn new(repo: &'r Repo, rev: &str) -> Result<Self> {
        let commit = repo.git().revparse_single(rev)?.peel_to_commit()?;
        let short = commit.id().to_string()[..10].to_owned();
        Ok(Self { repo, tree: commit.tree()?, short })
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        let entry = self.tree.get_path(Path::new(path)).ok()?;
        let object = entry.to_object(self.repo.git()).ok()?;
        Some(object.as_blob()?.content().to_vec())
    }

    /// Reads configuration, rules and baseline of the commit. `user` is the user's own file, which goes below; `rules` and
    /// `baselines` are what flags name.
    pub(crate) fn word(
        &self,
        user: Option<&Path>,
        rules: &[PathBuf],
        baselines: &[PathBuf],
        key: &KeyOf<'_>,
    ) -> Result<Word> {
        let today = today();
        let mut config = Config::of_user(user, &today)?;
        // The user's own rules are where they are; the project's, in the commit.
        let own = std::mem::take(&mut config.rules.files);
        let mut files = vec![FILE_NAME.to_owned()];
        if let Some(bytes) = self.file(FILE_NAME) {
            let name = format!("{}:{FILE_NAME}", self.short);
            let text = String::from_utf8(bytes).with_context(|| format!("{name} is no text"))?;
            config.apply(ConfigFile::parse(&name, &text, &today)?, Path::new(FILE_NAME));
        }
        let mut texts = own.iter().map(|path| read_rules(path)).collect::<Result<Vec<_>>>()?;
        let named = std::mem::take(&mut config.rules.files);
        for path in named.iter().chain(rules) {
            let name = from_top(path).with_context(|| format!("{} is not in the repository", path.display()))?;
            let bytes = self.file(&name).with_context(|| format!("{name} is not in the base commit {}", self.short))?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            texts.push(for_scan(&format!("{}:{name}", self.short), text, &mut config)?);
            files.push(name);
        }
        let configured = config.scan.baseline.iter().cloned();
        let lists: Vec<PathBuf> = if baselines.is_empty() { configured.collect() } else { baselines.to_vec() };
        let key = key(&config)?;
        let mut baselines = Baselines::default();
        for path in lists {
            let name = from_top(&path).with_context(|| format!("{} is not in the repository", path.display()))?;
            // A pull request that brings the first baseline is judged without it.
            if let Some(bytes) = self.file(&name) {
                baselines.add(&format!("{}:{name}", self.short), &bytes, &key, &today)?;
            }
            files.push(name);
        }
        Ok(Word { config, rules: texts, baselines, key, files })
    }

    /// The files among these that are not the same in another commit.
    pub(crate) fn differing(&self, other: &Self, files: &[String]) -> Vec<String> {
        let id = |commit: &Self, path: &str| commit.tree.get_path(Path::new(path)).ok().map(|entry| entry.id());
        files.iter().filter(|path| id(self, path) != id(other, path)).cloned().collect()
    }
}

/// A path from the top of the repository, with `/` between its parts.
fn from_top(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(parts.join("/"))
}
