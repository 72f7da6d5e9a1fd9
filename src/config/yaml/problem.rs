//! What is wrong with a configuration, for the person who must mend it.
//!
//! Never holds a secret: whoever makes a problem about one leaves the value out.

use std::fmt;
use std::sync::Arc;

use crate::domain::fault::Fault;

/// The longest part of a value that is quoted back.
const SHOWN: usize = 80;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a file; line and column count from 1, columns in characters.
    At {
        /// The file as it was named to us.
        file: Arc<str>,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// In a file that could not be looked into.
    File(Arc<str>),
    /// In an environment variable.
    Variable(Arc<str>),
    /// Nowhere: there is no file, and no variable said it.
    Unwritten,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::File(file) => f.write_str(file),
            Self::Variable(name) => f.write_str(name),
            Self::Unwritten => f.write_str("environment"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written.
    pub place: Place,
    /// The YAML path, `users[1].password_hash`; empty when it is about the whole file.
    pub path: String,
    /// The value as written, cut short; `None` when there is none or it is secret.
    pub value: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub mend: String,
}

impl Problem {
    /// A problem without a value.
    pub(crate) fn new(place: Place, path: impl Into<String>, fault: Fault) -> Self {
        Self {
            place,
            path: visible(&path.into()),
            value: None,
            message: visible(&fault.message),
            mend: visible(&fault.mend),
        }
    }

    /// The same, showing what was written.
    pub(crate) fn showing(mut self, value: &str) -> Self {
        let cut = value.chars().count() > SHOWN;
        let mut shown: String = value.chars().take(SHOWN).collect();
        if cut {
            shown.push('…');
        }
        self.value = Some(visible(&shown));
        self
    }
}

/// A control character, of a key or a value, must not reach the operator's terminal.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(value) = &self.value {
            write!(f, " ({value})")?;
        }
        if !self.mend.is_empty() {
            write!(f, " - {}", self.mend)?;
        }
        Ok(())
    }
}

/// Everything that is wrong, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts by place. What was found twice, since two parts looked, is said once.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems
            .sort_by(|a, b| (&a.place, &a.path, &a.message).cmp(&(&b.place, &b.path, &b.message)));
        problems.dedup();
        Self(problems)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
