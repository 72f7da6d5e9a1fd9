//! The text: a tree whose nodes know their place, and what is wrong with them.

pub(crate) mod problem;
pub(crate) mod tree;
