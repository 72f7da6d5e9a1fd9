//! What a request tells about the set-up, said once to whoever runs it: a word of a proxy
//! that is not read, and a comparison of hosts or origins that failed, with both sides of it
//! and the key that mends it.
//!
//! One line for each peer and kind, and of each kind for so many peers: clients choose both
//! sides of a comparison, and must not fill the log with them. A reload begins anew. Nothing
//! here decides; values of clients are cut and quoted.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{self, HeaderMap, HeaderName};
use parking_lot::Mutex;

use crate::auth::denial::Denial;
use crate::auth::gate::Decision;
use crate::auth::policy::Paths;
use crate::domain::forwarded;
use crate::domain::id::UserId;
use crate::domain::lists::members;
use crate::domain::origin::{Origin, Scheme};
use crate::domain::request::{Host, RequestView};
use crate::gateway::connection::peer::Peer;
use crate::gateway::request::inbound::{
    X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, forwarded_host,
};
use crate::gateway::snapshot::Snapshot;

/// Peers that one kind of line is written for. A guess: a set-up has a handful of proxies.
const PEERS: usize = 64;

/// The longest value that is shown.
const LONGEST: usize = 120;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Forwarding headers of a peer that is not trusted.
    Untrusted,
    /// A word of `X-Forwarded-Proto` that is not in the table.
    Proto,
    /// `X-Forwarded-Proto` says two things.
    ProtoDiffers,
    /// A scheme in a header that is not read.
    OtherScheme,
    /// An `X-Forwarded-Host` that is no host.
    ForwardedHost,
    /// A word of `X-Forwarded-For` that is no address.
    For,
    /// An `Origin` that is neither ours nor allowed.
    Origin,
    /// A `Host` that is not served.
    Host,
    /// A login of the app's own where ours is.
    OwnLogin,
}

/// The lines that were written.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    said: Mutex<HashSet<(Kind, IpAddr)>>,
    foreign_sessions: AtomicBool,
}

impl Hints {
    /// Forgets what was said: under other settings it may be wrong.
    pub(crate) fn begin_anew(&self) {
        self.said.lock().clear();
        self.foreign_sessions.store(false, Ordering::Relaxed);
    }

    /// Whether this is the first of its kind and peer; `false` too when there were too many
    /// of the kind.
    fn is_first(&self, kind: Kind, peer: IpAddr) -> bool {
        let mut said = self.said.lock();
        !said.contains(&(kind, peer))
            && said.iter().filter(|(other, _)| *other == kind).count() < PEERS
            && said.insert((kind, peer))
    }

    /// Looks at the words of the proxy before us.
    pub(crate) fn of_words(&self, peer: Peer, headers: &HeaderMap) {
        let tell = |kind, line: fmt::Arguments<'_>| {
            if self.is_first(kind, peer.address) {
                log::warn!("{}: {line}", peer.address);
            }
        };
        if !peer.trusted {
            let all = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST];
            if let Some(name) = headers.keys().find(|name| all.contains(name)) {
                tell(
                    Kind::Untrusted,
                    format_args!(
                        "sends {} and is not in trusted_proxies; it is ignored. If this is your \
                         proxy, list its address in trusted_proxies",
                        Spelled(name)
                    ),
                );
            }
            return;
        }
        match forwarded::last_word(headers, &X_FORWARDED_PROTO) {
            None => {
                let mut others = forwarded::OTHER_SCHEME_HEADERS.iter();
                if let Some(name) = others.find(|name| headers.contains_key(**name)) {
                    tell(
                        Kind::OtherScheme,
                        format_args!(
                            "sends {name} and no X-Forwarded-Proto; only the latter is read. Let \
                             the proxy send it, or set public_url"
                        ),
                    );
                }
            }
            Some(word) => match forwarded::scheme(word) {
                None => tell(
                    Kind::Proto,
                    format_args!(
                        "X-Forwarded-Proto says {}, which is none of {}; the scheme of the \
                         listener counts. Mend it there, or set public_url",
                        Quoted(word),
                        forwarded::scheme_words()
                    ),
                ),
                Some(last) => {
                    let mut schemes =
                        members(headers, &X_FORWARDED_PROTO).filter_map(forwarded::scheme);
                    if schemes.any(|scheme| scheme != last) {
                        tell(
                            Kind::ProtoDiffers,
                            format_args!(
                                "X-Forwarded-Proto says http and https; the last word, {}, \
                                 counts. Let the outermost proxy set it alone, or set public_url",
                                last.as_str()
                            ),
                        );
                    }
                }
            },
        }
        if let Some(word) = forwarded::last_word(headers, &X_FORWARDED_HOST)
            && forwarded::host(word).is_none()
        {
            tell(
                Kind::ForwardedHost,
                format_args!(
                    "X-Forwarded-Host says {}, which is no host; Host counts",
                    Quoted(word)
                ),
            );
        }
        let last = members(headers, &X_FORWARDED_FOR).next_back();
        if let Some(word) = last.filter(|word| forwarded::address(word).is_none()) {
            tell(
                Kind::For,
                format_args!(
                    "X-Forwarded-For ends in {}, which is no address; the proxy itself counts as \
                     the client",
                    Quoted(word)
                ),
            );
        }
    }

    /// A session that is live by its token, and that our store does not have.
    pub(crate) fn of_foreign_session(&self, user: &UserId) {
        if self.foreign_sessions.swap(true, Ordering::Relaxed) {
            return;
        }
        log::warn!(
            "a session of {:?} is signed with our key and is not in our store: another gateway with \
             the same signing key and cookies has opened it, or the store has lost it since. It \
             ends here with its access token (session.access_ttl). Let the gateways share a store \
             (session.store: redis), or give each its own signing key and cookies.name",
            user.as_str()
        );
    }

    /// The app has sent a signed-in person to our login.
    pub(crate) fn of_own_login(&self, peer: Peer, paths: &Paths) {
        if self.is_first(Kind::OwnLogin, peer.address) {
            log::warn!(
                "{}: the app sends a signed-in person to {}, which is the gateway's own login: it \
                 seems to have one at the same path. Set paths.all_under_prefix: true, and the \
                 gateway's is at {}/login",
                peer.address,
                paths.login,
                paths.prefix
            );
        }
    }

    /// Looks at what was refused for where it came from or went to.
    pub(crate) fn of_refusal(
        &self,
        peer: Peer,
        view: &RequestView<'_>,
        decision: &Decision,
        snapshot: &Snapshot,
    ) {
        let Decision::Deny(denial, _) = decision else {
            return;
        };
        match denial {
            Denial::OriginNotAllowed => self.of_origin(peer, view, snapshot),
            Denial::WrongHost => self.of_host(peer, view, snapshot),
            _ => {}
        }
    }

    fn of_origin(&self, peer: Peer, view: &RequestView<'_>, snapshot: &Snapshot) {
        let Some(value) = view.only(&header::ORIGIN) else {
            return;
        };
        let Host::At(host) = &view.facts.host else {
            return;
        };
        if !self.is_first(Kind::Origin, peer.address) {
            return;
        }
        let public = snapshot.settings.public_url.as_ref();
        let Some(ours) = view.facts.own_origin(public) else {
            return;
        };
        let same_host =
            Origin::parse(value).is_some_and(|o| o.authority().same_place(host, o.scheme()));
        let mend = match (public, same_host) {
            (Some(_), true) => "set public_url to what browsers show".to_owned(),
            (None, true) if !peer.trusted && view.facts.scheme == Scheme::Http => format!(
                "set public_url, or list {} in trusted_proxies and let it send X-Forwarded-Proto",
                peer.address
            ),
            (None, true) => "set public_url, or let the proxy send X-Forwarded-Proto".to_owned(),
            (None, false) if forwarded_host(peer, view.headers).is_some() => {
                "X-Forwarded-Host is not compared: set public_url, or let the proxy pass Host on"
                    .to_owned()
            }
            (_, false) => "list it in cors.allowed_origins if its pages may act for users, or set \
                           public_url if it is this site"
                .to_owned(),
        };
        log::warn!(
            "{}: Origin {} was compared with ours, {ours}, and is not in cors.allowed_origins; \
             refused. {mend}",
            peer.address,
            Quoted(value)
        );
    }

    fn of_host(&self, peer: Peer, view: &RequestView<'_>, snapshot: &Snapshot) {
        let Host::At(host) = &view.facts.host else {
            return;
        };
        let Some(public) = &snapshot.settings.public_url else {
            return;
        };
        if self.is_first(Kind::Host, peer.address) {
            log::warn!(
                "{}: Host {} was compared with public_url, {public}, and is not in extra_hosts; \
                 refused. A proxy must pass the port on too ($http_host); else list it in extra_hosts",
                peer.address,
                Quoted(host.to_string().as_bytes())
            );
        }
    }
}

/// A value of a client: quoted, no line end in it, and cut.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..LONGEST).unwrap_or(self.0);
        write!(f, "\"{}\"", shown.escape_ascii())?;
        f.write_str(if shown.len() < self.0.len() {
            "…"
        } else {
            ""
        })
    }
}

/// A header's name as people write it.
struct Spelled<'a>(&'a HeaderName);

impl fmt::Display for Spelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.as_str().split('-').enumerate() {
            let (first, rest) = part.split_at_checked(1).unwrap_or((part, ""));
            let dash = if at == 0 { "" } else { "-" };
            write!(f, "{dash}{}{rest}", first.to_ascii_uppercase())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_once_a_peer_and_not_without_end() {
        let hints = Hints::default();
        let peer = |n: u32| IpAddr::from(n.to_be_bytes());
        assert!(hints.is_first(Kind::Origin, peer(1)));
        assert!(!hints.is_first(Kind::Origin, peer(1)), "twice");
        assert!(hints.is_first(Kind::Host, peer(1)), "another kind");
        let told = (2..1000).filter(|n| hints.is_first(Kind::Origin, peer(*n)));
        assert_eq!(told.count(), PEERS - 1, "a flood fills the log");
        assert!(hints.is_first(Kind::Host, peer(2)), "one kind took all");
        hints.begin_anew();
        assert!(hints.is_first(Kind::Origin, peer(1)), "after a reload");
    }

    #[test]
    fn a_value_of_a_client_is_cut_and_cannot_end_the_line() {
        let line = Quoted(b"a\"\n2026 ERROR x\xff").to_string();
        assert_eq!(line, "\"a\\\"\\n2026 ERROR x\\xff\"");
        let long = [b'x'; 500];
        assert_eq!(Quoted(&long).to_string().chars().count(), LONGEST + 3);
        assert_eq!(Spelled(&X_FORWARDED_FOR).to_string(), "X-Forwarded-For");
    }
}
