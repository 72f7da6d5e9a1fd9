//! Signing in: the form, who may guess, and what a login never takes over.

mod entrances;
mod fair_logins;
mod fixation;
mod hashes_of_others;
mod known_browsers;
mod login;
mod login_body;
mod login_form;
mod own_login;
mod throttle;
mod users_files;
