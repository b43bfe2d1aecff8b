//! Built-in and user rules become one `RuleSet`; duplicates and disabled rules are settled here.

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Arc, OnceLock},
};

use sha2::{Digest, Sha256};

use super::{
    builtin,
    compile::{Compiled, compile_file},
    rule::Rule,
    syntax,
    table::{self, Pass, Table},
};
use crate::model::{Confidence, RuleInfo};

/// Text of a user's pattern file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Its name, for errors.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Which rules to use. Each word is a rule's id, a provider, a category or a tag.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Use only these; empty for all.
    pub enable: Vec<String>,
    /// Leave these out.
    pub disable: Vec<String>,
    /// Leave the built-in rules out.
    pub no_builtin: bool,
}

/// A pattern file that cannot be used.
#[derive(thiserror::Error, Debug)]
pub enum LoadError {
    /// Something is wrong in a file.
    #[error("{file}:{line}: {why}")]
    Bad {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong, and the cure.
        why: String,
    },
    /// Two rules have the same id.
    #[error(
        "{file}: rule `{id}` is already there; give it another id, or leave the built-in one out with --disable-rule {id}"
    )]
    Duplicate {
        /// The later file.
        file: String,
        /// The id.
        id: String,
    },
    /// A word chose no rule.
    #[error("`{word}` is no rule, provider, category or tag{hint}")]
    UnknownWord {
        /// The word.
        word: String,
        /// The nearest valid one, as ` (did you mean …?)`.
        hint: String,
    },
}

/// A rule that has been read.
#[derive(Debug)]
pub struct LoadedRule {
    /// What reports say of it.
    pub info: Arc<RuleInfo>,
    /// How it finds.
    pub rule: Rule,
    /// From which operating point it is shown.
    pub confidence: Confidence,
}

/// All rules of a run.
pub struct RuleSet {
    table: Table,
    /// Whether the table is the built-in one, whose anchors were built with the program.
    builtin: bool,
    /// Boxed, since few are ever asked for, and all that lies in one place is cleared at each start.
    loaded: Vec<OnceLock<Box<LoadedRule>>>,
    enabled: Option<Vec<bool>>,
}

impl RuleSet {
    /// The built-in rules.
    #[must_use]
    pub fn builtin() -> Self {
        Self::of(builtin::table(), true)
    }

    fn of(table: Table, builtin: bool) -> Self {
        let loaded = std::iter::repeat_with(OnceLock::new).take(table.len()).collect();
        Self { table, builtin, loaded, enabled: None }
    }

    /// The built-in rules and those of `files`, narrowed by `choice`.
    pub fn load(files: &[RuleFile], choice: &Choice) -> Result<Self, LoadError> {
        let mut set =
            if files.is_empty() && !choice.no_builtin { Self::builtin() } else { Self::merged(files, choice)? };
        set.choose(choice)?;
        Ok(set)
    }

    fn merged(files: &[RuleFile], choice: &Choice) -> Result<Self, LoadError> {
        let mut rules: Vec<Compiled> = Vec::new();
        if !choice.no_builtin {
            let table = builtin::table();
            rules.extend((0..table.len() as u32).map(|index| table.rule(index)));
            rules.retain(|(info, _)| !choice.disable.contains(&info.id));
        }
        let mut ids: HashSet<String> = rules.iter().map(|(info, _)| info.id.clone()).collect();
        for file in files {
            let bad = |(line, why)| LoadError::Bad { file: file.name.clone(), line, why };
            let parsed = syntax::parse(&file.text).map_err(bad)?;
            for compiled in compile_file(&file.name, &file.text, &parsed).map_err(bad)? {
                if !ids.insert(compiled.0.id.clone()) {
                    return Err(LoadError::Duplicate { file: file.name.clone(), id: compiled.0.id });
                }
                rules.push(compiled);
            }
        }
        Ok(Self::of(Table::new(Cow::Owned(table::build(&rules))), false))
    }

    fn choose(&mut self, choice: &Choice) -> Result<(), LoadError> {
        if choice.enable.is_empty() && choice.disable.is_empty() {
            return Ok(());
        }
        let infos: Vec<Arc<RuleInfo>> = (0..self.len() as u32).map(|index| self.get(index).info.clone()).collect();
        let names = |info: &RuleInfo, word: &str| {
            info.id == word || info.provider == word || info.category == word || info.tags.iter().any(|tag| tag == word)
        };
        for word in choice.enable.iter().chain(&choice.disable) {
            // A disabled built-in rule has already been left out where user files were merged in.
            let gone = choice.disable.contains(word) && !self.builtin;
            if !gone && !infos.iter().any(|info| names(info, word)) {
                return Err(LoadError::UnknownWord { word: word.clone(), hint: nearest(word, &infos) });
            }
        }
        let chosen = |info: &RuleInfo, words: &[String]| words.iter().any(|word| names(info, word));
        let keep = |info: &Arc<RuleInfo>| {
            (choice.enable.is_empty() || chosen(info, &choice.enable)) && !chosen(info, &choice.disable)
        };
        self.enabled = Some(infos.iter().map(keep).collect());
        Ok(())
    }

    /// Number of rules, disabled ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// One rule; read on first use.
    #[must_use]
    pub fn get(&self, index: u32) -> &LoadedRule {
        self.loaded[index as usize].get_or_init(|| {
            let (info, rule) = self.table.rule(index);
            let confidence = match rule.confidence.as_str() {
                "high" => Confidence::High,
                "low" => Confidence::Low,
                _ => Confidence::Medium,
            };
            Box::new(LoadedRule { info: Arc::new(info), rule, confidence })
        })
    }

    /// All rules in use, with their indexes. Reads them all.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &LoadedRule)> {
        (0..self.len() as u32).filter(|&index| self.is_enabled(index)).map(|index| (index, self.get(index)))
    }

    /// The index of a rule by its id. Reads the rules up to it.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<u32> {
        (0..self.len() as u32).find(|&index| self.get(index).info.id == id)
    }

    /// Whether the user left the rule in use.
    #[must_use]
    pub fn is_enabled(&self, index: u32) -> bool {
        self.enabled.as_ref().is_none_or(|enabled| enabled[index as usize])
    }

    /// The tables of an anchor pass, where they were built with the program: for the built-in rules alone.
    #[must_use]
    pub fn built_anchors(&self, pass: Pass) -> Option<&'static [u8]> {
        self.builtin.then_some(match pass {
            Pass::Everywhere => builtin::EVERYWHERE,
            Pass::BeforeRuns => builtin::BEFORE_RUNS,
            Pass::Named => builtin::NAMED,
        })
    }

    /// The compiled form.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Indexes of the rules in use that the judge of names and values reports under: anybody's, or those that are for one
    /// provider's credentials.
    pub fn judge_rules(&self, providers: bool) -> impl Iterator<Item = u32> + '_ {
        self.table.judge_rules(providers).filter(|&index| self.is_enabled(index))
    }

    /// SHA-256 over the compiled rules, what the judge has learned, and which rules are in use: two runs with the same
    /// digest judge alike.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(env!("CARGO_PKG_VERSION"));
        if self.builtin {
            hasher.update(builtin::digest());
        } else {
            hasher.update(Sha256::digest(self.table.bytes()));
        }
        hasher.update(builtin::judge_digest());
        for &enabled in self.enabled.iter().flatten() {
            hasher.update([u8::from(enabled)]);
        }
        hasher.finalize().into()
    }
}

fn nearest(word: &str, infos: &[Arc<RuleInfo>]) -> String {
    let words = infos.iter().flat_map(|info| [&info.id, &info.provider, &info.category]);
    words
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(String::new(), |(_, known)| format!(" (did you mean `{known}`?)"))
}
