//! Files and what they are open to. Reads no file but the certificate.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::super::facts::FileSeen;
use crate::adapters::config::settings::Settings;
use crate::adapters::regular;
use crate::adapters::tls_probe::{self, Chain};
use crate::domain::time::Timestamp;

/// The permission bits.
pub(super) fn mode(path: &Path) -> Option<u32> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(metadata.permissions().mode() & 0o777)
}

/// Everything on disk that is secret.
pub(super) fn files(settings: &Settings) -> Vec<FileSeen> {
    let mut held: Vec<(PathBuf, Vec<&str>)> = Vec::new();
    let mut note = |path: &Path, what| match held.iter_mut().find(|(known, _)| known == path) {
        Some((_, all)) => all.push(what),
        None => held.push((path.to_owned(), vec![what])),
    };
    for secret in &settings.secrets {
        let what = match secret.key.as_str() {
            "users" => "password hashes",
            key => key,
        };
        note(&secret.file, what);
    }
    if let Some(tls) = &settings.tls {
        note(&tls.key, "the key of the certificate");
    }
    note(&settings.data_dir, "keys and sessions");
    let inside = std::fs::read_dir(&settings.data_dir).into_iter().flatten();
    for entry in inside.flatten() {
        note(&entry.path(), "keys and sessions");
    }
    held.into_iter()
        .filter_map(|(path, holds)| {
            Some(FileSeen {
                mode: mode(&path)?,
                holds: holds.join(", "),
                path,
            })
        })
        .collect()
}

/// The chain of `tls.cert`.
pub(super) fn certificate(
    settings: &Settings,
    host: Option<&str>,
    now: Timestamp,
) -> Option<Chain> {
    let mut file = regular::open(&settings.tls.as_ref()?.cert).ok()?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).ok()?;
    let parts = pem::parse_many(text).ok()?;
    let certificates = parts.into_iter().filter(|part| part.tag() == "CERTIFICATE");
    let chain: Vec<Vec<u8>> = certificates.map(pem::Pem::into_contents).collect();
    tls_probe::judge(&chain, host, now)
}
