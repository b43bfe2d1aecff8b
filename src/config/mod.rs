//! Defaults, files, environment and flags become one `Config`.

mod file;

use std::path::{Path, PathBuf};

pub use file::{ConfigError, ConfigFile, ReportSection, RulesSection, ScanSection};

use crate::filter::AllowEntry;

/// The name of a project's file.
pub const FILE_NAME: &str = "stanch.toml";

/// What the files say, the project's over the user's.
#[derive(Debug, Default)]
pub struct Config {
    /// `[scan]`.
    pub scan: ScanSection,
    /// `[rules]`.
    pub rules: RulesSection,
    /// `[report]`.
    pub report: ReportSection,
    /// All `[[allow]]` entries, the user's first.
    pub allow: Vec<AllowEntry>,
    /// The project's file, where there is one.
    pub project: Option<PathBuf>,
}

impl Config {
    /// Reads the user's file and the project's file for a scan of `root`. `explicit` names the project's file; otherwise it
    /// is looked for upward from `root`.
    pub fn load(root: &Path, explicit: Option<&Path>, user: Option<&Path>, today: &str) -> Result<Self, ConfigError> {
        let mut config = Self::of_user(user, today)?;
        let project = explicit.map(Path::to_owned).or_else(|| find_upward(root));
        if let Some(project) = project {
            config.apply(ConfigFile::read(&project, today)?, &project);
            config.project = Some(project);
        }
        Ok(config)
    }

    /// The user's file alone.
    pub fn of_user(user: Option<&Path>, today: &str) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some(user) = user.filter(|path| path.is_file()) {
            config.apply(ConfigFile::read(user, today)?, user);
        }
        Ok(config)
    }

    /// Lays a file over what is there; `path` is where it was, for the paths in it.
    pub fn apply(&mut self, file: ConfigFile, path: &Path) {
        let base = path.parent().unwrap_or(Path::new(""));
        self.scan = file.scan.over(&self.scan);
        self.report = file.report.over(&self.report);
        self.rules.files.extend(file.rules.files.iter().map(|rules| base.join(rules)));
        self.rules.enable.extend(file.rules.enable);
        self.rules.disable.extend(file.rules.disable);
        self.rules.no_builtin |= file.rules.no_builtin;
        self.allow.extend(file.allow);
    }
}

/// `stanch.toml` in `root` or the nearest directory above it.
#[must_use]
pub fn find_upward(root: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(root).ok()?;
    absolute.ancestors().map(|directory| directory.join(FILE_NAME)).find(|path| path.is_file())
}
