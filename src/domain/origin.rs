//! Web origins and authorities (RFC 6454, RFC 9110 §4.2), compared as browsers do.

mod host_name;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use self::host_name::HostName;

/// The scheme of a request or of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is left out when an origin is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Host and port, as a `Host` header gives them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    host: HostName,
    port: Option<u16>,
}

impl Authority {
    /// Parses the value of `Host` or `:authority`: a name, an IPv4 or a bracketed
    /// IPv6 address, and perhaps a port. No user information, no path, no space.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            let host = text.get(..address.len().checked_add(2)?)?;
            (host, after)
        } else {
            let end = value.iter().position(|&b| b == b':').unwrap_or(text.len());
            text.split_at_checked(end)?
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if host.is_empty() || !(host.starts_with('[') || host.bytes().all(plain)) {
            return None;
        }
        Some(Self {
            host: HostName::lowered(host),
            port,
        })
    }

    /// The host in lower case, IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.host.as_str()
    }

    /// Whether two authorities are the same place under `scheme`.
    pub fn same_place(&self, other: &Self, scheme: Scheme) -> bool {
        let port = |a: &Self| a.port.unwrap_or(scheme.default_port());
        self.host == other.host && port(self) == port(other)
    }

    /// Whether the host is spelled as browsers spell it. They write every address in one way,
    /// and take a name whose last label is a number for an address, so that `127.1` and
    /// `0x7f.1` are none (URL standard, host parser).
    pub fn is_canonical(&self) -> bool {
        let host = self.host();
        if let Some(rest) = host.strip_prefix('[') {
            let address = rest.trim_end_matches(']').parse();
            return address.is_ok_and(|address| ipv6_host(address) == host);
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = match last.strip_prefix("0x") {
            Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
            None => !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()),
        };
        !is_number || host.parse::<Ipv4Addr>().is_ok()
    }

    /// Whether the host means this machine itself: `localhost`, `*.localhost`,
    /// `127.0.0.0/8`, `[::1]`. Browsers keep Secure cookies of such hosts over
    /// plain HTTP.
    pub fn is_loopback(&self) -> bool {
        let host = self.host().trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// An IPv6 address as browsers write it in a host: never with dots, where an IPv4 address is
/// mapped into it (URL standard, IPv6 serializer).
pub fn ipv6_host(address: Ipv6Addr) -> String {
    let [.., high, low] = address.segments();
    match address.to_ipv4_mapped() {
        Some(_) => format!("[::ffff:{high:x}:{low:x}]"),
        None => format!("[{address}]"),
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host()),
            None => f.write_str(self.host()),
        }
    }
}

/// An origin in the one spelling that browsers send: lower case, default port left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// Builds the origin of a scheme and an authority.
    pub fn new(scheme: Scheme, mut authority: Authority) -> Self {
        if authority.port == Some(scheme.default_port()) {
            authority.port = None;
        }
        Self { scheme, authority }
    }

    /// Parses an `Origin` header byte for byte: what is not exactly the serialised
    /// form of an http(s) origin (`null`, upper case, a default port, a slash at the
    /// end, a list) is nobody's.
    ///
    /// ```
    /// use doorward::domain::origin::Origin;
    ///
    /// assert!(Origin::parse(b"https://app.example:8443").is_some());
    /// for not_one in ["null", "https://APP.example", "https://app.example:443", "https://app.example/"] {
    ///     assert!(Origin::parse(not_one.as_bytes()).is_none(), "{not_one}");
    /// }
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else {
            (Scheme::Http, text.strip_prefix("http://")?)
        };
        let origin = Self::new(scheme, Authority::parse(rest.as_bytes())?);
        let is_canonical = origin.authority.is_canonical() && origin.to_string() == text;
        is_canonical.then_some(origin)
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host and port; a default port is absent.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_serialised_form_is_an_origin() {
        for (value, good) in [
            ("https://app.example.com", true),
            ("http://app.example.com:8080", true),
            ("https://app.example.com:8443", true),
            ("http://127.0.0.1:3000", true),
            ("http://[::1]:3000", true),
            ("http://[::ffff:c000:201]", true),
            ("http://localhost", true),
            ("", false),
            ("http://[0:0:0:0:0:0:0:1]:3000", false),
            ("http://[::ffff:192.0.2.1]", false),
            ("http://127.1", false),
            ("http://0x7f.0.0.1", false),
            ("http://127.0.0.1.", false),
            ("http://2130706433", false),
            ("http://a.1", false),
            ("null", false),
            ("*", false),
            ("https://app.example.com/", false),
            ("https://app.example.com?", false),
            ("https://app.example.com#", false),
            ("https://app.example.com:443", false),
            ("http://app.example.com:80", false),
            ("https://APP.example.com", false),
            ("HTTPS://app.example.com", false),
            ("https://app.example.com, https://b", false),
            ("https://app.example.com https://b", false),
            ("https://u@app.example.com", false),
            ("https://u:p@app.example.com", false),
            ("https://app.example.com:", false),
            ("https://app.example.com:08443", false),
            ("https://app.example.com:99999", false),
            ("https://", false),
            ("https://:80", false),
            ("ftp://app.example.com", false),
            ("file://", false),
            ("chrome-extension://abc", false),
            ("https://[::1", false),
            ("https://[x]", false),
            (" https://app.example.com", false),
            ("https://app.example.com\0", false),
        ] {
            assert_eq!(
                Origin::parse(value.as_bytes()).is_some(),
                good,
                "{value:?} would be compared as an origin: {good}"
            );
        }
        assert!(Origin::parse(b"https://caf\xc3\xa9.example").is_none());
    }

    #[test]
    fn places_and_loopback() {
        let at = |text: &str| Authority::parse(text.as_bytes()).unwrap();
        assert!(at("App.Example.com").same_place(&at("app.example.com:443"), Scheme::Https));
        assert!(!at("app.example.com").same_place(&at("app.example.com:443"), Scheme::Http));
        for (host, loopback) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("app.localhost", true),
            ("127.0.0.1:80", true),
            ("127.9.9.9", true),
            ("[::1]:8080", true),
            ("example.com", false),
            ("notlocalhost", false),
            ("192.168.1.2", false),
        ] {
            assert_eq!(at(host).is_loopback(), loopback, "{host}");
        }
    }

    proptest! {
        #[test]
        fn what_parses_is_written_the_same(value in "(https?://)?[a-zA-Z0-9.\\[\\]:@/_-]{0,30}") {
            if let Some(origin) = Origin::parse(value.as_bytes()) {
                prop_assert_eq!(origin.to_string(), value);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Origin::parse(&value);
            let _ = Authority::parse(&value);
        }
    }
}
