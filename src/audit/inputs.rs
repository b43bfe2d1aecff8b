//! Directories of clones and lists of URLs become units.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{AuditError, unit::Unit};

/// How deep below a directory repositories are looked for: host, group, subgroup, project and one to spare.
const DEPTH: usize = 5;

/// The repositories at and below a directory, sorted by path. Links are not followed.
///
/// # Errors
/// If a directory cannot be listed: repositories in it would be missed.
pub fn directory(root: &Path) -> Result<Vec<Unit>, AuditError> {
    let top = fs::canonicalize(root).map_err(AuditError::io(root))?;
    let mut found = Vec::new();
    below(&top, DEPTH, &mut found)?;
    found.sort();
    let name = |path: &Path| {
        let inner = path.strip_prefix(&top).unwrap_or(path).to_string_lossy().into_owned();
        let own = || top.file_name().map_or_else(|| "repository".into(), |name| name.to_string_lossy().into_owned());
        let name = if inner.is_empty() { own() } else { inner };
        name.strip_suffix(".git").filter(|name| !name.is_empty()).unwrap_or(&name).to_owned()
    };
    Ok(distinct(found.iter().map(|path| Unit::local(path, &name(path)))))
}

fn below(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), AuditError> {
    if is_repository(directory) {
        found.push(directory.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(directory).map_err(AuditError::io(directory))? {
        let entry = entry.map_err(AuditError::io(directory))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}

/// Whether a directory is a work tree with its repository, or a bare repository.
fn is_repository(directory: &Path) -> bool {
    let is_bare = |dir: &Path| dir.join("HEAD").is_file() && dir.join("objects").is_dir();
    is_bare(directory) || directory.join(".git").is_file() || is_bare(&directory.join(".git"))
}

/// The repositories that a list names, one URL or path a line; `#` begins a comment. Paths are relative to `base`.
///
/// # Errors
/// If a line is neither a URL that may be cloned nor a repository.
pub fn list(text: &str, base: &Path) -> Result<Vec<Unit>, AuditError> {
    let mut units = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let path = base.join(line);
        if path.is_dir() && !line.contains("://") {
            units.extend(directory(&path)?);
        } else if let Some(unit) = Unit::remote(line, 0) {
            units.push(unit);
        } else {
            // The line may hold a password, so it is not repeated.
            let why = format!("line {} is neither a repository here nor an https or ssh URL", number + 1);
            return Err(AuditError::Usage(why));
        }
    }
    Ok(distinct(units.into_iter()))
}

/// Each unit once, each with a name of its own, sorted by id.
pub(crate) fn distinct(units: impl Iterator<Item = Unit>) -> Vec<Unit> {
    let by_id: BTreeMap<String, Unit> = units.map(|unit| (unit.unit.clone(), unit)).collect();
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for unit in by_id.values() {
        *names.entry(unit.name.clone()).or_default() += 1;
    }
    let named = |mut unit: Unit| {
        if names[&unit.name] > 1 {
            unit.name = format!("{}@{}", unit.name, &unit.unit[..8]);
        }
        unit
    };
    by_id.into_values().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::{directory, list};

    #[test]
    fn finds_clones_and_mirrors_and_nothing_inside_them() {
        let root = tempfile::tempdir().unwrap();
        for (dir, bare) in [("a/one", false), ("a/two.git", true), ("b", false)] {
            let path = root.path().join(dir);
            std::fs::create_dir_all(&path).unwrap();
            git2::Repository::init_opts(&path, git2::RepositoryInitOptions::new().bare(bare)).unwrap();
        }
        std::fs::create_dir_all(root.path().join("b/inner/.git/objects")).unwrap();
        std::fs::write(root.path().join("b/inner/.git/HEAD"), "x").unwrap();
        let mut names: Vec<_> = directory(root.path()).unwrap().into_iter().map(|unit| unit.name).collect();
        names.sort();
        assert_eq!(names, ["a/one", "a/two", "b"]);
    }

    #[test]
    fn a_list_takes_each_repository_once_and_never_repeats_a_bad_line() {
        let text = "# ours\nhttps://h.example/o/r\n\ngit@h.example:o/r.git\nhttps://h.example/o/s\n";
        assert_eq!(list(text, std::path::Path::new("/")).unwrap().len(), 2);
        let error = list("ftp://me:hush@h/x", std::path::Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("hush"), "{error}");
    }
}
