//! Flags over environment over files over defaults: what a scan needs, resolved before anything is opened.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use stanch::{
    config::Config,
    detect::Options,
    filter::{Allowlist, Baselines},
    model::{Exposure, FingerprintKey},
    rules::{Choice, RuleFile, RuleSet},
    scan::Settings,
    source::{asset::Budget, tree::TreeOptions},
};

use super::args::{ConfigArgs, RuleArgs, ScanArgs};

/// 256 MiB: larger than any source file, and what two threads can hold at once on a small machine.
const MAX_FILE_SIZE: u64 = 256 << 20;

/// 1 GiB: what a history scan may hold on a machine that does other things as well.
const MEMORY: u64 = 1 << 30;

/// Everything resolved.
pub(crate) struct Resolved {
    pub(crate) rules: RuleSet,
    pub(crate) allowlist: Allowlist,
    pub(crate) baselines: Baselines,
    pub(crate) settings: Settings,
    pub(crate) config: Config,
}

impl Resolved {
    /// Resolves the flags of a scan whose first path is `root`.
    pub(crate) fn new(args: &ScanArgs, root: &Path) -> Result<Self> {
        let mut config = config(&args.config, root)?;
        let texts = rule_texts(&args.rules, &mut config)?;
        let key = fingerprint_key(args, &config)?;
        let baselines = baselines(&args.baseline, &config, &key)?;
        Self::of(args, config, texts, key, baselines)
    }

    /// Resolves flags over a configuration that was read already, with all that it names.
    pub(crate) fn of(
        args: &ScanArgs,
        config: Config,
        texts: Vec<(String, String)>,
        fingerprint_key: FingerprintKey,
        baselines: Baselines,
    ) -> Result<Self> {
        let rules = choose(&args.rules, &config, texts)?;
        let allowlist = allowlist(&config)?;
        let size = args.max_file_size.as_ref().or(config.scan.max_file_size.as_ref());
        let settings = Settings {
            detect: Options {
                confidence: args.confidence.map(Into::into).or(config.scan.confidence).unwrap_or_default(),
                explain: args.output.explain,
            },
            tree: TreeOptions {
                ignore_files: !args.no_ignore && config.scan.ignore_files.unwrap_or(true),
                threads: args.threads.or(config.scan.threads).unwrap_or(0),
            },
            max_file_size: size.map_or(Ok(MAX_FILE_SIZE), |text| bytes(text))?,
            budget: Budget::default(),
            memory: args.memory.as_ref().map_or(Ok(MEMORY), |text| bytes(text))?,
            inherit: !args.no_inherit,
            exposure: if args.history { Exposure::History } else { Exposure::Private },
            now: Some(jiff::Timestamp::now().as_second()),
            fingerprint_key,
        };
        Ok(Self { rules, allowlist, baselines, settings, config })
    }
}

fn allowlist(config: &Config) -> Result<Allowlist> {
    let allowlist = Allowlist::new(config.allow.clone())?;
    let project = config.project.as_deref().and_then(|file| std::path::absolute(file).ok());
    Ok(match (std::env::current_dir(), project.as_deref().and_then(Path::parent)) {
        (Ok(current), Some(project)) => allowlist.in_project(&current, project),
        _ => allowlist,
    })
}

/// The fingerprint key that flags, environment or configuration give.
pub(crate) fn fingerprint_key(args: &ScanArgs, config: &Config) -> Result<FingerprintKey> {
    key(args.fingerprint_key_file.as_ref().or(config.scan.fingerprint_key_file.as_ref()))
}

/// The baselines that flags, else the configuration, name.
fn baselines(flags: &[PathBuf], config: &Config, key: &FingerprintKey) -> Result<Baselines> {
    let configured = config.scan.baseline.iter().map(|path| {
        let base = config.project.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        base.join(path)
    });
    let files: Vec<PathBuf> = if flags.is_empty() { configured.collect() } else { flags.to_vec() };
    let mut baselines = Baselines::default();
    for file in files {
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read the baseline {}", file.display()))?;
        baselines.add(&file.display().to_string(), &bytes, key, &today())?;
    }
    Ok(baselines)
}

/// The configuration for a scan of `root`.
pub(crate) fn config(args: &ConfigArgs, root: &Path) -> Result<Config> {
    if args.no_config {
        return Ok(Config::default());
    }
    let root = if root.is_file() { root.parent().unwrap_or(root) } else { root };
    Ok(Config::load(root, args.config.as_deref(), user_file().as_deref(), &today())?)
}

pub(crate) fn user_file() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")))?;
    Some(base.join("stanch").join(stanch::config::FILE_NAME))
}

/// Today as `YYYY-MM-DD` in UTC, so that an entry expires everywhere at once.
pub(crate) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// The rules chosen by flags and configuration.
pub(crate) fn rules(args: &RuleArgs, config: &Config) -> Result<RuleSet> {
    let mut config = config.clone();
    let texts = rule_texts(args, &mut config)?;
    choose(args, &config, texts)
}

/// The rule files that configuration and flags name, by name. Those of another scanner bring allow entries as well.
fn rule_texts(args: &RuleArgs, config: &mut Config) -> Result<Vec<(String, String)>> {
    let paths: Vec<PathBuf> = config.rules.files.iter().chain(&args.files).cloned().collect();
    let mut texts = Vec::new();
    for path in paths {
        let (name, text) = read_rules(&path)?;
        texts.push(super::commands::import::for_scan(&name, text, config)?);
    }
    Ok(texts)
}

/// The name and text of a rule file.
pub(crate) fn read_rules(path: &Path) -> Result<(String, String)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the rules in {}", path.display()))?;
    Ok((path.display().to_string(), text))
}

fn choose(args: &RuleArgs, config: &Config, texts: Vec<(String, String)>) -> Result<RuleSet> {
    let files: Vec<RuleFile> = texts.into_iter().map(|(name, text)| RuleFile { name, text }).collect();
    let choice = Choice {
        enable: [&config.rules.enable[..], &args.enable].concat(),
        disable: [&config.rules.disable[..], &args.disable].concat(),
        no_builtin: config.rules.no_builtin || args.no_builtin_rules,
    };
    Ok(RuleSet::load(&files, &choice)?)
}

fn key(file: Option<&PathBuf>) -> Result<FingerprintKey> {
    if let Some(text) = std::env::var_os("STANCH_FINGERPRINT_KEY") {
        return Ok(FingerprintKey::new(text.as_encoded_bytes()));
    }
    let Some(file) = file else { return Ok(FingerprintKey::default()) };
    let bytes =
        std::fs::read(file).with_context(|| format!("cannot read the fingerprint key in {}", file.display()))?;
    if bytes.is_empty() {
        bail!("the fingerprint key in {} is empty; write 32 random bytes into it", file.display());
    }
    Ok(FingerprintKey::new(&bytes))
}

/// A number of bytes: `1024`, `64 KiB`, `256MiB`, `1GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => bail!("`{text}` is no size; write bytes, or a number with KiB, MiB or GiB"),
    };
    let number: u64 = number.parse().with_context(|| format!("`{text}` is no size"))?;
    number.checked_shl(shift).filter(|size| size >> shift == number).with_context(|| format!("`{text}` is too large"))
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes() {
        assert_eq!(bytes("1024").unwrap(), 1024);
        assert_eq!(bytes("64 KiB").unwrap(), 65536);
        assert_eq!(bytes("2g").unwrap(), 2 << 30);
        for bad in ["", "x", "1 TB", "99999999999 GiB", "-1"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
