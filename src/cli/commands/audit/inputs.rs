//! The inputs of an audit become a plan.

use std::{
    io::Read,
    path::Path,
};

use anyhow::{Context, Result, bail};
use stanch::audit::{self, Credential, Plan, Unit};

use crate::cli::args::InputArgs;

/// What is to be audited, and what opens it.
pub(crate) struct Listed {
    pub(crate) plan: Plan,
    pub(crate) credential: Option<Credential>,
}

/// Lists everything.
pub(crate) fn plan(args: &InputArgs) -> Result<Listed> {
    let mut listed = credentials(args)?;
    let mut units: Vec<Unit> = Vec::new();
    for input in &args.inputs {
        units.extend(one(args, input, &mut listed)?);
    }
    let title = args.title.clone().unwrap_or_else(|| args.inputs.join(" "));
    let mut seen = std::collections::BTreeSet::new();
    units.retain(|unit| seen.insert(unit.unit.clone()));
    listed.plan = Plan::new(&title, units);
    Ok(listed)
}

/// Only what opens the repositories of a plan that was made before.
pub(crate) fn credentials(_args: &InputArgs) -> Result<Listed> {
    Ok(Listed { plan: Plan::new("", Vec::new()), credential: None })
}

fn one(_args: &InputArgs, input: &str, _listed: &mut Listed) -> Result<Vec<Unit>> {
    let path = Path::new(input);
    if input == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(audit::list(&text, Path::new("."))?);
    }
    if path.is_dir() {
        return Ok(audit::directory(path)?);
    }
    if path.is_file() {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {input}"))?;
        return audit::list(&text, path.parent().unwrap_or(Path::new("."))).with_context(|| format!("in {input}"));
    }
    bail!("there is no directory or file {input}, and it is no github:, gitlab:, gitea: or bitbucket: name")
}
