//! Flags become the settings of a webhook.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use stanch::revoke::{
    CacheFile, CheckingKey, Disclosure, Hidden, KeySource, Mode, Operation, Recipient, Settings, Shape, SigningKey,
    adapters::{GithubCredentials, GithubPartner, GitlabRevocation, TrufflehogCustom},
};

use crate::cli::args::webhook::{Patience, Protocol, Send, WebhookArgs};

/// What the flags say of the webhook. Keys may not lie in what is scanned.
pub(crate) fn settings(args: &WebhookArgs, scanned: &[PathBuf]) -> Result<Settings> {
    let url = args.url.as_deref().context("name the service: --webhook URL")?;
    let mut settings = Settings::new(url, mode(args.patience));
    settings.shape = shape(args, scanned)?;
    settings.disclosure = disclosure(args, scanned)?;
    if args.format == Protocol::Stanch
        && let Some(source) = &args.key
    {
        settings.signing = SigningKey::parse_all(&KeySource::parse(source).read(scanned)?)?;
    }
    if let Some(source) = &args.response_key {
        settings.response_keys = CheckingKey::parse_all(&KeySource::parse(source).read(scanned)?)?;
        settings.require_signed_response = true;
    }
    settings.cache = cache(args, scanned)?;
    settings.include_places = args.include_location;
    settings.transport.guard.allow_private = args.allow_private;
    settings.transport.guard.http_loopback = args.http_loopback;
    settings.transport.ca = certificates(args)?;
    settings.spool.clone_from(&args.spool);
    settings.required = args.required;
    Ok(settings)
}

/// What the flags say of a service that is to be tested. Nothing of ours is sent to it, so nobody need allow it.
pub(crate) fn test_settings(args: &WebhookArgs) -> Result<Settings> {
    if args.format == Protocol::Stanch {
        return settings(args, &[]);
    }
    let args = WebhookArgs { send: Send::Plaintext, plaintext_rules: vec!["made-up".to_owned()], ..args.clone() };
    let mut settings = settings(&args, &[])?;
    if matches!(args.format, Protocol::GitlabRevocation | Protocol::GithubCredentials) {
        settings.operation = Operation::Revoke;
    }
    Ok(settings)
}

pub(super) fn mode(patience: Patience) -> Mode {
    match patience {
        Patience::Hook => Mode::Hook,
        Patience::Ci => Mode::Ci,
        Patience::Audit => Mode::Audit,
    }
}

pub(super) fn cache(args: &WebhookArgs, scanned: &[PathBuf]) -> Result<Option<CacheFile>> {
    let (Some(path), Some(source)) = (&args.cache, &args.cache_key) else { return Ok(None) };
    let key = Hidden(KeySource::parse(source).read(scanned)?.into_bytes());
    Ok(Some(CacheFile { path: path.clone(), key }))
}

pub(super) fn certificates(args: &WebhookArgs) -> Result<Option<Vec<u8>>> {
    let read = |file: &PathBuf| std::fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    args.ca.as_ref().map(read).transpose()
}

fn shape(args: &WebhookArgs, scanned: &[PathBuf]) -> Result<Shape> {
    use Protocol::{GithubCredentials as Credentials, GithubPartner as Partner, GitlabRevocation as Gitlab};
    let name = args.format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let given = [
        ("--webhook-type", !args.types.is_empty(), matches!(args.format, Partner | Gitlab)),
        ("--webhook-key-id", args.key_id.is_some(), args.format == Partner),
        ("--webhook-live-status", !args.live_status.is_empty(), args.format == Protocol::Trufflehog),
        ("--webhook-revoked-status", !args.revoked_status.is_empty(), args.format == Protocol::Trufflehog),
    ];
    if let Some((flag, ..)) = given.iter().find(|(_, given, fits)| *given && !fits) {
        bail!("{flag} means nothing with --webhook-format {name}");
    }
    if args.format != Protocol::Stanch && args.send != Send::Plaintext {
        bail!(
            "--webhook-format {name} sends secrets in clear: it needs --webhook-send plaintext, and \
             --webhook-plaintext-rule RULE for each rule whose secrets may be sent"
        );
    }
    let key = args.key.as_ref().map(|source| KeySource::parse(source).read(scanned)).transpose()?;
    let hidden = |key: String| Hidden(key.into_bytes());
    let needed = || key.clone().with_context(|| format!("--webhook-format {name} needs --webhook-key"));
    let types = || args.types.iter().map(|pair| (pair.0.clone(), pair.1.clone())).collect();
    Ok(match args.format {
        Protocol::Stanch => Shape::Stanch,
        Partner => Shape::GithubPartner(GithubPartner::new(&needed()?, args.key_id.clone(), types())?),
        Gitlab => Shape::GitlabRevocation(GitlabRevocation { token: hidden(needed()?), types: types() }),
        Credentials => Shape::GithubCredentials(GithubCredentials { token: key.map(hidden) }),
        Protocol::Trufflehog => {
            let mut custom = TrufflehogCustom::new(&args.detector);
            custom.headers = key.map(|key| ("authorization".to_owned(), hidden(key))).into_iter().collect();
            if !args.live_status.is_empty() {
                custom.live = args.live_status.iter().map(|status| status.0.clone()).collect();
            }
            custom.rotated = args.revoked_status.iter().map(|status| status.0.clone()).collect();
            Shape::TrufflehogCustom(custom)
        }
    })
}

fn disclosure(args: &WebhookArgs, scanned: &[PathBuf]) -> Result<Disclosure> {
    Ok(match args.send {
        Send::Fingerprint => Disclosure::Fingerprint,
        Send::Prefix => Disclosure::Prefix,
        Send::Hmac => {
            let source = args.hmac_key.as_deref().context("--webhook-send hmac needs --webhook-hmac-key")?;
            Disclosure::Hmac(Hidden(KeySource::parse(source).read(scanned)?.into_bytes()))
        }
        Send::Plaintext if args.plaintext_rules.is_empty() => {
            bail!("--webhook-send plaintext needs the rules that may be sent in clear: --webhook-plaintext-rule RULE")
        }
        Send::Plaintext => Disclosure::Plaintext(args.plaintext_rules.iter().cloned().collect()),
        Send::Sealed => {
            let key = args.recipient.as_deref().context("--webhook-send sealed needs --webhook-recipient")?;
            Disclosure::Sealed(Recipient::parse(key)?)
        }
    })
}
