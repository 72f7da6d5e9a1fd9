//! A request head, read as naively as can be.

/// A head whose lines can be told apart.
pub struct Head {
    /// As sent.
    pub method: Vec<u8>,
    /// As sent.
    pub target: Vec<u8>,
    /// Names in lower case, and values without the blanks around.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Reads the lines before the first empty one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut lines = lines(bytes).into_iter().map(<[u8]>::trim_ascii_end);
        // RFC 9112 §2.2: empty lines before the request line are skipped.
        let first = lines.find(|line| !line.is_empty())?;
        let space = first.iter().position(|&b| b == b' ')?;
        let version = first.windows(6).rposition(|six| six == b" HTTP/")?;
        let (method, target) = (first[..space].to_vec(), first.get(space + 1..version)?);
        let target = mended(target);
        let mut fields = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let colon = line.iter().position(|&b| b == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            fields.push((name, line[colon + 1..].trim_ascii().to_vec()));
        }
        Some(Self {
            method,
            target,
            fields,
        })
    }

    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        let same = self.fields.iter().filter(|(key, _)| key == name);
        same.map(|(_, value)| value.as_slice()).collect()
    }

    /// The one value of a field.
    pub fn only(&self, name: &str) -> Option<&[u8]> {
        match self.all(name)[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// The path of an origin-form or absolute-form target.
    pub fn path(&self) -> &[u8] {
        let target = &self.target[..];
        let lower = target.to_ascii_lowercase();
        let scheme = ["http://", "https://"];
        let scheme = scheme.iter().find(|s| lower.starts_with(s.as_bytes()));
        let from = scheme.map_or(0, |scheme| {
            let rest = &target[scheme.len()..];
            let slash = rest.iter().position(|&b| b == b'/');
            scheme.len() + slash.unwrap_or(rest.len())
        });
        let path = target[from..].split(|&b| b == b'?').next();
        path.filter(|path| !path.is_empty()).unwrap_or(b"/")
    }
}

/// pingora writes what no target may hold as escapes and cuts a fragment off, before any hook:
/// what is judged and forwarded is that, and so it is what is compared here.
fn mended(target: &[u8]) -> Vec<u8> {
    let fragment = target.iter().position(|&b| b == b'#');
    let target = &target[..fragment.unwrap_or(target.len())];
    let illegal = |&b: &u8| b.is_ascii_control() || b" <>\"".contains(&b);
    let mut mended = Vec::new();
    if target.is_empty() {
        mended.push(b'/');
    }
    if !target.iter().any(illegal) {
        mended.extend_from_slice(target);
        return mended;
    }
    for &byte in target {
        if illegal(&byte) || !byte.is_ascii() {
            mended.extend(format!("%{byte:02X}").bytes());
        } else {
            mended.push(byte);
        }
    }
    mended
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split(|&b| b == b'\n').collect()
}

/// The same head with its fields in another order, those of one name in theirs, and other case.
/// `None` where that could mean something else: continued lines, no end of the head.
pub fn rearranged(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, rest) = bytes.split_at(end);
    let text = str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n").map(str::as_bytes);
    let first = lines.next().filter(|line| !line.is_empty())?;
    let mut fields: Vec<(Vec<u8>, &[u8])> = Vec::new();
    for line in lines {
        let colon = line.iter().position(|&b| b == b':')?;
        let (name, value) = line.split_at(colon);
        let token = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if name.is_empty()
            || !name.iter().all(|&b| token(b))
            || value.iter().any(u8::is_ascii_control)
        {
            return None;
        }
        let swapped = |(at, b): (usize, &u8)| match at % 2 {
            0 => b.to_ascii_uppercase(),
            _ => b.to_ascii_lowercase(),
        };
        fields.push((name.iter().enumerate().map(swapped).collect(), value));
    }
    // Backwards by name, and stable.
    fields.sort_by(|(a, _), (b, _)| b.cmp(a));
    let mut other = first.to_vec();
    for (name, value) in fields {
        other.extend_from_slice(b"\r\n");
        other.extend(name);
        other.extend_from_slice(value);
    }
    other.extend_from_slice(rest);
    Some(other)
}
