//! What of `session` is legal, and hardly what was meant.

use super::Lint;
use super::Severity::Problem;
use crate::config::settings::Settings;

pub(crate) fn check(settings: &Settings) -> Vec<Lint> {
    let lifetimes = &settings.session.lifetimes;
    let span = humantime::format_duration;
    let (access, idle, absolute, grace) = (
        lifetimes.access,
        lifetimes.idle,
        lifetimes.absolute,
        lifetimes.grace,
    );
    let mut found = Vec::new();
    let mut note_if = |odd: bool, id, what: String, why, mend| {
        found.extend(odd.then(|| Lint::new(Problem, id, what, why, mend)));
    };
    note_if(
        access >= idle,
        "session.access_ttl",
        format!(
            "session.access_ttl ({}) is not shorter than session.idle_timeout ({})",
            span(access),
            span(idle)
        ),
        "a session is renewed when its access token ends, so that those in use end too",
        "make access_ttl a part of idle_timeout",
    );
    note_if(
        idle > absolute,
        "session.idle_timeout",
        format!(
            "session.idle_timeout ({}) is longer than session.absolute_timeout ({})",
            span(idle),
            span(absolute)
        ),
        "it does nothing",
        "make it shorter",
    );
    if let Some(remember) = lifetimes.remember {
        note_if(
            remember < idle.min(absolute),
            "session.remember_me",
            format!(
                "session.remember_me ({}) is shorter than a session without it",
                span(remember)
            ),
            "who ticks the box is signed out sooner",
            "make it longer, or null: no box",
        );
    }
    note_if(
        grace > access,
        "session.refresh_grace",
        format!(
            "session.refresh_grace ({}) is longer than session.access_ttl ({})",
            span(grace),
            span(access)
        ),
        "a stolen refresh token can be used beside its owner's for that long, and nobody notices",
        "seconds are enough for what is under way",
    );
    found
}
