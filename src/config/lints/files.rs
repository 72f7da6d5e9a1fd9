//! Who else on this machine can read what is secret. Looks at modes, and reads no file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Lint;
use super::Severity::{Note, Problem};
use crate::config::settings::Settings;

pub(super) fn check(settings: &Settings) -> Vec<Lint> {
    let mut held: Vec<(PathBuf, Vec<&str>)> = Vec::new();
    let mut note = |path: &Path, what| match held.iter_mut().find(|(known, _)| known == path) {
        Some((_, all)) if all.contains(&what) => {}
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
    let judged = held.iter().filter_map(|(path, holds)| {
        let mode = std::fs::metadata(path).ok()?.permissions().mode();
        judge(path, &holds.join(", "), mode & 0o777)
    });
    judged.collect()
}

fn judge(path: &Path, holds: &str, mode: u32) -> Option<Lint> {
    let path = path.display();
    let what = |who: &str| format!("{path} ({holds}) can be {who}; its mode is {mode:04o}");
    let to_read = match holds {
        "password hashes" => "passwords can be guessed from the hashes at leisure",
        _ => "whoever reads a key or a token acts as the gateway, or as any user",
    };
    let to_write = "whoever writes there signs in as anybody";
    let (severity, id, who, why, mend) = match mode {
        _ if mode & 0o002 != 0 => (
            Problem,
            "files.world_writable",
            "written by every user of this machine",
            to_write,
            format!("chmod o-rwx {path}"),
        ),
        _ if mode & 0o007 != 0 => (
            Problem,
            "files.world_readable",
            "read by every user of this machine",
            to_read,
            format!("chmod o-rwx {path}"),
        ),
        _ if mode & 0o020 != 0 => (
            Problem,
            "files.group_writable",
            "written by its group",
            to_write,
            format!("chmod g-w {path}"),
        ),
        _ if mode & 0o050 != 0 => (
            Note,
            "files.group_readable",
            "read by its group",
            to_read,
            format!("chmod g-rwx {path}, unless the gateway reads it through that group"),
        ),
        _ => return None,
    };
    Some(Lint::new(severity, id, what(who), why, mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for (mode, id) in [
            (0o600, None),
            (0o400, None),
            (0o700, None),
            (0o640, Some("files.group_readable")),
            (0o660, Some("files.group_writable")),
            (0o644, Some("files.world_readable")),
            (0o711, Some("files.world_readable")),
            (0o602, Some("files.world_writable")),
            (0o666, Some("files.world_writable")),
        ] {
            let found = judge(Path::new("/x"), "signing.key", mode);
            assert_eq!(found.map(|found| found.id), id, "{mode:o}");
        }
    }
}
