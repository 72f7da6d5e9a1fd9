//! Test data of other projects, read from where it lies: `DOORWARD_VECTORS` names the folder.

use std::path::Path;

use super::optional::skip;

/// A file of it; says loudly that a test is skipped, or panics in CI.
#[track_caller]
pub fn bytes(file: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("DOORWARD_VECTORS") else {
        skip("DOORWARD_VECTORS names no folder with test data");
        return None;
    };
    let path = Path::new(&folder).join(file);
    let bytes = std::fs::read(&path);
    Some(bytes.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The same of a JSON file.
#[track_caller]
pub fn json(file: &str) -> Option<serde_json::Value> {
    Some(serde_json::from_slice(&bytes(file)?).unwrap())
}
