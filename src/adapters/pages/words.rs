//! What the pages say, in one place: plain, short, never blaming, and always with
//! what to do next. Nothing here tells a stranger whether a user exists.

use std::borrow::Cow;
use std::time::Duration;

use super::LoginError;

/// The sentence above the form.
pub(super) fn login_error(error: LoginError) -> Cow<'static, str> {
    match error {
        LoginError::BadCredentials => "Wrong username or password.".into(),
        LoginError::TooManyAttempts { retry_after } => {
            format!("Too many attempts. Try again in {}.", spoken(retry_after)).into()
        }
        LoginError::UnknownBrowser { retry_after } => format!(
            "Too many attempts. Try again in {}. A browser in which you have signed in here \
             before does not have to wait.",
            spoken(retry_after)
        )
        .into(),
        LoginError::Overloaded => {
            "Many people are signing in right now. Try again in a few seconds.".into()
        }
        LoginError::Unavailable => {
            "Signing in is not possible at the moment. Try again in a minute.".into()
        }
    }
}

/// The label of the box on the login form, with the time where it can be said in whole
/// days or hours. Rounded down from two days on: nobody is promised more than they get.
pub(super) fn remember_me(time: Duration) -> Cow<'static, str> {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let (count, unit) = match time.as_secs() {
        seconds if seconds >= 2 * DAY => (seconds / DAY, "day"),
        DAY => (1, "day"),
        seconds if seconds >= HOUR && seconds.is_multiple_of(HOUR) => (seconds / HOUR, "hour"),
        _ => return "Keep me signed in".into(),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("Keep me signed in for {count} {unit}{plural}").into()
}

/// A length of time as a person says it, rounded up: never "in 0 minutes".
fn spoken(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let (count, unit) = match seconds {
        0..=1 => (1, "second"),
        2..=90 => (seconds, "second"),
        91..=5400 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3600), "hour"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// The same of the page that deletes cookies where nothing was refused.
pub(super) const COOKIES: (&str, &str) = (
    "Delete the cookies of this site?",
    "If pages of this site do not load, its cookies may have become too many.",
);

/// Heading and sentence for a refusal.
///
/// The 401 pages are seen only after a form post, since page loads are sent to the
/// login form; what the person must know is that nothing was done.
pub(super) fn refusal(code: &str, status: u16) -> (&'static str, &'static str) {
    match code {
        "session_required" => (
            "Please sign in first",
            "What you just sent was not delivered, and nothing was changed. \
             Sign in, then send it once more.",
        ),
        "session_expired" => (
            "Your session has ended",
            "It ran out before this arrived. What you just sent was not delivered, and \
             nothing was changed. Sign in again, then send it once more.",
        ),
        "session_revoked" => (
            "You were signed out",
            "This session was ended, perhaps from another device. What you just sent was \
             not delivered, and nothing was changed.",
        ),
        "session_invalid" => (
            "Please sign in again",
            "Your session could not be recognised. What you just sent was not delivered, \
             and nothing was changed.",
        ),
        "forbidden" => (
            "Not for this account",
            "You are signed in, but this account may not open this page. If you think it \
             should, ask the person who runs this site.",
        ),
        "origin_not_allowed" | "csrf_failed" => (
            "Sent from somewhere else",
            "This request came from a page that may not act for you here, so nothing was \
             done. Open the site directly and try again.",
        ),
        "path_ambiguous" => (
            "This address is unclear",
            "The address can be read in more than one way, so it was not opened. Check the \
             link, or start from the front page.",
        ),
        "login_path_taken" => (
            "Two logins at one address",
            "You are signed in. The app has a sign-in of its own as well, at the address that \
             this page has, so it cannot be reached. The person who runs this site can move \
             this one away: paths.all_under_prefix in its configuration.",
        ),
        "wrong_host" => (
            "Wrong address",
            "This site does not answer under that name. Check the address.",
        ),
        "bad_credentials" => ("That did not match", "Wrong username or password."),
        "too_many_attempts" => (
            "Too many attempts",
            "There were too many attempts in a short time. Wait a few minutes, then try again.",
        ),
        "overloaded" => (
            "Busy right now",
            "There is more to do at this moment than can be done. Try again in a few seconds.",
        ),
        "store_unavailable" => (
            "Back in a moment",
            "Sessions cannot be checked right now, so nothing was opened. Try again in a minute.",
        ),
        "upstream_unreachable" => (
            "The app is not answering",
            "You did nothing wrong: the app behind this page cannot be reached. \
             Try again in a moment.",
        ),
        "upstream_timeout" => (
            "The app took too long",
            "The app behind this page did not answer in time. Before you send something \
             again, check whether it has arrived.",
        ),
        "request_timeout" => (
            "That took too long",
            "Your request did not arrive in time. Check your connection and try again.",
        ),
        "payload_too_large" => (
            "Too large",
            "What you sent is larger than this site accepts.",
        ),
        "header_too_large" => (
            "Too much at once",
            "Your browser sent more than this site accepts. As a rule its cookies have \
             become too many, and deleting them helps.",
        ),
        "method_not_allowed" => (
            "Not possible this way",
            "This address does not take that kind of request.",
        ),
        "unsupported_media_type" => (
            "Not understood",
            "What you sent is not in a form that this page can read.",
        ),
        "bad_request" => (
            "Not understood",
            "This request could not be read. Go back and try again.",
        ),
        _ => by_status(status),
    }
}

fn by_status(status: u16) -> (&'static str, &'static str) {
    match status {
        404 => ("Not found", "There is nothing at this address."),
        400..=499 => (
            "That did not work",
            "This request was not accepted. Go back and try again.",
        ),
        _ => (
            "Something went wrong",
            "This is a fault on our side, and it has been written down. Try again in a moment.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spoken_and_rounded_up() {
        for (seconds, expected) in [
            (0, "1 second"),
            (1, "1 second"),
            (2, "2 seconds"),
            (90, "90 seconds"),
            (91, "2 minutes"),
            (300, "5 minutes"),
            (301, "6 minutes"),
            (5400, "90 minutes"),
            (5401, "2 hours"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), expected, "{seconds}s");
        }
        assert_eq!(spoken(Duration::from_millis(1500)), "2 seconds");
    }

    #[test]
    fn the_box_says_how_long_where_that_is_a_round_number() {
        for (seconds, expected) in [
            (30 * 86_400, "Keep me signed in for 30 days"),
            (31_557_600, "Keep me signed in for 365 days"),
            (86_400, "Keep me signed in for 1 day"),
            (12 * 3600, "Keep me signed in for 12 hours"),
            (3600, "Keep me signed in for 1 hour"),
            (36 * 3600, "Keep me signed in for 36 hours"),
            (5400, "Keep me signed in"),
            (90, "Keep me signed in"),
        ] {
            let said = remember_me(Duration::from_secs(seconds));
            assert_eq!(said, expected, "{seconds}s");
        }
    }

    #[test]
    fn every_code_of_the_contract_has_words_of_its_own() {
        for code in [
            "session_required",
            "session_expired",
            "session_revoked",
            "session_invalid",
            "forbidden",
            "origin_not_allowed",
            "csrf_failed",
            "path_ambiguous",
            "wrong_host",
            "request_timeout",
            "bad_credentials",
            "too_many_attempts",
            "overloaded",
            "store_unavailable",
            "bad_request",
            "payload_too_large",
            "header_too_large",
            "method_not_allowed",
            "unsupported_media_type",
            "login_path_taken",
            "upstream_unreachable",
            "upstream_timeout",
        ] {
            assert_ne!(refusal(code, 0), by_status(0), "{code} fell through");
        }
        assert_eq!(refusal("internal_error", 500).0, "Something went wrong");
        assert_eq!(refusal("unheard_of", 418).0, "That did not work");
    }
}
