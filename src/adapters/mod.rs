//! Floor 3: the world, one outside thing a file. No server here.

pub mod attempts;
pub(crate) mod background;
pub mod clock;
pub(crate) mod descriptors;
pub(crate) mod entropy;
pub mod huge_pages;
pub mod jwt;
pub mod observe;
pub(crate) mod pages;
pub(crate) mod regular;
pub(crate) mod service_manager;
pub mod store;
pub mod take_over;
pub(crate) mod tls_probe;
pub mod users;
