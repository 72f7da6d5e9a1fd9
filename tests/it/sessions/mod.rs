//! Sessions from the login on: renewed, seen, ended, and what ends with them.

mod bounce;
mod browser;
mod browser_tabs;
mod concurrency;
mod cut;
mod cut_at_frames;
mod cut_in_time;
mod exchanges_end;
mod interleaved;
mod logout;
mod refresh;
mod remember_me;
mod revoke;
mod session;
mod session_audit;
mod sessions_browser;
mod sessions_page;
mod silent;
mod time_limits;
mod too_many_cookies;
mod websocket_use;
