//! The process' environment as a value, captured once: what is parsed is then the
//! same for the whole start, and a test brings its own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// Variables and the working directory.
#[derive(Clone, Default)]
pub struct Environment {
    vars: BTreeMap<String, OsString>,
    dir: PathBuf,
}

impl Environment {
    /// An environment of these variables, with relative paths counting from `dir`.
    pub fn new<K, V>(vars: impl IntoIterator<Item = (K, V)>, dir: impl Into<PathBuf>) -> Self
    where
        K: Into<String>,
        V: Into<OsString>,
    {
        Self {
            vars: vars
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            dir: dir.into(),
        }
    }

    /// The environment of this process, now. Variables whose name is not Unicode are
    /// left out: none of ours is.
    pub fn from_process() -> Self {
        let vars =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        // Without a working directory relative paths fail where they are opened.
        Self::new(vars, std::env::current_dir().unwrap_or_default())
    }

    /// The working directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(name).map(OsString::as_os_str)
    }

    /// Name and value of every variable, in the order of the names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.vars
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_os_str()))
    }
}

/// Names alone: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.keys())
            .field("dir", &self.dir)
            .finish()
    }
}
