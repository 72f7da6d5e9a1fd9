//! The sections: each reads its part of the tree, with its defaults and what it excludes.

mod app_origin;
pub(in crate::config) mod csrf;
pub(in crate::config) mod headers;
pub(in crate::config) mod limits;
pub(in crate::config) mod names;
pub(in crate::config) mod network;
pub(in crate::config) mod notes;
pub(in crate::config) mod policy;
pub(in crate::config) mod sessions;
pub(in crate::config) mod signing;
pub(in crate::config) mod store;
pub(in crate::config) mod tokens;
pub(in crate::config) mod users;
pub(in crate::config) mod values;
pub(in crate::config) mod web;
