//! Who may pass: rules, paths, origins, CORS and CSRF.

mod as_browsers_ask;
mod cors;
mod cors_csrf_table;
mod csrf;
mod csrf_clients;
mod csrf_endpoints;
mod csrf_tokens;
mod destination;
mod disguised_paths;
mod gate;
mod hosts;
mod identity;
mod open_redirects;
mod public_rules;
mod refusals;
mod rule_holes;
