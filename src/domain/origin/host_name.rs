//! The name in a `Host`, lower case: kept in place where it is short, so that reading one
//! of every request asks nobody for memory.

use std::fmt;

/// The longest that is kept in place. A guess above most names.
const IN_PLACE: usize = 46;

/// A host in lower case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct HostName(Text);

/// One name has one form: what fits is in place, and zero follows it.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Text {
    Short { bytes: [u8; IN_PLACE], length: u8 },
    Long(Box<str>),
}

impl HostName {
    /// The name, with its capitals lowered.
    pub(super) fn lowered(name: &str) -> Self {
        let mut bytes = [0; IN_PLACE];
        let short = match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(name.as_bytes());
                place.make_ascii_lowercase();
                Some(length)
            }
            _ => None,
        };
        Self(match short {
            Some(length) => Text::Short { bytes, length },
            None => Text::Long(name.to_ascii_lowercase().into()),
        })
    }

    pub(super) fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short { bytes, length } => {
                let name = bytes.get(..usize::from(*length)).unwrap_or_default();
                // It was text when it was put in, and lowering ASCII leaves it so.
                std::str::from_utf8(name).unwrap_or_default()
            }
            Text::Long(name) => name,
        }
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_of_any_length_is_the_same_text_in_lower_case(name in "[a-zA-Z0-9.é-]{0,100}") {
            let kept = HostName::lowered(&name);
            prop_assert_eq!(kept.as_str(), name.to_ascii_lowercase());
            prop_assert_eq!(&kept, &HostName::lowered(&name.to_ascii_uppercase()));
            let longer = HostName::lowered(&format!("{name}a"));
            prop_assert_ne!(&kept, &longer, "two hosts would be one place");
        }
    }
}
