//! The operator: commands, settings, start, reload, stop, and what is seen from outside.

mod access_log;
mod admin;
pub(crate) mod admin_api;
mod check;
pub(crate) mod cli;
mod cli_sessions;
pub(crate) mod doctor;
mod doctor_seen;
mod drain;
mod explain;
mod health;
mod idle;
mod monitoring;
mod occupied;
mod prepared;
mod reload;
mod replicas_example;
mod secrets;
mod seed;
mod service_manager;
mod settings;
mod take_over;
