//! `tokens`: what programs may show, inline or by file; and `api`: where they may show it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::HeaderName;

use crate::auth::directory::{PasswordHash, User};
use crate::auth::machine::{ActsAs, Entrance, Entrances, MachineToken};
use crate::config::schema::context;
use crate::config::schema::reader::{Section, Spot};
use crate::config::sections::values::{self, choice};
use crate::config::sections::{headers, names, web};
use crate::config::settings::Access;
use crate::config::yaml::tree::{self, Shape};
use crate::domain::fault::Fault;
use crate::domain::id::{UserId, Username};
use crate::domain::identity::Identity;
use crate::domain::machine_token::{PREFIX, TokenHash};
use crate::domain::time::Timestamp;

/// The largest tokens file that is read; some ten thousand tokens.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Reads `api`. Where neither it nor `tokens` is set, an app may have tokens that begin
/// like ours; a list that became empty still refuses what stood in it.
pub(crate) fn entrances(root: &Section<'_>) -> Option<Entrances> {
    root.some("tokens").or_else(|| root.some("api"))?;
    let section = root.section("api", "api");
    let accept = section.list("accept", vec![Entrance::Bearer], |text| {
        choice(text, &Entrance::ALL)
    });
    let header = section.optional("header", |text| {
        let name = headers::free(names::header(text)?)?;
        HeaderName::try_from(name).map_err(|_odd| Fault::new("is no header", "choose another"))
    });
    let taken = accept.contains(&Entrance::Header);
    if taken != header.is_some() && !root.cx.has_problem_below("api") {
        let (key, what, mend) = match taken {
            true => ("header", "is missing", "name the header that has the token"),
            false => (
                "accept",
                "has no `header`, and api.header names one",
                "write `accept: [bearer, header]`",
            ),
        };
        match section.get(key) {
            Some(spot) => spot.refuse(Fault::new(what, mend)),
            None => section.missing(key, mend),
        }
    }
    Some(Entrances { accept, header })
}

/// Reads `tokens`.
pub(crate) fn read(root: &Section<'_>, users: &[User]) -> Vec<MachineToken> {
    let Some(spot) = root.some("tokens") else {
        return Vec::new();
    };
    let mut seen = Seen::default();
    for user in users {
        seen.ids.insert(user.identity.id.to_string(), None);
    }
    match &spot.node.shape {
        Shape::Map(_) => from_file(&spot.section("tokens"), &mut seen).unwrap_or_default(),
        _ => list(&spot, &mut seen),
    }
}

fn from_file(section: &Section<'_>, seen: &mut Seen) -> Option<Vec<MachineToken>> {
    let Some(spot) = section.some("file") else {
        section.missing("file", "give the path of a file with a list of tokens");
        return None;
    };
    let path = spot.file_path()?;
    let name: Arc<str> = Arc::from(spot.text().unwrap_or_default());
    let bytes = match spot.cx.read(&path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(fault) => {
            spot.refuse(fault);
            return None;
        }
    };
    let text = context::text(bytes, &name).map_err(|problem| vec![*problem]);
    match text.and_then(|text| tree::parse(&text, &name)) {
        Ok(node) => {
            let path = String::new();
            let (cx, node) = (spot.cx, &node);
            Some(list(&Spot { cx, node, path }, seen))
        }
        Err(problems) => {
            problems
                .into_iter()
                .for_each(|problem| spot.cx.problem(problem));
            None
        }
    }
}

/// What must not be there twice, and where it was first.
#[derive(Default)]
struct Seen {
    names: HashMap<String, String>,
    hashes: HashMap<TokenHash, String>,
    /// `None`: of a user, `Some`: the roles of a machine.
    ids: HashMap<String, Option<Vec<String>>>,
}

fn list(spot: &Spot<'_>, seen: &mut Seen) -> Vec<MachineToken> {
    let items = spot.items().unwrap_or_default();
    items.iter().filter_map(|item| one(item, seen)).collect()
}

fn one(spot: &Spot<'_>, seen: &mut Seen) -> Option<MachineToken> {
    let section = spot.section("tokens[]");
    let entry = "paste what `doorward token new` prints";
    let required = |key: &str, mend: &str| {
        let found = section.get(key);
        if found.is_none() {
            section.missing(key, mend);
        }
        found
    };
    let name = required("name", entry).and_then(|spot| {
        let name = spot.parse(values::words)?;
        refuse_twin(&spot, seen.names.insert(name.clone(), spot.path.clone()));
        Some(name)
    });
    let hash = required("hash", entry).and_then(|spot| {
        // What is wrong here may be a token.
        let hash = spot.text().and_then(hash);
        let hash = hash.map_err(|fault| spot.refuse_secret(fault)).ok()?;
        refuse_twin(&spot, seen.hashes.insert(hash, spot.path.clone()));
        Some(hash)
    });
    let expires = required("expires", "write a date such as 2027-03-01, or never");
    let expires = expires.and_then(|spot| spot.parse(date));
    let acts_as = acts_as(&section, name.as_deref(), seen);
    let paths = narrowing(&section, "paths", |text| {
        names::pattern(text, &Access::Public)
    });
    let methods = narrowing(&section, "methods", names::method);
    let from = narrowing(&section, "from", web::network);
    Some(MachineToken {
        name: name?.into(),
        hash: hash?,
        acts_as: acts_as?,
        expires: expires?,
        paths,
        methods,
        from,
    })
}

fn refuse_twin(spot: &Spot<'_>, earlier: Option<String>) {
    if let Some(earlier) = earlier {
        spot.refuse(Fault::new(
            format!("is that of {earlier} too"),
            "give each token its own",
        ));
    }
}

/// A user, or a machine with an id of its own.
fn acts_as(section: &Section<'_>, name: Option<&str>, seen: &mut Seen) -> Option<ActsAs> {
    let (user, id) = (section.get("user"), section.get("id"));
    let roles = section.list("roles", Vec::new(), values::role);
    match (user, id) {
        (None, None) => {
            section.missing("user", "name a user, or give a machine an `id` of its own");
            None
        }
        (Some(user), None) => {
            if let Some(roles) = section.get("roles") {
                roles.refuse(Fault::new(
                    "stands beside user, whose roles the token has",
                    "remove one of the two",
                ));
            }
            user.parse(values::words).map(ActsAs::User)
        }
        (user, Some(id)) => {
            let text = id.parse(values::words)?;
            if user.is_some() {
                id.refuse(Fault::new("stands beside user", "remove one of the two"));
            }
            match seen.ids.insert(text.clone(), Some(roles.clone())) {
                Some(None) => id.refuse(Fault::new(
                    "is the id of a user",
                    "write `user` instead, or give the machine an id of its own",
                )),
                Some(Some(other)) if other != roles => id.refuse(Fault::new(
                    "has other roles in an earlier token",
                    "give both the same roles, or each an id of its own",
                )),
                _ => {}
            }
            Some(ActsAs::Machine(Arc::new(User {
                identity: Identity {
                    id: UserId::new(&text),
                    username: Username::canonical(&text),
                    name: name?.to_owned(),
                    email: None,
                    roles,
                },
                password_hash: PasswordHash::new(""),
                disabled: false,
                token_version: 0,
            })))
        }
    }
}

/// A list that narrows a token; one that is empty would leave nothing of it.
fn narrowing<T>(
    section: &Section<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, Fault>,
) -> Vec<T> {
    if let Some(spot) = section.some(key)
        && matches!(&spot.node.shape, Shape::List(items) if items.is_empty())
    {
        spot.refuse(Fault::new(
            "is an empty list, so that the token would open nothing",
            "remove it to narrow nothing",
        ));
    }
    section.list(key, Vec::new(), parse)
}

fn hash(text: &str) -> Result<TokenHash, Fault> {
    if text.starts_with(PREFIX) {
        return Err(Fault::new(
            "is a token itself, which whoever reads the file could use",
            "make another with `doorward token new`, and write its hash",
        ));
    }
    TokenHash::parse(text).ok_or_else(|| {
        Fault::new(
            "is no hash of a token",
            "paste the hash that `doorward token new` prints",
        )
    })
}

/// The end of a date in UTC, a point in time (RFC 3339), or `never`.
pub(crate) fn date(text: &str) -> Result<Timestamp, Fault> {
    let wrong = || {
        Fault::new(
            "is neither a date nor a time",
            "write 2027-03-01, 2027-03-01T12:00:00Z or never",
        )
    };
    if text == "never" {
        return Ok(Timestamp::NEVER);
    }
    let point = |text: &str| {
        let time = humantime::parse_rfc3339(text).map_err(|_odd| wrong())?;
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        since.map_err(|_early| wrong())
    };
    if text.len() == "2027-03-01".len() {
        let last = point(&format!("{text}T23:59:59Z"))?;
        return Ok(Timestamp::EPOCH.after(last + Duration::from_secs(1)));
    }
    let (local, offset) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, "+00:00"),
        None => {
            let at = text.len().checked_sub("+00:00".len()).ok_or_else(wrong)?;
            text.split_at_checked(at).ok_or_else(wrong)?
        }
    };
    let at = Timestamp::EPOCH.after(point(&format!("{}Z", local.replace('t', "T")))?);
    let (sign, offset) = offset.split_at_checked(1).ok_or_else(wrong)?;
    let (hours, minutes) = offset.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str, most: u64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u64>().ok().filter(|n| digits && *n < most);
        number.ok_or_else(wrong)
    };
    let seconds = number(hours, 24)? * 3600 + number(minutes, 60)? * 60;
    let offset = Duration::from_secs(seconds);
    match sign {
        "+" => Ok(at.before(offset)),
        "-" => Ok(at.after(offset)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_end_with_the_day_and_times_at_once() {
        for (text, secs) in [
            ("2027-03-01", Some(1_803_945_600)),
            ("2027-03-01T12:00:00Z", Some(1_803_902_400)),
            ("2027-03-01t12:00:00z", Some(1_803_902_400)),
            ("2027-03-01T14:00:00+02:00", Some(1_803_902_400)),
            ("2027-03-01T06:30:00-05:30", Some(1_803_902_400)),
            ("2027-02-29", None),
            ("2027-03-01T12:00:00", None),
            ("2027-03-01T12:00:00+2:00", None),
            ("2027-03-01T12:00:00+24:00", None),
            ("90d", None),
            ("Never", None),
            ("", None),
        ] {
            let read = date(text).ok().map(Timestamp::secs);
            assert_eq!(read, secs, "{text:?}");
        }
        assert_eq!(date("never").ok(), Some(Timestamp::NEVER));
    }
}
