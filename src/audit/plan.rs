//! The plan: which repositories, which of them are read together, and which shard reads what.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    fs,
    io::Write,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    AuditError,
    store::Store,
    survey::Brief,
    unit::{Origin, Unit, digest16},
};

/// The value of `schema` in the first line of a plan.
pub(crate) const SCHEMA: &str = "stanch/audit-plan/v1";

/// Most repositories that are read together: what is kept of each pack while it is read adds up.
const NETWORK_UNITS: usize = 64;

/// Most KiB of packs that are read together.
const NETWORK_KB: u64 = 8 << 20;

/// What an audit is to read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// For people, for instance the organisation's name.
    pub title: String,
    /// Sorted by id.
    pub units: Vec<Unit>,
    /// The states of repositories on this machine when the plan was made, by unit; not written.
    pub(crate) states: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    schema: String,
    title: String,
    count: usize,
    digest: String,
}

impl Plan {
    /// Groups the repositories on this machine that share history. `units` are distinct.
    ///
    /// # Errors
    /// If the store, which knows what has not changed, cannot be used.
    pub fn new(title: &str, mut units: Vec<Unit>, store: &mut Store) -> Result<Self, AuditError> {
        units.sort_by(|a, b| a.unit.cmp(&b.unit));
        let paths = units.iter().map(|unit| match &unit.origin {
            Origin::Path(path) => Some(path.as_path()),
            Origin::Url(_) => None,
        });
        // What cannot be opened fails when it is scanned, under its own name.
        let mut surveys = store.surveys(&paths.collect::<Vec<_>>())?;
        let mut states = BTreeMap::new();
        for (unit, survey) in
            units.iter_mut().zip(&mut surveys).filter(|(unit, _)| matches!(unit.origin, Origin::Path(_)))
        {
            unit.est_kb = survey.as_ref().map_or(0, |survey| survey.est_kb);
            states.extend(survey.as_ref().map(|survey| (unit.unit.clone(), survey.state.clone())));
            survey.take_if(|survey| !survey.joinable);
        }
        for (unit, network) in networks(&units, &surveys).into_iter().enumerate() {
            units[unit].network = network;
        }
        Ok(Self { title: title.to_owned(), units, states })
    }

    /// Digest of all units.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut text = String::new();
        for unit in &self.units {
            let origin = match &unit.origin {
                Origin::Path(path) => path.to_string_lossy().into_owned(),
                Origin::Url(url) => url.clone(),
            };
            text.push_str(&format!("{}\t{}\t{}\t{origin}\t{}\n", unit.unit, unit.network, unit.name, unit.est_kb));
        }
        digest16(text.as_bytes())
    }

    /// The units of each network, in the order of the networks' ids.
    #[must_use]
    pub fn networks(&self) -> BTreeMap<&str, Vec<&Unit>> {
        let mut networks: BTreeMap<&str, Vec<&Unit>> = BTreeMap::new();
        for unit in &self.units {
            networks.entry(unit.network.as_str()).or_default().push(unit);
        }
        networks
    }

    /// The networks of one shard of `of`, by longest processing time first: each goes to the shard with the least to do.
    #[must_use]
    pub fn shard(&self, shard: u32, of: u32) -> Vec<&str> {
        let mut sized: Vec<(Reverse<u64>, &str)> = self
            .networks()
            .into_iter()
            .map(|(network, units)| (Reverse(units.iter().map(|unit| unit.est_kb.max(1)).sum()), network))
            .collect();
        sized.sort_unstable();
        let mut loads = vec![0u64; of.max(1) as usize];
        let mut mine = Vec::new();
        for (Reverse(size), network) in sized {
            let least = (0..loads.len()).min_by_key(|at| (loads[*at], *at)).unwrap_or(0);
            loads[least] += size;
            if least == shard as usize {
                mine.push(network);
            }
        }
        mine
    }

    /// Writes one line a unit after a header.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let (schema, title) = (SCHEMA.to_owned(), self.title.clone());
        serde_json::to_writer(&mut *out, &Header { schema, title, count: self.units.len(), digest: self.digest() })?;
        for unit in &self.units {
            out.write_all(b"\n")?;
            serde_json::to_writer(&mut *out, unit)?;
        }
        out.write_all(b"\n")
    }

    /// Reads what [`Plan::write`] wrote.
    ///
    /// # Errors
    /// If it is no plan, or not all of it.
    pub fn read(path: &Path) -> Result<Self, AuditError> {
        let text = fs::read_to_string(path).map_err(AuditError::io(path))?;
        let wrong = |why: &dyn std::fmt::Display| AuditError::malformed(path, why);
        let mut lines = text.lines();
        let header: Header = serde_json::from_str(lines.next().unwrap_or_default()).map_err(|error| wrong(&error))?;
        if header.schema != SCHEMA {
            return Err(wrong(&format!("schema {:?} is not {SCHEMA:?}", header.schema)));
        }
        let units = lines.map(serde_json::from_str).collect::<Result<Vec<Unit>, _>>().map_err(|error| wrong(&error))?;
        let plan = Self { title: header.title, units, states: BTreeMap::new() };
        if plan.units.len() != header.count || plan.digest() != header.digest {
            return Err(wrong(&"the plan was cut short or changed"));
        }
        Ok(plan)
    }
}

/// The network of each unit: the id of its first unit. Units whose sketches are alike are joined, and so on from there.
fn networks(units: &[Unit], surveys: &[Option<Brief>]) -> Vec<String> {
    let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut parent: Vec<usize> = (0..units.len()).collect();
    for (at, survey) in surveys.iter().enumerate() {
        let Some(survey) = survey else { continue };
        let mut near: Vec<usize> =
            survey.sketch().iter().flat_map(|id| holders.get(id.as_str())).flatten().copied().collect();
        near.sort_unstable();
        near.dedup();
        for other in near {
            if surveys[other].as_ref().is_some_and(|other| other.is_like(survey)) {
                let (a, b) = (root(&parent, at), root(&parent, other));
                parent[a.max(b)] = a.min(b);
            }
        }
        for id in survey.sketch() {
            // One of each network is enough to meet it; a thousand forks need not be compared with each other.
            let holders = holders.entry(id).or_default();
            if !holders.iter().any(|other| root(&parent, *other) == root(&parent, at)) {
                holders.push(at);
            }
        }
    }
    // The first unit of each part stands for it.
    let mut parts: HashMap<usize, (usize, usize, u64)> = HashMap::new();
    (0..units.len())
        .map(|at| {
            let part = parts.entry(root(&parent, at)).or_insert((at, 0, 0));
            if part.1 == NETWORK_UNITS || (part.1 > 0 && part.2 + units[at].est_kb > NETWORK_KB) {
                *part = (at, 0, 0);
            }
            part.1 += 1;
            part.2 += units[at].est_kb;
            units[part.0].unit.clone()
        })
        .collect()
}

fn root(parent: &[usize], mut at: usize) -> usize {
    while parent[at] != at {
        at = parent[at];
    }
    at
}

/// The shard that the scheduler's variables name: 0-based number and total. Kubernetes, AWS Batch and Slurm tell the total
/// by no variable of their own or not at all; then `of` must say.
///
/// # Errors
/// If a number is missing or no number.
pub fn shard_from_env(get: &dyn Fn(&str) -> Option<String>, of: Option<u32>) -> Result<Option<(u32, u32)>, AuditError> {
    // Index, total, and where counting begins.
    const NAMES: [(&str, Option<&str>, u32); 5] = [
        ("CI_NODE_INDEX", Some("CI_NODE_TOTAL"), 1),
        ("CIRCLE_NODE_INDEX", Some("CIRCLE_NODE_TOTAL"), 0),
        ("SLURM_ARRAY_TASK_ID", Some("SLURM_ARRAY_TASK_COUNT"), 0),
        ("AWS_BATCH_JOB_ARRAY_INDEX", Some("AWS_BATCH_JOB_ARRAY_SIZE"), 0),
        ("JOB_COMPLETION_INDEX", None, 0),
    ];
    let number = |name: &str| -> Result<Option<u32>, AuditError> {
        let Some(text) = get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let wrong = || AuditError::Usage(format!("{name} is {text:?}, which is no number"));
        text.trim().parse().map(Some).map_err(|_| wrong())
    };
    for (index, total, first) in NAMES {
        let Some(at) = number(index)? else { continue };
        let first = if index == "SLURM_ARRAY_TASK_ID" { number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0) } else { first };
        let told = total.map(number).transpose()?.flatten();
        let of = of.or(told).ok_or_else(|| {
            AuditError::Usage(format!(
                "{index} is set, but not how many shards there are: use --shard {at}/N or --shards N"
            ))
        })?;
        return checked(at.wrapping_sub(first), of).map(Some);
    }
    Ok(None)
}

/// `i/n`, from 0.
///
/// # Errors
/// If it is no such pair.
pub fn parse_shard(text: &str) -> Result<(u32, u32), AuditError> {
    let pair = text.split_once('/').and_then(|(at, of)| Some((at.parse().ok()?, of.parse().ok()?)));
    let (at, of) = pair.ok_or_else(|| AuditError::Usage(format!("{text:?} is no shard; write I/N, with I from 0")))?;
    checked(at, of)
}

fn checked(at: u32, of: u32) -> Result<(u32, u32), AuditError> {
    if at < of {
        Ok((at, of))
    } else {
        Err(AuditError::Usage(format!("there is no shard {at} of {of}; they count from 0")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, parse_shard, shard_from_env};
    use crate::audit::{Store, unit::Unit};

    fn plan(count: u64) -> Plan {
        Plan::new(
            "x",
            (0..count).map(|n| Unit::remote(&format!("https://h.example/o/r{n}"), n * n % 97).unwrap()).collect(),
            &mut Store::in_memory().unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn shards_share_out_everything_once_and_evenly() {
        let plan = plan(500);
        for of in [1, 2, 7, 64] {
            let mut all: Vec<&str> = Vec::new();
            let mut loads = Vec::new();
            for shard in 0..of {
                let mine = plan.shard(shard, of);
                loads.push(mine.iter().map(|network| plan.networks()[network][0].est_kb.max(1)).sum::<u64>());
                all.extend(mine);
            }
            all.sort_unstable();
            assert_eq!(all, plan.networks().into_keys().collect::<Vec<_>>());
            assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 97, "{loads:?}");
        }
    }

    #[test]
    fn a_plan_that_was_cut_is_refused() {
        let (plan, dir) = (plan(5), tempfile::tempdir().unwrap());
        let file = dir.path().join("plan.jsonl");
        let mut text = Vec::new();
        plan.write(&mut text).unwrap();
        std::fs::write(&file, &text).unwrap();
        assert_eq!(Plan::read(&file).unwrap(), plan);
        let cut = text.iter().rposition(|b| *b == b'{').unwrap();
        std::fs::write(&file, &text[..cut]).unwrap();
        assert!(Plan::read(&file).is_err());
    }

    #[test]
    fn the_schedulers_variables() {
        let env = |pairs: &[(&str, &str)], of| {
            let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            shard_from_env(&move |name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()), of)
        };
        assert_eq!(env(&[], None).unwrap(), None);
        assert_eq!(env(&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "4")], None).unwrap(), Some((0, 4)));
        assert_eq!(env(&[("CIRCLE_NODE_INDEX", "3"), ("CIRCLE_NODE_TOTAL", "4")], None).unwrap(), Some((3, 4)));
        let slurm = [("SLURM_ARRAY_TASK_ID", "10"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "3")];
        assert_eq!(env(&slurm, None).unwrap(), Some((0, 3)));
        assert_eq!(env(&[("JOB_COMPLETION_INDEX", "5")], Some(64)).unwrap(), Some((5, 64)));
        assert!(env(&[("JOB_COMPLETION_INDEX", "5")], None).is_err());
        assert!(env(&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "4")], None).is_err(), "GitLab counts from 1");
        assert!(env(&[("AWS_BATCH_JOB_ARRAY_INDEX", "x")], Some(2)).is_err());
        assert_eq!(parse_shard("0/7").unwrap(), (0, 7));
        assert!(parse_shard("7/7").is_err() && parse_shard("1").is_err());
    }
}
