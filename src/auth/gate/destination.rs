//! The second path of a request: what `MOVE` and `COPY` name in `Destination` (RFC 4918
//! §10.3) is written to, and what `PUT` names as the source of a copy in stores of objects
//! (S3's `X-Amz-Copy-Source`, Swift's `X-Copy-From`) is read. It is judged under the same rules
//! as the first.

use http::Method;
use http::header::HeaderName;

use crate::auth::denial::Denial;
use crate::auth::policy::Policy;
use crate::auth::rules::Selected;
use crate::domain::origin::{Authority, Scheme};
use crate::domain::path::RequestPath;
use crate::domain::request::{Host, RequestView};

const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// Where `PUT` copies from: a path, with or without its first slash.
const SOURCES: [HeaderName; 2] = [
    HeaderName::from_static("x-amz-copy-source"),
    HeaderName::from_static("x-copy-from"),
];

/// Methods to which `Destination` means nothing: there it may be a word of the app's own.
const NOT_WEBDAV: [Method; 4] = [Method::POST, Method::PUT, Method::DELETE, Method::PATCH];

impl Policy {
    /// What the rules say of the path in `Destination`, if there is one.
    ///
    /// # Errors
    /// [`Denial::BadRequest`] for what is no path here, [`Denial::PathAmbiguous`] for one
    /// that can mean nothing safe.
    pub(super) fn destination(
        &self,
        view: &RequestView<'_>,
    ) -> Result<Option<Selected<'_>>, Denial> {
        // What changes nothing names no second path to anybody.
        if view.is_safe() {
            return Ok(None);
        }
        for source in &SOURCES {
            if view.headers.contains_key(source) {
                let value = view.only(source).ok_or(Denial::BadRequest)?;
                let path = match value.starts_with(b"/") {
                    true => value.to_vec(),
                    false => [b"/", value].concat(),
                };
                return self.second(&path, view).map(Some);
            }
        }
        if !view.headers.contains_key(&DESTINATION) {
            return Ok(None);
        }
        let value = view.only(&DESTINATION).ok_or(Denial::BadRequest)?;
        let target = match self.path_of(value, view) {
            Some(target) => target?,
            None if NOT_WEBDAV.contains(view.method) => return Ok(None),
            None => return Err(Denial::BadRequest),
        };
        self.second(target, view).map(Some)
    }

    fn second(&self, target: &[u8], view: &RequestView<'_>) -> Result<Selected<'_>, Denial> {
        let path = target.split(|&b| b == b'?').next().unwrap_or_default();
        let path = RequestPath::parse(path).map_err(|_doubt| Denial::PathAmbiguous)?;
        Ok(self.rules.select(&path, view.method))
    }

    /// The path of a URL of ours, or of a path; `None` for what is neither.
    fn path_of<'a>(
        &self,
        value: &'a [u8],
        view: &RequestView<'_>,
    ) -> Option<Result<&'a [u8], Denial>> {
        if value.starts_with(b"/") {
            return Some(Ok(value));
        }
        let schemes = [
            (&b"http://"[..], Scheme::Http),
            (b"https://", Scheme::Https),
        ];
        let (rest, scheme) = schemes.into_iter().find_map(|(begin, scheme)| {
            let (start, rest) = value.split_at_checked(begin.len())?;
            start.eq_ignore_ascii_case(begin).then_some((rest, scheme))
        })?;
        let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#'));
        let (authority, path) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let is_here = Authority::parse(authority).is_some_and(|there| {
            let same = |ours: &Authority| {
                there.same_place(ours, scheme) || there.same_place(ours, view.scheme)
            };
            matches!(&view.host, Host::At(host) if same(host))
                || self
                    .hosts
                    .as_ref()
                    .is_some_and(|ours| ours.served.iter().any(same))
        });
        // Another host's path would be judged by rules that are not its own.
        Some(match (is_here, path) {
            (false, _) => Err(Denial::BadRequest),
            (true, b"") => Ok(b"/"),
            (true, path) => Ok(path),
        })
    }
}
