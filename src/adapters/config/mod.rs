//! The configuration: one YAML text in, typed [`settings::Settings`] or every problem out.

pub mod settings;
