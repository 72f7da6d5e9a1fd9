//! The page on which people see where they are signed in, and end what they do not know.

use askama::Template;

use super::html::Html;
use super::{Frame, Pages, device, when};
use crate::auth::stored::StoredSession;
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct SessionsView<'a> {
    /// The name of the person whose sessions these are.
    pub name: &'a str,
    /// The sessions to be shown, in this order.
    pub sessions: &'a [StoredSession],
    /// The one that the page is seen with.
    pub current: SessionId,
    /// How many there are beside those that are shown.
    pub more: usize,
    /// What was done just before.
    pub done: Option<Ended>,
    /// For the forms; empty where none is asked for.
    pub csrf_token: &'a str,
    /// The time to which "ago" is counted.
    pub now: Timestamp,
}

/// What was done on the page just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// One session.
    One,
    /// All but this.
    Others,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage<'a> {
    frame: &'a Frame,
    action: &'a str,
    csrf_token: &'a str,
    name: &'a str,
    lines: Vec<Line<'a>>,
    total: usize,
    more: usize,
    others: bool,
    done: Option<&'static str>,
}

/// One session, said in words.
struct Line<'a> {
    id: SessionId,
    device: String,
    agent: &'a str,
    address: String,
    created: Moment,
    seen: Moment,
    ends: Moment,
    /// Whether use puts the end off.
    renewable: bool,
    current: bool,
}

/// A point in time for `<time>`.
struct Moment {
    machine: String,
    date: String,
    ago: String,
}

impl Moment {
    fn of(at: Timestamp, now: Timestamp) -> Self {
        Self {
            machine: when::rfc3339(at),
            date: when::date(at),
            ago: when::ago(at, now),
        }
    }
}

impl<'a> Line<'a> {
    fn of(session: &'a StoredSession, view: &SessionsView<'_>) -> Self {
        Self {
            id: session.id,
            device: device::name(&session.agent),
            agent: &session.agent,
            address: session.client.to_string(),
            created: Moment::of(session.created(), view.now),
            seen: Moment::of(session.last_used(), view.now),
            ends: Moment::of(session.end(), view.now),
            renewable: session.end() < session.ends,
            current: session.id == view.current,
        }
    }
}

impl Pages {
    /// The sessions of a person, with buttons to end one or all others.
    pub fn sessions(&self, view: &SessionsView<'_>) -> Html {
        let lines: Vec<_> = view.sessions.iter().map(|s| Line::of(s, view)).collect();
        let page = SessionsPage {
            frame: &self.frame,
            action: &self.sessions,
            csrf_token: view.csrf_token,
            name: view.name,
            total: lines.len().saturating_add(view.more),
            more: view.more,
            others: view.more > 0 || lines.iter().any(|line| !line.current),
            lines,
            done: view.done.map(|done| match done {
                Ended::One => "That session has ended. It opens nothing any more.",
                Ended::Others => "You are signed in only here now.",
            }),
        };
        self.html(&page)
    }
}
