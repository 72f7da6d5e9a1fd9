//! The integration binary: the real gateway on free ports before a real upstream.
//!
//! One file a promise of the outward contract. Support starts what is needed and ends it.
#![allow(
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test panics where it fails, and reads the environment that it runs in"
)]

mod admin;
mod admin_api;
mod browser;
mod browser_tabs;
mod check;
mod cli;
mod cli_sessions;
mod concurrency;
mod corpus;
mod cors;
mod crash;
mod csrf;
mod csrf_clients;
mod csrf_endpoints;
mod csrf_tokens;
mod cut;
mod cut_at_frames;
mod cut_in_time;
mod disk_full;
mod drain;
mod floors;
mod forged;
mod forward;
mod forwarded;
mod gate;
mod h2;
mod identity;
mod kept_sessions;
mod keys;
mod limits;
mod login;
mod login_body;
mod login_form;
mod logout;
mod occupied;
mod openapi;
mod redis_away;
mod redis_cut;
mod redis_delay;
mod redis_login;
mod redis_lost;
mod redis_open;
mod redis_secure;
mod refresh;
mod refusals;
mod reload;
mod remember_me;
mod replicas_example;
mod revoke;
mod secrets;
mod seed;
mod session;
mod session_audit;
mod sessions_browser;
mod sessions_page;
mod settings;
mod shipped;
mod silent;
mod store_away;
mod support;
mod throttle;
mod time_limits;
mod tls;
mod tls_upstream;
mod tokens;
mod upstream_name;
mod users_files;
mod websockets;
