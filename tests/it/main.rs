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

mod a_strangers_word;
mod access_log;
mod admin;
mod admin_api;
mod advisories;
mod answers_of_the_app;
mod as_browsers_ask;
mod asvs;
mod behind;
mod bounce;

mod body_rates;
mod browser;
mod browser_tabs;
mod check;
mod chunks;
mod cli;
mod cli_sessions;
mod client_headers;
mod clock_steps;
mod compare;
mod concurrency;
mod corpus;
mod cors;
mod cors_csrf_table;
mod crash;
mod crumbs;
mod csrf;
mod csrf_clients;
mod csrf_endpoints;
mod csrf_tokens;
mod cut;
mod cut_at_frames;
mod cut_in_time;
mod data_dir;
mod deaf_app;
mod dependencies;
mod descriptors;
mod destination;
mod differential;
mod disguised_names;
mod disguised_paths;
mod disk_faults;
mod disk_full;
mod doctor;
mod doctor_seen;
mod documents;
mod drain;
mod ends_once;
mod entrances;
mod exchanges_end;
mod expectations;
mod explain;
mod fair_logins;
mod fixation;
mod floods;
mod floors;
mod forged_claims;
mod forged_cookies;
mod forged_dates;
mod forged_forms;
mod forged_headers;
mod forged_refresh;
mod forward;
mod forwarded;
mod gate;
mod h2;
mod h2_abuse;
mod h2_share;
mod half_answers;
mod half_closed;
mod handshakes;
mod hashes_of_others;
mod health;
mod hosts;
mod identity;
mod idle;
mod injected;
mod interleaved;
mod kept_sessions;
mod keys;
mod known_browsers;
mod limits;
mod login;
mod login_body;
mod login_form;
mod logout;
mod malformed;
mod markup;
mod occupied;
mod open_redirects;
mod openapi;
mod own_headers;
mod own_login;
mod panics;
mod pingora;
mod pipelining;
mod prepared;
mod public_rules;
mod redis_away;
mod redis_cut;
mod redis_delay;
mod redis_login;
mod redis_lost;
mod redis_open;
mod redis_secure;
mod reference;
mod refresh;
mod refusals;
mod reload;
mod remember_me;
mod replicas_example;
mod revoke;
mod rule_holes;
mod scanners;
mod secrets;
mod seed;
mod session;
mod session_audit;
mod sessions_browser;
mod sessions_page;
mod settings;
mod setup;
mod shared_keys;
mod shipped;
mod silent;
mod slow;
mod smuggling;
mod smuggling_h2;
mod smuggling_lines;
mod store_away;
mod support;
mod take_over;
mod throttle;
mod time_limits;
mod tls;
mod tls_strength;
mod tls_upstream;
mod tokens;
mod tokens_joserfc;
mod too_many_cookies;
mod unread_answers;
mod upstream_failures;
mod upstream_host;
mod upstream_name;
mod upstream_streams;
mod users_files;
mod vectors_cookies;
mod vectors_keys;
mod versions;
mod websocket_use;
mod websockets;
mod words_of_proxies;
