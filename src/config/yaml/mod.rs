//! The text: a tree whose nodes know their place, and what is wrong with them.

pub(in crate::config) mod problem;
pub(in crate::config) mod tree;
