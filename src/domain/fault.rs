//! What is wrong with a value that somebody wrote, and what mends it.

/// What is wrong with one value, before anybody said where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong, to be read after the key: `is not a duration`.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) mend: String,
}

impl Fault {
    /// A fault and its mend.
    pub(crate) fn new(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            mend: mend.into(),
        }
    }

    /// A fault whose mend is `write PROPOSAL`, if that would be taken; else it is
    /// `otherwise`. A mend that is refused in its turn costs more than none.
    pub(crate) fn proposing<T>(
        message: impl Into<String>,
        proposal: &str,
        parse: impl FnOnce(&str) -> Result<T, Self>,
        otherwise: &str,
    ) -> Self {
        match parse(proposal) {
            Ok(_) => Self::new(message, format!("write {proposal}")),
            Err(_) => Self::new(message, otherwise),
        }
    }
}
