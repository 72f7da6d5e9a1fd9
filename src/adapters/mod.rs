//! Floor 3: the world, one outside thing a file. No server here.

pub mod attempts;
pub mod background;
pub mod clock;
pub mod descriptors;
pub mod entropy;
pub mod huge_pages;
pub mod jwt;
pub mod observe;
pub mod pages;
pub mod regular;
pub mod service_manager;
pub mod store;
pub mod take_over;
pub mod tls_probe;
pub mod users;
