//! The stores: what is kept, what survives, and what happens while one is away.

mod clock_steps;
mod crash;
mod data_dir;
mod disk_faults;
mod disk_full;
mod kept_sessions;
mod redis_away;
mod redis_cut;
mod redis_delay;
mod redis_login;
mod redis_lost;
mod redis_newer;
mod redis_open;
mod redis_secure;
mod store_away;
