//! What goes beside the access token: refresh tokens, CSRF tokens and seals. HMAC-SHA256 under
//! keys derived from the signing key, a label each, so that rotation of one rotates all
//! and none passes for another.
//!
//! A refresh token is `base64url(session ‖ generation ‖ end ‖ tag)`, 86 letters. The same
//! session and generation give the same token again, so nothing of it need be kept.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::keyring::{Key, Keyring};
use crate::auth::ports::{Sealed, SignError};
use crate::auth::refresh::RefreshToken;
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

const SESSION: usize = 16;
const NUMBER: usize = 8;
const BODY: usize = SESSION + NUMBER + NUMBER;
const TAG: usize = 32;

pub(super) fn seal_refresh(ring: &Keyring, token: &RefreshToken) -> Result<String, SignError> {
    let key = ring.first().ok_or_else(no_key)?;
    let mut bytes = Vec::with_capacity(BODY + TAG);
    bytes.extend_from_slice(token.session.as_bytes());
    bytes.extend_from_slice(&token.generation.to_be_bytes());
    bytes.extend_from_slice(&token.ends.millis().to_be_bytes());
    let tag = hmac::sign(&key.refresh, &bytes);
    bytes.extend_from_slice(tag.as_ref());
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

pub(super) fn open_refresh(ring: &Keyring, token: &[u8]) -> Option<RefreshToken> {
    let bytes: [u8; BODY + TAG] = decoded(token)?;
    let (body, tag) = bytes.split_at_checked(BODY)?;
    let ours = |key: &hmac::Key| hmac::verify(key, body, tag).is_ok();
    if !ring.all().any(|key| ours(&key.refresh)) {
        return None;
    }
    let (session, numbers) = body.split_first_chunk::<SESSION>()?;
    let (generation, numbers) = numbers.split_first_chunk::<NUMBER>()?;
    let ends = numbers.first_chunk::<NUMBER>()?;
    Some(RefreshToken {
        session: SessionId::from_bytes(*session),
        generation: u64::from_be_bytes(*generation),
        ends: Timestamp::from_millis(u64::from_be_bytes(*ends)),
    })
}

pub(super) fn csrf_token(ring: &Keyring, session: SessionId) -> Result<String, SignError> {
    let key = ring.first().ok_or_else(no_key)?;
    let tag = hmac::sign(&key.csrf, session.as_bytes());
    Ok(URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

pub(super) fn is_csrf_token(ring: &Keyring, session: SessionId, presented: &[u8]) -> bool {
    let Some(tag) = decoded::<TAG>(presented) else {
        return false;
    };
    ring.all()
        .any(|key| hmac::verify(&key.csrf, session.as_bytes(), &tag).is_ok())
}

pub(super) fn seal(ring: &Keyring, what: Sealed, text: &[u8]) -> Result<String, SignError> {
    let key = ring.first().ok_or_else(no_key)?;
    let tag = hmac::sign(key_of(key, what), text);
    Ok(URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

pub(super) fn is_sealed(ring: &Keyring, what: Sealed, text: &[u8], seal: &[u8]) -> bool {
    let Some(tag) = decoded::<TAG>(seal) else {
        return false;
    };
    ring.all()
        .any(|key| hmac::verify(key_of(key, what), text, &tag).is_ok())
}

fn key_of(key: &Key, what: Sealed) -> &hmac::Key {
    match what {
        Sealed::Bounce => &key.bounce,
        Sealed::Known => &key.known,
    }
}

/// Exactly so many bytes in base64url without padding, in its one spelling.
fn decoded<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != N.saturating_mul(4).div_ceil(3) {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn no_key() -> SignError {
    SignError("there is no key".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::jwt::algorithm::Algorithm;
    use crate::domain::secret::Secret;

    fn ring(keys: &[&str]) -> Keyring {
        let keys: Vec<Secret> = keys
            .iter()
            .map(|key| Secret::new((*key).to_owned()))
            .collect();
        Keyring::new(Algorithm::Hs256, &keys).unwrap()
    }

    const OLD: &str = "an old key of thirty-two bytes, at least";
    const NEW: &str = "a new key of thirty-two bytes, at least";

    fn session(number: u8) -> SessionId {
        SessionId::new(Timestamp::from_secs(1_790_000_000), [number; 10])
    }

    fn token() -> RefreshToken {
        RefreshToken {
            session: session(1),
            generation: 7,
            ends: Timestamp::from_millis(1_790_000_123_456),
        }
    }

    #[test]
    fn a_refresh_token_comes_back_and_is_always_the_same() {
        let ring = ring(&[OLD]);
        let sealed = seal_refresh(&ring, &token()).unwrap();
        assert_eq!(sealed.len(), 86);
        assert_eq!(sealed, seal_refresh(&ring, &token()).unwrap());
        assert_eq!(open_refresh(&ring, sealed.as_bytes()), Some(token()));
    }

    #[test]
    fn a_retired_key_still_opens_and_a_foreign_one_does_not() {
        let sealed = seal_refresh(&ring(&[OLD]), &token()).unwrap();
        let both = ring(&[NEW, OLD]);
        assert_eq!(open_refresh(&both, sealed.as_bytes()), Some(token()));
        assert_ne!(seal_refresh(&both, &token()).unwrap(), sealed);
        assert_eq!(open_refresh(&ring(&[NEW]), sealed.as_bytes()), None);
        let csrf = csrf_token(&ring(&[OLD]), session(1)).unwrap();
        assert!(is_csrf_token(&both, session(1), csrf.as_bytes()));
        assert!(!is_csrf_token(&ring(&[NEW]), session(1), csrf.as_bytes()));
    }

    #[test]
    fn no_altered_letter_passes() {
        let ring = ring(&[OLD]);
        let sealed = seal_refresh(&ring, &token()).unwrap().into_bytes();
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
            if altered != sealed {
                assert_eq!(open_refresh(&ring, &altered), None, "letter {place}");
            }
        }
        for odd in [
            &sealed[1..],
            b"",
            b"=",
            &[sealed.clone(), b"A".to_vec()].concat(),
        ] {
            assert_eq!(open_refresh(&ring, odd), None);
        }
    }

    #[test]
    fn a_csrf_token_is_of_one_session_and_no_refresh_token() {
        let ring = ring(&[OLD]);
        let csrf = csrf_token(&ring, session(1)).unwrap();
        assert!(is_csrf_token(&ring, session(1), csrf.as_bytes()));
        assert!(!is_csrf_token(&ring, session(2), csrf.as_bytes()));
        assert!(!is_csrf_token(&ring, session(1), b""));
        assert!(!is_csrf_token(&ring, session(1), &csrf.as_bytes()[1..]));
        assert_eq!(open_refresh(&ring, csrf.as_bytes()), None);
    }

    #[test]
    fn a_seal_is_of_one_text_and_no_csrf_token() {
        let both = ring(&[NEW, OLD]);
        let sealed = seal(&ring(&[OLD]), Sealed::Bounce, b"/a").unwrap();
        assert_eq!(sealed.len(), 43);
        assert!(is_sealed(&both, Sealed::Bounce, b"/a", sealed.as_bytes()));
        assert!(!is_sealed(&both, Sealed::Bounce, b"/b", sealed.as_bytes()));
        let foreign = ring(&[NEW]);
        assert!(!is_sealed(
            &foreign,
            Sealed::Bounce,
            b"/a",
            sealed.as_bytes()
        ));
        assert!(!is_sealed(&both, Sealed::Known, b"/a", sealed.as_bytes()));
        let csrf = csrf_token(&both, session(1)).unwrap();
        let text = session(1);
        let text = text.as_bytes();
        assert!(!is_sealed(&both, Sealed::Bounce, text, csrf.as_bytes()));
    }
}
