//! Giving the listeners and the store to the next process, and taking them from the one
//! before. Nobody else knows whether there is one.

pub(crate) mod hand_over;
pub(crate) mod take_over;
