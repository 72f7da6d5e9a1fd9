//! Refresh and CSRF tokens: they come back as they were, and no other text opens.

use arbitrary::{Result, Unstructured};
use doorward::auth::ports::Tokens;
use doorward::auth::refresh::RefreshToken;
use doorward::domain::id::SessionId;
use doorward::domain::time::Timestamp;

use super::signing::{SECRETS, SYMMETRIC, derived, encoded, hmac_under};
use super::token::altered;

/// See [`super`].
pub fn check(data: &[u8]) {
    judge(data);
    // Too short an input is one that ended; what was made of it has been judged.
    let _ended = made(&mut Unstructured::new(data));
}

fn made(u: &mut Unstructured<'_>) -> Result<()> {
    let created = Timestamp::from_millis(u.int_in_range(0..=(1 << 48) - 1)?);
    let token = RefreshToken {
        session: SessionId::new(created, u.arbitrary()?),
        generation: u.arbitrary()?,
        ends: Timestamp::from_millis(u.arbitrary()?),
    };
    assert_eq!(
        SessionId::parse(&token.session.to_string()),
        Some(token.session)
    );
    assert_eq!(
        token.session.created(),
        created,
        "the id tells another time"
    );
    let sealed = SYMMETRIC
        .ours
        .seal_refresh(&token)
        .expect("it can be sealed");
    assert_eq!(
        sealed,
        expected(SECRETS[0], &token),
        "not under its own key"
    );
    assert_eq!(SYMMETRIC.ours.open_refresh(sealed.as_bytes()), Some(token));
    let retired = expected(SECRETS[1], &token);
    assert_eq!(SYMMETRIC.ours.open_refresh(retired.as_bytes()), Some(token));
    assert!(
        SYMMETRIC.ours.open(sealed.as_bytes()).is_none(),
        "it passes for another kind"
    );
    let text = altered(u, sealed.clone().into_bytes())?;
    if text != sealed.as_bytes() {
        assert_eq!(
            SYMMETRIC.ours.open_refresh(&text),
            None,
            "an altered token opens"
        );
    }
    judge(&text);
    csrf(u, token.session)
}

/// The text of a token under one of our keys.
fn expected(secret: &[u8], token: &RefreshToken) -> String {
    let mut bytes = token.session.as_bytes().to_vec();
    bytes.extend(token.generation.to_be_bytes());
    bytes.extend(token.ends.millis().to_be_bytes());
    bytes.extend(hmac_under(
        &derived(secret, b"doorward refresh token v1"),
        &bytes,
    ));
    encoded(&bytes)
}

/// What opens is what one of our keys makes of what it says, to the letter.
fn judge(text: &[u8]) {
    if let Some(token) = SYMMETRIC.ours.open_refresh(text) {
        let by = |secret: &&[u8; 32]| expected(*secret, &token).as_bytes() == text;
        assert!(SECRETS.iter().any(by), "a token opens that is not ours");
    }
}

fn csrf(u: &mut Unstructured<'_>, session: SessionId) -> Result<()> {
    let ring = &SYMMETRIC.ours;
    let made = ring.csrf_token(session).expect("it can be made");
    let of = |secret: &[u8; 32]| {
        let key = derived(secret, b"doorward csrf token v1");
        encoded(&hmac_under(&key, session.as_bytes()))
    };
    assert_eq!(made, of(SECRETS[0]), "not under its own key");
    let shown = altered(u, made.into_bytes())?;
    let right = SECRETS.iter().any(|secret| of(secret).as_bytes() == shown);
    assert_eq!(ring.is_csrf_token(session, &shown), right);
    assert!(
        ring.open_refresh(&shown).is_none(),
        "it passes for another kind"
    );
    Ok(())
}
