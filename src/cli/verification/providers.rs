//! Which providers can be asked, and where they answer.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use stanch::{
    revoke::provider::{Catalogue, ProviderSettings},
    rules::{Choice, RuleFile, RuleSet},
};

use super::{
    Scanned,
    settings::{cache, certificates, mode},
};
use crate::cli::{args::webhook::WebhookArgs, settings::read_rules};

/// The calls, those of the user's rules among them, and how they are made.
pub(super) fn settings(args: &WebhookArgs, scanned: &Scanned<'_>) -> Result<(Catalogue, ProviderSettings)> {
    let mut catalogue = Catalogue::builtin()?;
    let mut files = Vec::new();
    for file in &scanned.rules.files {
        let (name, text) = read_rules(file)?;
        if Catalogue::has_calls(&text) && scanned.paths.iter().any(|path| is_inside(file, path)) {
            bail!(
                "{name}: a file of the scanned tree cannot say where secrets are sent; move its calls out of the tree"
            );
        }
        catalogue.add_rules(&text, &name)?;
        files.push(RuleFile { name, text });
    }
    let mut settings = ProviderSettings::new(mode(args.patience));
    settings.transport.guard.allow_private = args.allow_private;
    settings.transport.guard.http_loopback = args.http_loopback;
    settings.transport.ca = certificates(args)?;
    settings.cache = cache(args, scanned.paths)?;
    settings.required = args.required;
    for endpoint in &args.endpoints {
        settings.endpoints.insert(endpoint.0.clone(), endpoint.1.clone());
    }
    let unknown =
        settings.endpoints.keys().find(|name| !catalogue.rules().any(|(rule, ..)| concerns(name, rule, &catalogue)));
    if let Some(name) = unknown
        && !is_provider(name, files)
    {
        bail!("--provider-endpoint {name}: no provider, rule or host of this name is asked about anything");
    }
    Ok((catalogue, settings))
}

fn concerns(name: &str, rule: &str, catalogue: &Catalogue) -> bool {
    let calls = [catalogue.verify(rule), catalogue.revoke(rule)];
    rule == name || calls.into_iter().flatten().any(|call| call.host() == name)
}

/// Whether rules belong to a provider of this name.
fn is_provider(name: &str, files: Vec<RuleFile>) -> bool {
    let known = RuleSet::load(&files, &Choice::default()).unwrap_or_else(|_| RuleSet::builtin());
    known.iter().any(|(_, loaded)| loaded.info.provider == name)
}

/// Whether a file lies in the tree that a scanned path belongs to: its repository, or else the path itself.
fn is_inside(file: &Path, scanned: &Path) -> bool {
    let (Ok(file), Ok(scanned)) = (file.canonicalize(), scanned.canonicalize()) else { return false };
    let root: PathBuf = scanned.ancestors().find(|dir| dir.join(".git").exists()).unwrap_or(&scanned).to_owned();
    file.starts_with(root)
}
