//! Who may use the admin API: whoever can open the socket, and over TCP who has the token.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, header};

use crate::auth::denial::Denial;
use crate::domain::secret::Secret;

/// Compares what `Authorization` brings with the token. Of digests, so that the time
/// tells neither where the first wrong byte is nor how long the token is.
pub(super) fn admit(headers: &HeaderMap, token: &Secret) -> Result<(), Denial> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, second) = (values.next(), values.next());
    let Some(value) = value else {
        return Err(Denial::AdminTokenRequired);
    };
    let presented = bearer(value.as_bytes()).filter(|_| second.is_none());
    let presented = presented.ok_or(Denial::AdminTokenInvalid)?;
    let (ours, theirs) = (digest(&SHA256, token.expose()), digest(&SHA256, presented));
    verify_slices_are_equal(ours.as_ref(), theirs.as_ref())
        .map_err(|_unequal| Denial::AdminTokenInvalid)
}

/// The credentials of RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(b"Bearer ".len())?;
    let token = rest.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let token = Secret::new("0123456789abcdef");
        for (values, opens) in [
            (&["Bearer 0123456789abcdef"][..], true),
            (&["bearer  0123456789abcdef"], true),
            (&[], false),
            (&[""], false),
            (&["Bearer"], false),
            (&["Bearer "], false),
            (&["0123456789abcdef"], false),
            (&["Basic 0123456789abcdef"], false),
            (&["Bearer 0123456789abcde"], false),
            (&["Bearer 0123456789abcdeg"], false),
            (&["Bearer 0123456789abcdef0"], false),
            (&["Bearer 0123456789ABCDEF"], false),
            (&["Bearer 0123456789abcdef", "Bearer x"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            assert_eq!(admit(&headers, &token).is_ok(), opens, "{values:?}");
        }
    }
}
