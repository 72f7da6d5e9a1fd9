//! Machine tokens: what programs show instead of a cookie.
//!
//! A token is looked up by the hash of its text and stands for a user of today, narrowed by
//! path, method, network and date. It is a [`Session`] that nobody signed in to: rules,
//! identity headers and revocations treat it as any other. Foreign issuers will be another
//! kind of [`Presented`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Method};
use ipnet::IpNet;

use super::denial::Denial;
use super::directory::{Directory, User};
use super::principal::Principal;
use super::rules::{Access, Challenge, Openness, Rule, Rules};
use super::session::Session;
use crate::domain::id::{SessionId, UserId};
use crate::domain::machine_token::{PREFIX, TokenHash};
use crate::domain::path::RequestPath;
use crate::domain::time::Timestamp;

/// A token as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineToken {
    /// What operators call it; unique.
    pub name: Arc<str>,
    /// Of its text; unique.
    pub hash: TokenHash,
    /// As whom it acts.
    pub acts_as: ActsAs,
    /// The first moment at which it is no longer good; [`Timestamp::NEVER`] if there is none.
    pub expires: Timestamp,
    /// Patterns of paths, matched exactly as sent; empty: all.
    pub paths: Vec<String>,
    /// Empty: all.
    pub methods: Vec<String>,
    /// Networks of clients; empty: all.
    pub from: Vec<IpNet>,
}

/// As whom a token acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActsAs {
    /// A user, by id or name, as they are today.
    User(String),
    /// A machine of its own, which cannot log in.
    Machine(Arc<User>),
}

/// `api`: where tokens are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entrances {
    /// Which of them.
    pub accept: Vec<Entrance>,
    /// The header of [`Entrance::Header`].
    pub header: Option<HeaderName>,
}

/// How a program shows its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer,
    /// The password, or the name, of `Authorization: Basic` (RFC 7617).
    Basic,
    /// The value of a header of its own.
    Header,
}

impl Entrance {
    /// Each with the word that the operator writes.
    pub const ALL: [(&str, Self); 3] = [
        ("bearer", Self::Bearer),
        ("basic", Self::Basic),
        ("header", Self::Header),
    ];
}

/// What a request shows that is ours, good or not.
#[derive(Debug)]
pub struct Presented {
    /// Where it stands. The app never sees it.
    pub entrance: Entrance,
    /// `None`: no token of ours, two of them, or at an entrance that takes none.
    hash: Option<TokenHash>,
}

/// All tokens, found by what a request shows.
#[derive(Debug, Default)]
pub struct MachineTokens {
    /// `None`: what begins like a token is the app's.
    entrances: Option<Entrances>,
    tokens: HashMap<SessionId, KnownToken>,
    /// In the order of the file.
    order: Vec<SessionId>,
    /// How long a refused token counts against its address.
    pub window: Duration,
}

/// A token of the file.
#[derive(Debug)]
pub struct KnownToken {
    /// As configured.
    pub token: MachineToken,
    /// `None`: the user was removed or disabled.
    pub session: Option<Arc<Session>>,
    /// Opens what `paths` and `methods` name; `None`: they narrow nothing.
    reach: Option<Rules>,
}

/// As lenient as apps are, so that none reads a token where we read none.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl MachineTokens {
    /// Of these tokens, for the users of a snapshot.
    pub fn new(
        tokens: &[MachineToken],
        entrances: Option<Entrances>,
        window: Duration,
        users: (&Directory, &HashMap<UserId, Arc<Principal>>),
        of_machine: impl Fn(&Arc<User>) -> Arc<Principal>,
    ) -> Self {
        let (directory, principals) = users;
        let known = |token: &MachineToken| {
            let id = SessionId::of_token(&token.hash);
            let principal = match &token.acts_as {
                ActsAs::User(name) => directory
                    .named(name)
                    .and_then(|user| principals.get(&user.identity.id).cloned()),
                ActsAs::Machine(user) => Some(of_machine(user)),
            };
            let session = |whose| Session::of_token(&whose, id, token.expires, &token.name);
            let known = KnownToken {
                session: principal.map(|whose| Arc::new(session(whose))),
                reach: token.reach(),
                token: token.clone(),
            };
            (id, known)
        };
        Self {
            entrances,
            order: tokens
                .iter()
                .map(|one| SessionId::of_token(&one.hash))
                .collect(),
            tokens: tokens.iter().map(known).collect(),
            window,
        }
    }

    /// The token that a request shows, if it shows any: everything that begins like one of
    /// ours. Any other `Authorization` is the app's.
    pub fn presented(&self, headers: &HeaderMap) -> Option<Presented> {
        let entrances = self.entrances.as_ref()?;
        let mut found: Option<Presented> = None;
        for name in [&header::AUTHORIZATION]
            .into_iter()
            .chain(&entrances.header)
        {
            let mut values = headers.get_all(name).iter();
            let Some((entrance, text)) = values.find_map(|value| shown(name, value)) else {
                continue;
            };
            let is_only = headers.get_all(name).iter().nth(1).is_none();
            let is_taken = is_only && found.is_none() && entrances.accept.contains(&entrance);
            let text = text.filter(|_| is_taken);
            found = Some(Presented {
                entrance,
                hash: text.and_then(|text| TokenHash::of_token(&text)),
            });
        }
        found
    }

    /// The header that a token stands in.
    pub fn header_of(&self, entrance: Entrance) -> Option<&HeaderName> {
        match entrance {
            Entrance::Bearer | Entrance::Basic => Some(&header::AUTHORIZATION),
            Entrance::Header => self.entrances.as_ref()?.header.as_ref(),
        }
    }

    /// The token of this hash.
    pub fn find(&self, hash: &TokenHash) -> Option<&KnownToken> {
        let found = self.tokens.get(&SessionId::of_token(hash))?;
        (found.token.hash == *hash).then_some(found)
    }

    /// The token that a request shows.
    pub fn of(&self, presented: &Presented) -> Option<&KnownToken> {
        self.find(presented.hash.as_ref()?)
    }

    /// The token that an open connection was admitted for.
    pub fn by_id(&self, id: SessionId) -> Option<&KnownToken> {
        self.tokens.get(&id)
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &KnownToken> {
        self.order.iter().filter_map(|id| self.tokens.get(id))
    }

    /// Goes on with what was known of the use of the same tokens.
    pub fn inherit(&self, before: &Self) {
        for known in self.iter() {
            let old = before.find(&known.token.hash);
            if let (Some(new), Some(old)) = (known.uses(), old.and_then(KnownToken::uses)) {
                new.inherit(old);
            }
        }
    }
}

impl KnownToken {
    /// Its use.
    pub fn uses(&self) -> Option<&super::token_use::TokenUse> {
        self.session.as_ref()?.machine.as_deref()
    }

    /// The session that it stands for at `now`, if nobody has revoked it.
    ///
    /// # Errors
    /// The denial that says why there is none.
    pub fn session_at(&self, now: Timestamp) -> Result<&Arc<Session>, Denial> {
        let session = self.session.as_ref().ok_or(Denial::TokenRevoked)?;
        match now < self.token.expires {
            true => Ok(session),
            false => Err(Denial::TokenExpired),
        }
    }

    /// Whether it may come from this address.
    pub fn comes_from(&self, client: IpAddr) -> bool {
        let from = &self.token.from;
        from.is_empty() || from.iter().any(|net| net.contains(&client))
    }

    /// Whether it may be used for a path, in every reading of it.
    pub fn reaches(&self, path: &RequestPath<'_>, method: &Method) -> bool {
        let reach = self.reach.as_ref();
        reach.is_none_or(|reach| reach.select(path, method).openness() != Openness::Closed)
    }
}

impl MachineToken {
    /// Its `paths` and `methods` as rules: they open, so they match exactly as sent.
    fn reach(&self) -> Option<Rules> {
        let all = ["/**".to_owned()];
        let paths = match self.paths.as_slice() {
            [] if self.methods.is_empty() => return None,
            [] => &all,
            paths => paths,
        };
        let opened = paths.iter().map(|path| Rule {
            path: path.clone(),
            methods: self.methods.clone(),
            access: Access::Public,
            ambiguous: Vec::new(),
            openness: Openness::Session,
            challenge: Challenge::Bearer,
        });
        Some(Rules::new(opened.collect(), Access::Deny))
    }
}

/// What a header field shows that begins like a token of ours. One without a scheme is a
/// mistake that must not reach the app: shown, and taken nowhere.
fn shown<'a>(
    name: &HeaderName,
    value: &'a HeaderValue,
) -> Option<(Entrance, Option<Cow<'a, [u8]>>)> {
    let value = value.as_bytes().trim_ascii();
    let ours = |text: &[u8]| text.starts_with(PREFIX.as_bytes());
    if *name != header::AUTHORIZATION {
        return ours(value).then_some((Entrance::Header, Some(value.into())));
    }
    if ours(value) {
        return Some((Entrance::Bearer, None));
    }
    let blank = value.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let (scheme, rest) = value.split_at_checked(blank)?;
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return ours(rest).then_some((Entrance::Bearer, Some(rest.into())));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = BASE64.decode(rest).ok()?;
    let mut parts = pair.splitn(2, |byte| *byte == b':');
    let (name, password) = (parts.next()?, parts.next().unwrap_or_default());
    let text = [password, name].into_iter().find(|part| ours(part))?;
    Some((Entrance::Basic, Some(text.to_vec().into())))
}
