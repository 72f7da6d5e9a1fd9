//! What works and may not be meant: one sentence for everybody who says it.

use std::fmt;

use serde::Serialize;

use crate::config::yaml::problem::visible;

/// How bad it is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be mended.
    Problem,
    /// Something did not answer, so that it could not be looked at.
    #[serde(rename = "unavailable")]
    Silent,
    /// To be known; may be meant so.
    Note,
    /// What somebody who writes the file should know, and nobody else.
    Hint,
}

/// One of them. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// Stable: scripts match on it.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is so.
    pub what: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do about it.
    pub mend: String,
}

impl Lint {
    /// What others sent must not steer the terminal.
    pub fn new(
        severity: Severity,
        id: &'static str,
        what: impl AsRef<str>,
        why: &'static str,
        mend: impl AsRef<str>,
    ) -> Self {
        Self {
            id,
            severity,
            what: visible(what.as_ref()),
            why,
            mend: visible(mend.as_ref()),
        }
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            what,
            why,
            mend,
            ..
        } = self;
        write!(f, "{what}: {why} - {mend} [{id}]")
    }
}
