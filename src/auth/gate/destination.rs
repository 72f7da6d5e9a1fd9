//! The second path of a request: what `MOVE` and `COPY` name in `Destination` (RFC 4918
//! §10.3) is written to, and what `PUT` names as the source of a copy in stores of objects
//! (S3's `X-Amz-Copy-Source`, Swift's `X-Copy-From`) is read. It is judged under the same rules
//! as the first.

use http::Method;
use http::header::HeaderName;

use super::Rejected;
use super::bearer::Bearer;
use crate::auth::denial::Denial;
use crate::auth::policy::Policy;
use crate::auth::rules::Selected;
use crate::domain::origin::{Authority, Scheme};
use crate::domain::path::RequestPath;
use crate::domain::request::{Host, RequestView};

const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// Whether a header says where `PUT` copies or moves from: S3 and those that speak like it,
/// Azure's and Google's stores (`X-…-Copy-Source`, `X-…-Rename-Source`), and Swift.
fn is_source(name: &HeaderName) -> bool {
    let name = name.as_str();
    name == "x-copy-from" || name.ends_with("-copy-source") || name.ends_with("-rename-source")
}

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
        bearer: Option<&Bearer<'_>>,
    ) -> Result<Option<Selected<'_>>, Rejected> {
        // What changes nothing names no second path to anybody.
        if view.is_safe() {
            return Ok(None);
        }
        if let Some(source) = view.headers.keys().find(|name| is_source(name)) {
            return self.source(source, view, bearer).map(Some);
        }
        if !view.headers.contains_key(&DESTINATION) {
            return Ok(None);
        }
        let value = view.only(&DESTINATION).ok_or(Denial::BadRequest)?;
        // No URL has one, and a list of two would have (RFC 3986 section 2).
        if value.contains(&b' ') || value.contains(&b'\t') {
            return Err(Denial::BadRequest.into());
        }
        let target = match self.path_of(value, view) {
            Some(target) => target?,
            None if NOT_WEBDAV.contains(view.method) => return Ok(None),
            None => return Err(Denial::BadRequest.into()),
        };
        self.second(target, view, bearer).map(Some)
    }

    /// What the rules say of a source: a path, with or without its first slash, or a URL of
    /// ours.
    fn source(
        &self,
        name: &HeaderName,
        view: &RequestView<'_>,
        bearer: Option<&Bearer<'_>>,
    ) -> Result<Selected<'_>, Rejected> {
        // Another would be a second source.
        if view.headers.keys().filter(|name| is_source(name)).count() > 1 {
            return Err(Denial::BadRequest.into());
        }
        let value = view.only(name).ok_or(Denial::BadRequest)?;
        match self.path_of(value, view) {
            Some(path) => self.second(path?, view, bearer),
            None => self.second(&[b"/", value].concat(), view, bearer),
        }
    }

    fn second(
        &self,
        target: &[u8],
        view: &RequestView<'_>,
        bearer: Option<&Bearer<'_>>,
    ) -> Result<Selected<'_>, Rejected> {
        let path = target.split(|&b| b == b'?').next().unwrap_or_default();
        let path = RequestPath::parse(path).map_err(|_doubt| Denial::PathAmbiguous)?;
        bearer.map_or(Ok(()), |bearer| bearer.reaches(&path, view.method))?;
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
                there.same_place(ours, scheme) || there.same_place(ours, view.facts.scheme)
            };
            matches!(&view.facts.host, Host::At(host) if same(host))
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
