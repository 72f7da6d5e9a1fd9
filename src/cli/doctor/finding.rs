//! One thing that was found: what, why it matters, and its mend.

use std::fmt;

use serde_json::{Value, json};

/// How bad it is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// To be mended.
    Problem,
    /// Something did not answer, so that it could not be looked at.
    Silent,
    /// To be known; may be meant so.
    Note,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Silent => "unavailable",
            Self::Note => "note",
        }
    }
}

/// One finding. Holds no secret.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// Stable: scripts match on it.
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    pub(super) what: String,
    pub(super) why: &'static str,
    pub(super) mend: String,
}

impl Finding {
    fn new(
        severity: Severity,
        id: &'static str,
        (what, why, mend): (impl Into<String>, &'static str, impl Into<String>),
    ) -> Self {
        Self {
            id,
            severity,
            what: what.into(),
            why,
            mend: mend.into(),
        }
    }

    /// To be mended: what, why, mend.
    pub(super) fn problem(
        id: &'static str,
        words: (impl Into<String>, &'static str, impl Into<String>),
    ) -> Self {
        Self::new(Severity::Problem, id, words)
    }

    /// Did not answer: what, why, mend.
    pub(super) fn silent(
        id: &'static str,
        words: (impl Into<String>, &'static str, impl Into<String>),
    ) -> Self {
        Self::new(Severity::Silent, id, words)
    }

    /// To be known: what, why, mend.
    pub(super) fn note(
        id: &'static str,
        words: (impl Into<String>, &'static str, impl Into<String>),
    ) -> Self {
        Self::new(Severity::Note, id, words)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "severity": self.severity.word(),
            "what": self.what,
            "why": self.why,
            "mend": self.mend,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What others sent must not steer the terminal.
        let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let what: String = self.what.chars().map(clean).collect();
        writeln!(f, "{} ({}): {what}", self.severity.word(), self.id)?;
        writeln!(f, "    why:  {}", self.why)?;
        writeln!(f, "    mend: {}", self.mend)
    }
}
