//! Names of headers in every spelling that some server reads as the same.

use super::Recorded;

/// What else may stand between the words of a name (RFC 9110 section 5.6.2).
const SEPARATORS: [char; 14] = [
    '-', '_', '.', '!', '#', '$', '%', '&', '\'', '*', '+', '^', '|', '~',
];

/// The spellings of a name: its own in three cases, every mixture of `-`, `_` and `.`,
/// and every other separator.
pub fn disguises(name: &str) -> Vec<String> {
    let words: Vec<_> = name.split('-').collect();
    let mut all = vec![name.to_owned(), name.to_lowercase(), name.to_uppercase()];
    let gaps = u32::try_from(words.len() - 1).unwrap();
    for number in 0..3_usize.pow(gaps) {
        let mut rest = number;
        let mut spelled = words[0].to_owned();
        for word in &words[1..] {
            spelled.push(['-', '_', '.'][rest % 3]);
            spelled.push_str(word);
            rest /= 3;
        }
        all.push(spelled);
    }
    if gaps > 0 {
        all.extend(SEPARATORS.map(|separator| words.join(&separator.to_string()).to_lowercase()));
    }
    all.push(mixed_case(name));
    all
}

fn mixed_case(name: &str) -> String {
    let letter = |(at, letter): (usize, char)| match at % 2 {
        0 => letter.to_ascii_lowercase(),
        _ => letter.to_ascii_uppercase(),
    };
    name.chars().enumerate().map(letter).collect()
}

fn fold(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    name.to_lowercase().chars().map(plain).collect()
}

/// Every value whose name some server may read as this one.
pub fn told(seen: &Recorded, name: &str) -> Vec<String> {
    seen.fields()
        .into_iter()
        .filter(|(field, _)| fold(field) == fold(name))
        .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
        .collect()
}
