//! Who else on this machine can read what is secret.

use super::facts::{Facts, FileSeen};
use super::finding::Finding;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    facts.files.iter().filter_map(judge).collect()
}

fn judge(file: &FileSeen) -> Option<Finding> {
    let FileSeen { path, holds, mode } = file;
    let path = path.display();
    let what = |who: &str| format!("{path} ({holds}) can be {who}; its mode is {mode:04o}");
    let why = match holds.as_str() {
        "password hashes" => "passwords can be guessed from the hashes at leisure",
        _ => "whoever reads a key or a token acts as the gateway, or as any user",
    };
    let mend = |change: &str| format!("chmod {change} {path}");
    if mode & 0o002 != 0 {
        return Some(Finding::problem(
            "files.world_writable",
            (
                what("written by every user of this machine"),
                "whoever writes there signs in as anybody",
                mend("o-rwx"),
            ),
        ));
    }
    if mode & 0o007 != 0 {
        return Some(Finding::problem(
            "files.world_readable",
            (
                what("read by every user of this machine"),
                why,
                mend("o-rwx"),
            ),
        ));
    }
    if mode & 0o020 != 0 {
        return Some(Finding::problem(
            "files.group_writable",
            (
                what("written by its group"),
                "whoever writes there signs in as anybody",
                mend("g-w"),
            ),
        ));
    }
    (mode & 0o050 != 0).then(|| {
        Finding::note(
            "files.group_readable",
            (
                what("read by its group"),
                why,
                format!("chmod g-rwx {path}, unless the gateway reads it through that group"),
            ),
        )
    })
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
            let file = FileSeen {
                path: "/x".into(),
                holds: "signing.key".into(),
                mode,
            };
            assert_eq!(judge(&file).map(|found| found.id), id, "{mode:o}");
        }
    }
}
