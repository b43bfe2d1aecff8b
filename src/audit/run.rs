//! Runs an audit: each network from the store where it has not changed, else by scanning it.

use std::{collections::BTreeMap, path::PathBuf, sync::atomic::Ordering, time::Instant};

use super::{
    AuditError, Auditor,
    clone::Cloner,
    fetch::{Fetched, Fetching, Wanted, fetching},
    memory::Memory,
    network::{failed, network_id},
    plan::Plan,
    result::{NetworkResult, Status},
    store::Store,
    unit::{Origin, Unit},
};

/// Hears how far an audit is.
pub trait Progress {
    /// A network is done: how many repositories of how many, their names, and whether the store had the answer.
    fn done(&self, _event: &Event<'_>) {}
}

/// A network that is done.
#[derive(Debug)]
pub struct Event<'a> {
    /// Repositories done so far.
    pub done: usize,
    /// Repositories of this audit.
    pub total: usize,
    /// What was found: one result, or one for each repository.
    pub results: &'a [NetworkResult],
    /// Whether nothing had to be scanned.
    pub reused: bool,
}

/// What an audit, or a shard of it, brought.
#[derive(Debug, Default)]
pub struct Ran {
    /// The results of all networks that were finished.
    pub results: Vec<NetworkResult>,
    /// Names of repositories that were not reached before the audit was stopped.
    pub missing: Vec<String>,
    /// Networks whose result the store had.
    pub reused: usize,
}

/// Audits some networks of a plan.
///
/// # Errors
/// If the store fails, or no directory can be made. What is wrong with a repository is in its result.
pub fn run(
    auditor: &Auditor<'_>,
    plan: &Plan,
    networks: &[&str],
    store: &mut Store,
    cloner: Option<&Cloner>,
    progress: &dyn Progress,
) -> Result<Ran, AuditError> {
    let all = plan.networks();
    let chosen: Vec<&Vec<&Unit>> = networks.iter().filter_map(|network| all.get(network)).collect();
    let mut wanted = Vec::new();
    for unit in chosen.iter().filter(|units| cloner.is_some() && is_remote(units)).map(|units| units[0]) {
        let Origin::Url(url) = &unit.origin else { continue };
        let known = store.remote(&unit.unit)?.and_then(|kept| Some(kept.split_once(' ')?.0.to_owned()));
        wanted.push(Wanted { url, known });
    }
    match cloner {
        None => each(auditor, plan, &chosen, store, None, progress),
        Some(cloner) => fetching(cloner, &wanted, auditor.stop, |fetching| {
            each(auditor, plan, &chosen, store, Some((cloner, fetching)), progress)
        }),
    }
}

fn is_remote(units: &[&Unit]) -> bool {
    matches!(units, [Unit { origin: Origin::Url(_), .. }])
}

/// Clones, and how to make one more.
type Clones<'a> = Option<(&'a Cloner, &'a Fetching<'a>)>;

fn each(
    auditor: &Auditor<'_>,
    plan: &Plan,
    networks: &[&Vec<&Unit>],
    store: &mut Store,
    clones: Clones<'_>,
    progress: &dyn Progress,
) -> Result<Ran, AuditError> {
    let context = auditor.context();
    let mut ran = Ran::default();
    let total = networks.iter().map(|units| units.len()).sum();
    let mut done = 0;
    for units in networks {
        let stopped = auditor.stop.load(Ordering::Relaxed);
        let found = if stopped { None } else { one(auditor, plan, units, &context, store, clones)? };
        let Some((results, reused)) = found else {
            ran.missing.extend(units.iter().map(|unit| unit.name.clone()));
            continue;
        };
        done += units.len();
        ran.reused += usize::from(reused);
        progress.done(&Event { done, total, results: &results, reused });
        ran.results.extend(results);
    }
    Ok(ran)
}

/// Results, and whether the store had them.
type Done = (Vec<NetworkResult>, bool);

fn one(
    auditor: &Auditor<'_>,
    plan: &Plan,
    units: &[&Unit],
    context: &str,
    store: &mut Store,
    clones: Clones<'_>,
) -> Result<Option<Done>, AuditError> {
    if let [Unit { origin: Origin::Url(url), .. }] = units {
        return remote(auditor, units[0], url, context, store, clones);
    }
    let local = |unit: &&Unit| match &unit.origin {
        Origin::Path(path) => path.clone(),
        Origin::Url(url) => PathBuf::from(url),
    };
    let here: Vec<(&Unit, PathBuf)> = units.iter().map(|unit| (*unit, local(unit))).collect();
    // A plan that was just made knows how the repositories are.
    let known = here.iter().map(|(unit, _)| plan.states.get(&unit.unit).cloned()).collect::<Option<Vec<_>>>();
    let states = match known {
        Some(states) => states,
        None => {
            let surveys = store.surveys(&here.iter().map(|(_, path)| Some(path.as_path())).collect::<Vec<_>>())?;
            surveys.into_iter().map(|survey| survey.map(|survey| survey.state).unwrap_or_default()).collect()
        }
    };
    let ids: Vec<(&str, &str)> =
        units.iter().map(|unit| unit.unit.as_str()).zip(states.iter().map(String::as_str)).collect();
    if !states.iter().any(String::is_empty)
        && let Some(known) = store.results(&ids, context)?
        && named_alike(&known, units)
    {
        return Ok(Some((known, true)));
    }
    let started = Instant::now();
    let Some(results) = scan(auditor, &here, context, store)? else { return Ok(None) };
    for result in &results {
        keep(store, result, context, started)?;
    }
    Ok(Some((results, false)))
}

/// Scans, but for what the store knows to hold nothing. What was found out is kept even if the audit was stopped.
fn scan(
    auditor: &Auditor<'_>,
    units: &[(&Unit, PathBuf)],
    context: &str,
    store: &mut Store,
) -> Result<Option<Vec<NetworkResult>>, AuditError> {
    let mut memory = Memory::new(store, context);
    let results = auditor.scan(units, &mut memory)?;
    memory.save()?;
    Ok(results)
}

/// Whether a stored result shows the repositories under the names they have now.
fn named_alike(known: &[NetworkResult], units: &[&Unit]) -> bool {
    let members = known.iter().flat_map(|result| &result.members);
    let names: BTreeMap<&str, &str> = members.map(|member| (member.unit.as_str(), member.name.as_str())).collect();
    units.iter().all(|unit| names.get(unit.unit.as_str()) == Some(&unit.name.as_str()))
}

fn keep(store: &mut Store, result: &NetworkResult, context: &str, started: Instant) -> Result<(), AuditError> {
    // What could not be read may be readable next time, so it is not taken for an answer; what is damaged stays so.
    let usable = result.members.iter().all(|member| member.status != Status::Failed);
    store.put(result, context, usable, started.elapsed().as_secs_f64())
}

fn remote(
    auditor: &Auditor<'_>,
    unit: &Unit,
    url: &str,
    context: &str,
    store: &mut Store,
    clones: Clones<'_>,
) -> Result<Option<Done>, AuditError> {
    let Some((cloner, fetching)) = clones else {
        return Ok(Some((vec![failed(unit, "cloning was not asked for")], false)));
    };
    let started = Instant::now();
    let (refs, clone) = match fetching.take() {
        None => return Ok(None),
        Some(Fetched::Failed(why)) => return Ok(Some((vec![failed(unit, &why)], false))),
        Some(Fetched::Cloned(refs, clone)) => (refs, clone),
        Some(Fetched::Same(refs)) => {
            let network = network_id(std::iter::once(unit.unit.as_str()));
            if let Some(kept) = store.remote(&unit.unit)?
                && let Some((_, state)) = kept.split_once(' ')
                && let Some(known) = store.result(&network, context, state)?
                && named_alike(std::slice::from_ref(&known), &[unit])
            {
                return Ok(Some((vec![known], true)));
            }
            // The same refs, but other rules.
            match cloner.clone(url, auditor.stop) {
                Ok(clone) => (refs, clone),
                Err(why) => return Ok(Some((vec![failed(unit, &why)], false))),
            }
        }
    };
    let here = [(unit, clone.path().to_owned())];
    let Some(mut results) = scan(auditor, &here, context, store)? else { return Ok(None) };
    for result in &mut results {
        // A clone lies elsewhere each time, and git packs it as it likes: what identifies it are its refs.
        for member in &mut result.members {
            member.state.clone_from(&refs);
        }
        keep(store, result, context, started)?;
        store.put_remote(&unit.unit, &format!("{refs} {}", result.state()))?;
    }
    Ok(Some((results, false)))
}
