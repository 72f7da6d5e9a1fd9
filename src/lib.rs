//! Doorward: a reverse-proxy authentication gateway.
//!
//! Put it in front of an app that has no login of its own: it serves the login page,
//! issues a signed cookie, checks it on every request, and tells the app who is there.
//!
//! # The floors
//!
//! A floor uses those below it, never one above; `tests/it/project/floors.rs` enforces it.
//!
//! | floor | what | knows of |
//! |---|---|---|
//! | [`domain`] | values that cannot be wrong: paths, origins, cookies, ids, times | nothing that waits |
//! | [`auth`] | decisions: the gate, rules, CORS, CSRF, sessions, throttle | `domain`; no clock, no server |
//! | [`adapters`] | the world: keys, store, passwords, pages, logs | one outside thing a file |
//! | [`config`] | the settings, typed: read, overlaid, checked and linted | files and the environment; no server |
//! | [`service`] | what the gateway does: authorize, sign in, renew, end, sweep, cut in time | ports and `now`; no server |
//! | [`gateway`] | pingora's hooks, listeners, reload, drain | pingora; it alone says its name |
//! | [`cli`] | the operator's hand, one verb a file | everything |
//!
//! # The way of a request
//!
//! ```text
//! bytes ─pingora─▶ gateway::proxy ─inbound─▶ RequestView ─service::authorize─▶ Authorized
//!                                                          │                         │
//!                       Policy::decide(view, now), and for a session that is         │
//!                       due renewal::exchange and Policy::resume                     │
//!      ┌──────────────────────────┬──────────────────────────┴───────┬───────────────┘
//!   Deny(Denial, Presentation)   Serve(Endpoint)                 Forward(Pass)
//!      │                          │ body → login …                │ peer, outbound: strip and set
//!      └───────▶ own_reply ◀──────┘                               ▼
//!                   │                                  upstream ─▶ upstream_response
//!                   └──────────────▶ client ◀───────────────────────┘
//!                                      └─ logging ─▶ access and audit lines, metrics
//! ```
//!
//! # What always holds
//!
//! - **The decision is pure** ([`auth::gate`]): path → origin → rules → session → role
//!   → CSRF, over one immutable [`auth::policy::Policy`], loaded once a request. No store
//!   is asked on the way, but for the one request that renews its session.
//! - **No [`auth::pass::Pass`], no upstream**: only `auth` can make one, and choosing
//!   the peer and setting headers need it.
//! - **A refusal is a value** ([`auth::denial::Denial`]) with a stable code; what breaks
//!   becomes one in `gateway::request::failure`. It fails closed.
//! - **Set or strip**: every header that we may set is removed from the client.
//! - **Acknowledged is durable**: a login, a rotation and a revocation are on disk (or in
//!   the shared store) before they are answered, and a revocation is in the memory that
//!   the gate reads before the next request.
//! - **One rotation is one compare-and-set** ([`auth::refresh`]): a refresh token leads to
//!   one successor, and the store keeps nothing that could be replayed.
//! - **One file reads the clock**, one randomness; `now` is an argument.
//! - **Every table keyed by what a client sends has a capacity.**
//!
//! # Sessions
//!
//! A [`auth::stored::StoredSession`] is one login of one browser. The access token is
//! checked in memory; the refresh token names the session and a generation. The rotation
//! is decided in [`auth::refresh`], carried out by [`auth::renewal`] over the
//! [`auth::ports::Store`], and told by [`service::renewal`]. Memory, `redb` and Redis pass one
//! suite (`adapters/store/contract`), and a model of browsers, thieves and crashes runs over
//! all of it (`adapters/store/rotation_model.rs`). A revocation goes store → replica → live
//! connections ([`service::sessions`], which alone ends sessions), and those of other gateways
//! come in through [`auth::ports::RevocationListener`]. A
//! process that takes over gets the embedded store too, and tells the one before it what it
//! revokes (docs/take-over.md).
//!
//! A machine token ([`auth::machine`]) is a session that nobody signed in to: it comes with the
//! policy and not with the store, its id is made of its hash, and so rules, identity headers,
//! revocations and open connections treat it as any other.
//!
//! # Decisions
//!
//! Each choice that this map does not explain has a page with its reasons in `docs/decisions/`.
#![cfg_attr(
    test,
    allow(
        clippy::as_conversions,
        clippy::disallowed_methods,
        reason = "tests may read the clock and the environment"
    )
)]

pub mod adapters;
pub mod auth;
pub mod cli;
pub mod config;
pub mod domain;
pub mod gateway;
pub(crate) mod service;
