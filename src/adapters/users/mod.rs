//! Users: the formats of their files, and their passwords.

pub mod formats;
