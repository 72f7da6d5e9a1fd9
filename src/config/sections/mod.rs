//! The sections: each reads its part of the tree, with its defaults and what it excludes.

mod app_origin;
pub(crate) mod csrf;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod names;
pub(crate) mod network;
pub(crate) mod notes;
pub(crate) mod policy;
pub(crate) mod sessions;
pub(crate) mod signing;
pub(crate) mod store;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod values;
pub(crate) mod web;
