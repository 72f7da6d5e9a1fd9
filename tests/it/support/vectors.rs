//! Test data of others, read from where it lies: `DOORWARD_VECTORS` names the folder.

use std::path::PathBuf;

use super::optional::skip;

/// A folder of the test data; says loudly that a test is skipped, or panics in CI.
pub fn vectors(sub: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("DOORWARD_VECTORS") else {
        skip("DOORWARD_VECTORS does not name the folder of the test vectors");
        return None;
    };
    let folder = PathBuf::from(root).join(sub);
    assert!(folder.is_dir(), "{} is no folder", folder.display());
    Some(folder)
}
