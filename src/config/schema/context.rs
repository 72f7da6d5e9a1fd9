//! What a parse gathers beside the settings: problems, warnings, and the files read.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::lints::lint::Lint;
use crate::config::schema::environment::Environment;
use crate::config::settings::SecretFile;
use crate::config::yaml::problem::{Place, Problem};
use crate::domain::fault::Fault;

/// Collects while the sections are read.
#[derive(Debug)]
pub(crate) struct Context {
    /// The environment of this load.
    pub(crate) env: Environment,
    /// The folder that relative paths of the file count from.
    folder: PathBuf,
    problems: RefCell<Vec<Problem>>,
    lints: RefCell<Vec<Lint>>,
    sources: RefCell<Vec<PathBuf>>,
    secrets: RefCell<Vec<SecretFile>>,
}

/// What a [`Context`] gathered.
pub(crate) struct Gathered {
    pub(crate) problems: Vec<Problem>,
    pub(crate) lints: Vec<Lint>,
    pub(crate) sources: Vec<PathBuf>,
    pub(crate) secrets: Vec<SecretFile>,
}

impl Context {
    /// For a file in `folder`; a relative one counts from the working directory.
    pub(crate) fn new(env: &Environment, folder: &Path) -> Self {
        Self {
            folder: env.dir().join(folder),
            env: env.clone(),
            problems: RefCell::default(),
            lints: RefCell::default(),
            sources: RefCell::default(),
            secrets: RefCell::default(),
        }
    }

    /// Notes a problem.
    pub(crate) fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Whether something at or below this YAML path is already known to be wrong.
    pub(crate) fn has_problem_below(&self, path: &str) -> bool {
        let problems = self.problems.borrow();
        problems
            .iter()
            .any(|problem| problem.path.starts_with(path))
    }

    /// How many problems there are so far.
    pub(crate) fn problems_so_far(&self) -> usize {
        self.problems.borrow().len()
    }

    /// Notes what is good and may not be meant.
    pub(crate) fn lint(&self, lint: Lint) {
        self.lints.borrow_mut().push(lint);
    }

    /// The path, made absolute from where it was written.
    pub(crate) fn resolve(&self, place: &Place, path: &str) -> PathBuf {
        let base = match place {
            Place::At { .. } | Place::File(_) | Place::Unwritten => &self.folder,
            Place::Variable(_) => self.env.dir(),
        };
        // Its components, so that `./x` and `x` are one path.
        base.join(path).components().collect()
    }

    /// Reads a file of at most `limit` bytes and notes it as a source.
    pub(crate) fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, Fault> {
        self.source(path);
        read(path, limit)
    }

    /// Notes a file whose change is a reload.
    pub(crate) fn source(&self, path: &Path) {
        let mut sources = self.sources.borrow_mut();
        if !sources.iter().any(|known| known == path) {
            sources.push(path.to_owned());
        }
    }

    /// Notes that a file holds the value of a key that is secret.
    pub(crate) fn secret_in(&self, file: &Path, key: &str) {
        self.secrets.borrow_mut().push(SecretFile {
            key: key.to_owned(),
            file: file.to_owned(),
            is_literal: false,
        });
    }

    /// Notes that the value of a secret key stands in the configuration itself; not where
    /// it came from a variable.
    pub(crate) fn literal_secret(&self, place: &Place, key: &str) {
        if let Place::At { file, .. } = place {
            self.secrets.borrow_mut().push(SecretFile {
                key: key.to_owned(),
                file: self.env.dir().join(file.as_ref()),
                is_literal: true,
            });
        }
    }

    /// Everything gathered.
    pub(crate) fn finish(self) -> Gathered {
        Gathered {
            problems: self.problems.into_inner(),
            lints: self.lints.into_inner(),
            sources: self.sources.into_inner(),
            secrets: self.secrets.into_inner(),
        }
    }
}

/// Why a file cannot be used.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(
        format!("cannot be read: {}: {error}", path.display()),
        "check the path and its permissions",
    )
}

/// Reads a whole file, never more than `limit` bytes of it.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Fault> {
    let failed = |error: std::io::Error| unreadable(path, &error);
    let file = File::open(path).map_err(failed)?;
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit {
        return Err(Fault::new(
            format!("{} is larger than {limit} bytes", path.display()),
            "give a smaller file",
        ));
    }
    Ok(bytes)
}

/// The bytes of a YAML or users file as text; an error names the line.
pub(crate) fn text(bytes: Vec<u8>, file: &Arc<str>) -> Result<String, Box<Problem>> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let place = Place::At {
            file: Arc::clone(file),
            line,
            column: 1,
        };
        let fault = Fault::new("is not UTF-8 text", "save the file as UTF-8");
        Box::new(Problem::new(place, "", fault))
    })
}
