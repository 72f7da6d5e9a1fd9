//! Doorward: a reverse-proxy authentication gateway.
//!
//! Put it in front of an app that has no login of its own: it serves the login page,
//! issues a signed cookie, checks it on every request, and tells the app who is there.
//!
//! # The floors
//!
//! A floor uses those below it, never one above; `tests/it/floors.rs` enforces it.
//!
//! | floor | what | knows of |
//! |---|---|---|
//! | [`domain`] | values that cannot be wrong: paths, origins, cookies, ids, times | nothing that waits |
//! | [`auth`] | decisions: the gate, rules, CORS, CSRF, sessions, throttle | `domain`; no clock, no server |
//! | [`adapters`] | the world: configuration, keys, store, passwords, pages, logs | one outside thing a file |
//! | [`gateway`] | pingora's hooks, listeners, reload, drain | pingora; it alone says its name |
//! | [`cli`] | the operator's hand, one verb a file | everything |
//!
//! # The way of a request
//!
//! ```text
//! bytes ─pingora─▶ gateway::proxy ─inbound─▶ RequestView ─Policy::decide(view, now)─▶ Decision
//!                                                                                      │
//!      ┌──────────────────────────┬──────────────────┬──────────────┴──────────┐
//!   Deny(Denial, Presentation)   Serve(Endpoint)   Renew(Ticket)            Forward(Pass)
//!      │                          │ body → login …   │ renew::exchange         │ peer, outbound: strip and set
//!      │                          │                  └─▶ Policy::resume ─▶ one of the others
//!      └────────▶ respond ◀───────┘                                            ▼
//!                   │                                            upstream ─▶ answer::response
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
//!   becomes one in `gateway::failure`. It fails closed.
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
//! [`auth::ports::Store`], and told by `gateway::renew`. Memory, `redb` and Redis pass one
//! suite (`adapters/store/contract`), and a model of browsers, thieves and crashes runs over
//! all of it (`adapters/store/rotation_model.rs`). A revocation goes store → replica → open
//! connections, and those of other gateways come in through [`auth::ports::Audience`]. A
//! process that takes over gets the embedded store too, and tells the one before it what it
//! revokes (docs/take-over.md).
//!
//! # Where the code taught us better than the plan
//!
//! - *The decision of a rotation is one Rust function*, and a store only compares and
//!   swaps whole records. A second one in Lua would have to be proven equal.
//! - *The grace counts from the first sight of the successor too*, for requests on their way
//!   through: the model found a swarm after a lost answer that was taken for a thief.
//! - *A refresh token carries the end of its session*, so that one whose session is no
//!   longer kept is told apart as run out or ended.
//! - *A session's revocation lasts as long as its last token could*, which the session
//!   knows (`token_until`), not as long as today's settings say.
//! - *YAML is read by `saphyr-parser` alone*, not by `serde_yaml` with a second, marked
//!   parse for positions: two parsers of one text can disagree, and what an operator
//!   is shown as line and column must be what was read. `serde_yaml` writes what
//!   `doorward init` and the demo generate.
//! - *Files are watched by looking at them once a second*, not by inotify: what counts
//!   is the file behind the name, through renames and swapped symlinks, on network and
//!   overlay file systems alike.
//! - *The waits for the app's answer* are ours (`gateway::answer_timeout`): pingora has one
//!   read timeout for head and body, streams need a long one, and it sets a timer for each
//!   read.
//! - *Deadlines are noted, not set* (`gateway::watch`): a request begins and ends several
//!   waits, and a timer for each costs more than the decision. One timer a connection looks
//!   at the notes.
//! - *The cache of verified tokens belongs to the policy* ([`auth::verified`]), not to the
//!   keys: what it holds was judged by keys, settings and users alike, and a reload begins
//!   with an empty one.
//! - *A connection stays with one worker* (pingora without work stealing), which costs less
//!   a request; passwords are checked on threads of their own with a lower priority, which stay:
//!   a thread for each check, as new to the scheduler as a request, held requests up for
//!   milliseconds.
//! - *TLS is begun by us* (`gateway::front`), not by pingora's listener: that has a fixed
//!   minute for a handshake and shows the connection only after it, too late to count it.
//! - *The time of a head is kept at the connection* (`gateway::arrival`): pingora times
//!   each read, so that a byte now and then would last for ever.
//! - *A WebSocket handshake has a connection of its own* (`gateway::tunnel`): pingora
//!   0.9.1 loses one in a hundred when the app answers at once.
//! - *Pingora is given one request at a time* (`gateway::framing`, `gateway::held`): it would
//!   take what lies behind a request for the next one, or drop it, and only the connection
//!   knows both. The chunks of a body are followed there too (`gateway::chunks`).
//! - *A message is made anew for the version that it goes to* (`gateway::versions`); what of
//!   that is a fault of pingora's stands in docs/pingora-issues.md.
//! - *A WebSocket hears why it ends from the client's connection* (`gateway::line`), not
//!   through pingora: only there is it known where a frame has ended on the wire, also
//!   over TLS, and an app behind TLS makes no difference.
//! - *A take-over is ours* (`gateway::hand_over`, `gateway::take_over`), not pingora's
//!   upgrade: that one lets both processes accept for a fixed five seconds, knows of no store
//!   and no claim to a folder, and resets kept connections on which a request is on its way
//!   (two of 1800 requests in a test under load).
//! - *A tolerated ambiguous path must satisfy every rule that one of its readings
//!   selects* ([`auth::rules`]), so that tolerance opens no side door.
//! - *A change of a user leaves a cut-off in the store*, beside the comparison of
//!   versions on every request: undoing the change does not bring sessions back.
//! - *An HTML page about which the app says nothing is `no-store`*: otherwise the back
//!   button shows it after the logout, `Clear-Site-Data` or not (seen in Chromium 156). The
//!   page to which the login led needs more ([`domain::cookie::CookieStyle::changes`]).
//! - *Pingora flushes an answer of known length only when it is complete or its buffer
//!   is full*; one without a length (event streams, chunked bodies) at once.
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
pub mod domain;
pub mod gateway;
