//! Floor 4: pingora and only pingora. Requests come in as bytes and leave as bytes;
//! what happens in between is decided on the floors below.

mod admin;
mod answer;
mod answer_timeout;
mod arrival;
mod body;
mod ctx;
mod cut;
mod decide;
mod dial;
mod endpoints;
mod failure;
mod frames;
mod front;
mod h2_frames;
mod hand_over;
pub mod house;
mod inbound;
mod leash;
mod line;
pub mod listen;
mod open;
mod outbound;
pub mod peer;
mod proxy;
mod record;
mod redirect;
pub mod rehearsal;
pub mod reload;
mod renew;
mod respond;
mod seats;
pub mod server;
mod shared;
mod sightings;
pub mod snapshot;
mod stop;
mod supervise;
pub mod take_over;
mod tunnel;
mod turns;
mod upkeep;
mod watch;
mod whoami;

/// The log target of the server library.
pub const PLATFORM: &str = "pingora";
