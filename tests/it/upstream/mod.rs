//! Between client and app: what passes, and what happens when the app fails.

mod answers_of_the_app;
mod crumbs;
mod deaf_app;
mod expectations;
mod forward;
mod forwarded;
pub(crate) mod h2;
mod half_answers;
mod half_closed;
mod interim;
mod own_headers;
mod pingora;
mod request_ids;
mod tls;
mod tls_strength;
mod tls_upstream;
mod upstream_failures;
mod upstream_host;
mod upstream_name;
mod upstream_streams;
mod versions;
mod websockets;
mod words_of_proxies;
