//! What attackers write: framing, headers and text; and what they use up.

mod a_strangers_word;
mod body_rates;
mod chunks;
mod client_headers;
mod descriptors;
mod disguised_names;
mod ends_once;
mod floods;
mod h2_abuse;
mod h2_share;
mod handshakes;
mod injected;
mod limits;
mod malformed;
mod markup;
mod panics;
mod pipelining;
mod slow;
mod smuggling;
mod smuggling_h2;
mod smuggling_lines;
mod unread_answers;
