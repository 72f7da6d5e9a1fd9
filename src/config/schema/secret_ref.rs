//! A secret by reference: `env:NAME`, `file:/path`, or the text itself.

use crate::domain::secret::Secret;

use crate::config::schema::reader::Spot;
use crate::domain::fault::Fault;

/// The largest secret: an RSA key of 16384 bits in PEM has 13 KiB.
const MAX_BYTES: usize = 64 * 1024;

/// Follows the reference. A problem shows the reference, never a secret.
pub(crate) fn read(spot: &Spot<'_>) -> Option<Secret> {
    let text = match spot.text() {
        Ok(text) => text,
        Err(fault) => {
            spot.refuse(fault);
            return None;
        }
    };
    let found = if let Some(name) = text.strip_prefix("env:") {
        let value = spot.cx.env.get(name);
        value
            .map(|value| value.as_encoded_bytes().to_vec())
            .ok_or_else(|| Fault::new("names a variable that is not set", format!("set {name}")))
    } else if let Some(path) = text.strip_prefix("file:") {
        let path = spot.cx.resolve(&spot.node.place, path);
        spot.cx.read(&path, MAX_BYTES).map(|mut bytes| {
            spot.cx.secret_in(&path, &spot.path);
            drop_newline(&mut bytes);
            bytes
        })
    } else {
        if !is_open_url(text) {
            spot.cx.literal_secret(&spot.node.place, &spot.path);
        }
        Ok(text.as_bytes().to_vec())
    };
    match found {
        Ok(bytes) if bytes.is_empty() => {
            spot.refuse_secret(Fault::new("is empty", "give a secret"));
            None
        }
        Ok(bytes) => Some(Secret::new(bytes)),
        Err(fault) => {
            spot.refuse(fault);
            None
        }
    }
}

/// Of a Redis URL, the password is what is secret.
pub(crate) fn is_open_url(text: &str) -> bool {
    text.contains("://") && !text.contains('@') && !text.contains("pass=")
}

/// One newline at the end is the editor's, or that of `echo`.
pub(crate) fn drop_newline(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}
