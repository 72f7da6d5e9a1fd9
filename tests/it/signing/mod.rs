//! Tokens and keys: what is signed, and every forgery of it.

mod forged_claims;
mod forged_cookies;
mod forged_dates;
mod forged_forms;
mod forged_headers;
mod forged_refresh;
mod keys;
mod shared_keys;
pub(crate) mod tokens;
mod tokens_joserfc;
mod vectors_cookies;
mod vectors_keys;
