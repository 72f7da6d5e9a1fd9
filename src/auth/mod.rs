//! Floor 2: decisions. Knows `domain` alone: no server, no runtime, no clock.

pub mod claims;
pub mod directory;
pub mod ports;
pub mod revocation;
