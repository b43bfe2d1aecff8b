//! Shard files: what one process of many writes once, and what is merged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    AuditError,
    plan::Plan,
    result::{NetworkResult, Status},
    unit::hex,
};

/// The value of `schema` in the file that says that a shard is done.
pub const SCHEMA: &str = "stanch/audit-shard/v1";

/// What `shard-00042.done.json` says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub tool: String,
    /// For people.
    pub title: String,
    /// Digest of the rule set.
    pub rules_digest: String,
    /// Digest of rules, settings, fingerprint key and version.
    pub config_digest: String,
    /// Digest of the plan.
    pub plan_digest: String,
    /// From 0.
    pub shard: u32,
    /// How many shards there are.
    pub of: u32,
    /// SHA-256 of the shard's results.
    pub results_sha256: String,
    /// Every unit of the shard, and how it ended.
    pub units: Vec<DoneUnit>,
}

/// A unit of a shard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DoneUnit {
    /// Its id.
    pub unit: String,
    /// For people.
    pub name: String,
    /// How far it was read.
    pub status: Status,
    /// Why no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Writes a shard's results, then the file that says they are whole. Both come into being under their names complete, and
/// results that are there already are not replaced by worse ones.
///
/// # Errors
/// If they cannot be written.
pub fn write(dir: &Path, mut done: Done, results: &[NetworkResult]) -> Result<(), AuditError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir).map_err(AuditError::io(dir))?;
    let mut results: Vec<&NetworkResult> = results.iter().collect();
    results.sort_by(|a, b| a.network.cmp(&b.network));
    let name = format!("shard-{:05}", done.shard);
    let mut bytes = Vec::new();
    for result in &results {
        serde_json::to_writer(&mut bytes, result).map_err(|error| AuditError::malformed(dir, error))?;
        bytes.push(b'\n');
    }
    done.results_sha256 = hex(&Sha256::digest(&bytes));
    let members = results.iter().flat_map(|result| &result.members);
    done.units = members
        .map(|m| DoneUnit { unit: m.unit.clone(), name: m.name.clone(), status: m.status, reason: m.reason.clone() })
        .collect();
    done.units.sort_by(|a, b| a.unit.cmp(&b.unit));
    let is_whole = |done: &Done| done.units.iter().all(|unit| unit.status == Status::Ok);
    let marker = dir.join(format!("{name}.done.json"));
    if let Ok(known) = read_done(&marker) {
        let same = Done { results_sha256: String::new(), units: Vec::new(), ..known.clone() }
            == Done { results_sha256: String::new(), units: Vec::new(), ..done.clone() };
        if !same {
            return Err(AuditError::Mixed {
                path: marker,
                why: "a shard of another plan or configuration is there".into(),
            });
        }
        if is_whole(&known) || known.results_sha256 == done.results_sha256 {
            return Ok(());
        }
        // A shard that was incomplete is tried again: without its marker nobody merges it meanwhile.
        fs::remove_file(&marker).map_err(AuditError::io(&marker))?;
    }
    put(&dir.join(format!("{name}.jsonl")), &bytes)?;
    let text = serde_json::to_vec_pretty(&done).map_err(|error| AuditError::malformed(&marker, error))?;
    put(&marker, &text)
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), AuditError> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.tmp", std::process::id()));
    let part = PathBuf::from(part);
    let write = || -> std::io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(AuditError::io(path))
}

fn read_done(path: &Path) -> Result<Done, AuditError> {
    let bytes = fs::read(path).map_err(AuditError::io(path))?;
    let done: Done = serde_json::from_slice(&bytes).map_err(|error| AuditError::malformed(path, error))?;
    if done.schema == SCHEMA { Ok(done) } else { Err(AuditError::malformed(path, "not a shard of this version")) }
}

/// All shards of a directory.
#[derive(Debug)]
pub struct Gathered {
    /// For people.
    pub title: String,
    /// Digest of the rule set, as all shards have it.
    pub rules_digest: String,
    /// The program that wrote them.
    pub tool: String,
    /// What they found.
    pub results: Vec<NetworkResult>,
    /// Names of units that no shard has, or of shards that are not there.
    pub missing: Vec<String>,
}

/// Reads the shards of some directories. With the plan, what is missing is named by unit, else by shard.
///
/// # Errors
/// If there is none, or one is damaged or does not belong to the others.
pub fn read(dirs: &[PathBuf], plan: Option<&Plan>) -> Result<Gathered, AuditError> {
    let mut first: Option<(PathBuf, Done)> = None;
    let mut results = Vec::new();
    let mut shards: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for marker in markers(dirs)? {
        let done = read_done(&marker)?;
        let (_, known) = first.get_or_insert_with(|| (marker.clone(), done.clone()));
        for (what, a, b) in [
            ("the rules differ", &known.rules_digest, &done.rules_digest),
            ("the configuration differs", &known.config_digest, &done.config_digest),
            ("the plan differs", &known.plan_digest, &done.plan_digest),
            ("the version differs", &known.tool, &done.tool),
        ] {
            if a != b {
                return Err(AuditError::Mixed { path: marker, why: what.into() });
            }
        }
        read_results(&marker, &done, &mut results)?;
        shards.entry(done.of).or_default().insert(done.shard);
    }
    let Some((path, done)) = first else {
        let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        return Err(AuditError::Usage(format!("there is no finished shard in {}", dirs.join(", "))));
    };
    if let Some(plan) = plan.filter(|plan| plan.digest() != done.plan_digest) {
        return Err(AuditError::Mixed {
            path,
            why: format!("made from plan {}, not from {}", done.plan_digest, plan.digest()),
        });
    }
    let missing = match plan {
        Some(plan) => {
            let units: BTreeSet<&str> =
                results.iter().flat_map(|r: &NetworkResult| &r.members).map(|m| m.unit.as_str()).collect();
            plan.units.iter().filter(|unit| !units.contains(unit.unit.as_str())).map(|unit| unit.name.clone()).collect()
        }
        None => lacking(&shards),
    };
    Ok(Gathered { title: done.title, rules_digest: done.rules_digest, tool: done.tool, results, missing })
}

/// The shards that lack of the division that lacks the fewest.
fn lacking(shards: &BTreeMap<u32, BTreeSet<u32>>) -> Vec<String> {
    let lacks = |(of, have): (&u32, &BTreeSet<u32>)| -> Vec<String> {
        (0..*of).filter(|shard| !have.contains(shard)).map(|shard| format!("shard {shard} of {of}")).collect()
    };
    shards.iter().map(lacks).min_by_key(Vec::len).unwrap_or_default()
}

fn markers(dirs: &[PathBuf]) -> Result<Vec<PathBuf>, AuditError> {
    let mut markers = Vec::new();
    for dir in dirs {
        for entry in fs::read_dir(dir).map_err(AuditError::io(dir))? {
            let path = entry.map_err(AuditError::io(dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("shard-") && name.ends_with(".done.json") {
                markers.push(path);
            }
        }
    }
    markers.sort();
    Ok(markers)
}

fn read_results(marker: &Path, done: &Done, results: &mut Vec<NetworkResult>) -> Result<(), AuditError> {
    let path = marker.with_file_name(format!("shard-{:05}.jsonl", done.shard));
    let mut lines = BufReader::new(File::open(&path).map_err(AuditError::io(&path))?);
    let mut digest = Sha256::new();
    let mut line = Vec::new();
    let from = results.len();
    while lines.read_until(b'\n', &mut line).map_err(AuditError::io(&path))? > 0 {
        digest.update(&line);
        results.push(serde_json::from_slice(&line).map_err(|error| AuditError::malformed(&path, error))?);
        line.clear();
    }
    let units = results[from..].iter().map(|result| result.members.len()).sum::<usize>();
    if hex(&digest.finalize()) != done.results_sha256 || units != done.units.len() {
        return Err(AuditError::malformed(&path, "it is not what its .done.json says"));
    }
    Ok(())
}
