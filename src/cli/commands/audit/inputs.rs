//! The inputs of an audit become a plan.

use std::{io::Read, path::Path};

use anyhow::{Context, Result, bail};
use stanch::audit::{self, Credential, Filter, Forge, Plan, RealWeb, Store, Unit};

use crate::cli::args::{InputArgs, VisibilityArg};

/// What is to be audited, and what opens it.
pub(crate) struct Listed {
    pub(crate) plan: Plan,
    pub(crate) credential: Option<Credential>,
}

/// Lists everything. The store knows what has not changed.
pub(crate) fn plan(args: &InputArgs, store: &mut Store) -> Result<Listed> {
    if args.inputs.is_empty() {
        bail!(
            "what is to be audited? Give github:ORG, a directory of clones, a file of URLs, or - for a list on standard input"
        );
    }
    let mut listed = credentials(args)?;
    let mut units: Vec<Unit> = Vec::new();
    for input in &args.inputs {
        units.extend(one(args, input, &mut listed)?);
    }
    let title = args.title.clone().unwrap_or_else(|| args.inputs.join(" "));
    let mut seen = std::collections::BTreeSet::new();
    units.retain(|unit| seen.insert(unit.unit.clone()));
    listed.plan = Plan::new(&title, units, store)?;
    Ok(listed)
}

/// Only what opens the repositories of a plan that was made before: a plan names the forge by its repositories' addresses.
pub(crate) fn credentials(args: &InputArgs) -> Result<Listed> {
    let none = Listed { plan: Plan::default(), credential: None };
    let Some(name) = &args.forge else { return Ok(none) };
    let forge = Forge::parse(&format!("{name}:x"), args.base_url.as_deref())?;
    let forge = forge.with_context(|| format!("there is no forge {name}: use github, gitlab, gitea or bitbucket"))?;
    Ok(Listed { credential: token(args, &forge)?.map(|token| forge.credential(&token)), ..none })
}

fn one(args: &InputArgs, input: &str, listed: &mut Listed) -> Result<Vec<Unit>> {
    let mut filter = Filter::names(&args.include, &args.exclude)?;
    (filter.no_archived, filter.no_forks) = (args.no_archived, args.no_forks);
    filter.public = args.visibility.map(|which| which == VisibilityArg::Public);
    if input != "-"
        && !Path::new(input).exists()
        && let Some(forge) = Forge::parse(input, args.base_url.as_deref())?
    {
        return at_forge(args, &forge, &filter, listed);
    }
    if args.no_archived || args.no_forks || args.visibility.is_some() {
        bail!("{input}: only a forge tells what is archived, a fork or public; take repositories out by --exclude");
    }
    let mut units = local(input)?;
    if units.is_empty() {
        bail!("{input}: there is no repository in it (links are not followed)");
    }
    units.retain(|unit| filter.takes_name(&unit.name));
    Ok(units)
}

/// The repositories of a directory, or of a list.
fn local(input: &str) -> Result<Vec<Unit>> {
    let path = Path::new(input);
    if input == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
        Ok(audit::list(&text, Path::new("."))?)
    } else if path.is_dir() {
        Ok(audit::directory(path)?)
    } else if path.is_file() {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {input}"))?;
        audit::list(&text, path.parent().unwrap_or(Path::new("."))).with_context(|| format!("in {input}"))
    } else {
        bail!("there is no directory or file {input}, and it is no github:, gitlab:, gitea: or bitbucket: name")
    }
}

fn at_forge(args: &InputArgs, forge: &Forge, filter: &Filter, listed: &mut Listed) -> Result<Vec<Unit>> {
    let token = token(args, forge)?;
    if let Some(token) = &token {
        let credential = forge.credential(token);
        if listed.credential.as_ref().is_some_and(|known| known.origin != credential.origin) {
            bail!("one audit can use the token of one forge; audit them apart, or make a plan of each");
        }
        listed.credential = Some(credential);
    }
    Ok(forge.list(token.as_deref(), filter, &RealWeb::new())?)
}

/// The token of a forge: from the file, else from the environment.
fn token(args: &InputArgs, forge: &Forge) -> Result<Option<String>> {
    let text = match &args.token_file {
        Some(file) => {
            check_private(file)?;
            Some(std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?)
        }
        None => forge.token_names().iter().find_map(|name| std::env::var(name).ok()),
    };
    let Some(token) = text.map(|text| text.trim().to_owned()).filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("the token holds characters that no token has");
    }
    Ok(Some(token))
}

#[cfg(unix)]
fn check_private(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let meta = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    if meta.permissions().mode() & 0o077 != 0 {
        bail!("others can read the token in {}; run chmod 600 on it", file.display());
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> Result<()> {
    Ok(())
}
