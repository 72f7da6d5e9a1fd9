//! The lists in which fields of a head are written (RFC 9110 section 5.6.1).

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

/// The members of a list, over all fields of the name and in their order, without the blanks
/// around them. An empty member is one too.
pub(crate) fn members<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a> {
    let values = headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
    let members = values.flat_map(|value| value.split(|&b| b == b','));
    members.map(<[u8]>::trim_ascii)
}
