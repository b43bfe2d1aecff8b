//! The exit codes, which are a contract.

use std::process::ExitCode;

use stanch::model::Outcome;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Nothing found, and everything asked for was read.
    Clean,
    /// Something found; 1, unless the user chose another code.
    Findings(u8),
    /// Wrong usage, configuration or rule.
    Usage,
    /// Something asked for could not be read.
    Incomplete,
}

impl Exit {
    /// What an outcome means. Findings go before incompleteness, unless the user has findings pass; the report says both.
    pub(crate) fn of(outcome: &Outcome, findings: u8) -> Self {
        if outcome.has_leaks() && findings > 0 {
            Self::Findings(findings)
        } else if outcome.is_complete() {
            Self::Clean
        } else {
            Self::Incomplete
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Findings(code) => code,
            Exit::Usage => 2,
            Exit::Incomplete => 3,
        })
    }
}
