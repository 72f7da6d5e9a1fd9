//! `config/doorward.yaml`: every key at its default, with what it means beside or above it.

use doorward::config::schema::keys::{KEYS, Key, Shown, Value};

use super::{key, name, parent, told};

const HEAD: &str = "\
# Every key of Doorward with its default. Only `upstream` and `users` must be written;
# whatever else you leave out is as it stands here. Unknown keys are refused.
#
# Durations: 500ms, 10s, 15m, 12h, 7d.  Sizes: 512, 16KiB, 10MB.
# Secrets:   env:NAME, file:/path, or the text itself.
# Paths count from the folder of this file.
# DOORWARD_<SECTION>_<KEY> overrides any single value, and lists comma separated:
# DOORWARD_SESSION_ACCESS_TTL=5m; DOORWARD_<SECTION>_<KEY>_FILE reads it from a file.
# A DOORWARD_ variable that sets nothing is refused.
#
# This file is made of src/config/schema/keys.rs.
";

/// Where what is beside a value begins, and where every line ends.
const BESIDE: usize = 36;
const WIDTH: usize = 108;

pub fn rendered() -> String {
    let mut text = HEAD.to_owned();
    let mut before: Option<&Key> = None;
    for key in KEYS.iter().filter(|key| is_shown(key)) {
        let line = Line::of(key);
        let is_simple = |key: &Key| !key.path.contains('.') && !has_keys_below(key);
        let goes_on = before.is_some_and(is_simple) && is_simple(key) && line.above.is_empty();
        if !key.path.contains('.') && !goes_on {
            text.push('\n');
        }
        line.write(&mut text);
        before = Some(key);
    }
    text
}

/// What is below a commented value with a value of its own is told by that one.
fn is_shown(key: &Key) -> bool {
    let above = parent(key.path).map(super::key);
    above.is_none_or(|above| !is_comment(above) || above.yaml.is_empty())
}

fn has_keys_below(key: &Key) -> bool {
    KEYS.iter()
        .any(|other| parent(other.path) == Some(key.path))
}

/// A key that would change something, or one of a map that is not there, is a comment.
fn is_comment(key: &Key) -> bool {
    let of_comment = |above: &Key| is_comment(above) || !above.yaml.is_empty();
    key.shown == Shown::Unset || parent(key.path).map(super::key).is_some_and(of_comment)
}

struct Line {
    indent: String,
    above: Vec<String>,
    line: String,
    beside: Vec<String>,
    below: Vec<String>,
}

impl Line {
    fn of(key: &Key) -> Self {
        let (words, example) = told(key);
        let depth = indent(key.path);
        let mut outer = key;
        while let Some(above) = parent(outer.path)
            .map(super::key)
            .filter(|above| is_comment(above))
        {
            outer = above;
        }
        let at = if is_comment(key) {
            indent(outer.path)
        } else {
            depth
        };
        let mut line = " ".repeat(at);
        if is_comment(key) {
            line.push_str("# ");
            line.push_str(&" ".repeat(depth - at));
        } else if is_first_of_item(key) {
            line.truncate(at - 2);
            line.push_str("- ");
        }
        line.push_str(name(key.path));
        line.push(':');
        if !key.yaml.is_empty() {
            line.push(' ');
            line.push_str(key.yaml);
        }
        let words = with_choices(key, &words);
        let column = BESIDE.max(line.chars().count() + 1);
        let beside = wrapped(&words, WIDTH.saturating_sub(column + 2));
        let is_top = !key.path.contains('.');
        let most = if is_top || column > BESIDE { 1 } else { 2 };
        let is_section = key.value == Value::Section && is_top;
        let (above, beside) = match beside.len() > most || (is_section && !words.is_empty()) {
            true => (wrapped(&words, WIDTH - 8 - at), Vec::new()),
            false => (Vec::new(), beside),
        };
        let items = matches!(key.value, Value::Maybe(Value::Items) | Value::Items);
        let example: Vec<String> = example.into_iter().map(str::to_owned).collect();
        let (above, below) = match items {
            true => (above, example),
            false => ([above, example].concat(), Vec::new()),
        };
        Self {
            indent: " ".repeat(at),
            above,
            line,
            beside,
            below,
        }
    }

    fn write(&self, text: &mut String) {
        for words in &self.above {
            text.push_str(&format!("{}# {words}\n", self.indent));
        }
        let column = BESIDE.max(self.line.chars().count() + 1);
        let mut beside = self.beside.iter();
        match beside.next() {
            Some(words) => text.push_str(&format!("{:column$}# {words}\n", self.line)),
            None => text.push_str(&format!("{}\n", self.line)),
        }
        for words in beside {
            text.push_str(&format!("{:column$}# {words}\n", ""));
        }
        for example in &self.below {
            text.push_str(&format!("{}  # {example}\n", self.indent));
        }
    }
}

/// How far in a key stands: the items of a list that is written are further in than those of one
/// that is not.
fn indent(path: &str) -> usize {
    let Some(above) = parent(path) else { return 0 };
    let is_item = path.contains("[].") && !is_comment(key(path));
    let own = if is_item && above == path_of_item(path) {
        4
    } else {
        2
    };
    indent(above) + own
}

fn path_of_item(path: &str) -> &str {
    path.split("[]").next().unwrap_or(path)
}

fn is_first_of_item(wanted: &Key) -> bool {
    let list = path_of_item(wanted.path);
    let first = KEYS
        .iter()
        .find(|key| key.path.starts_with(&format!("{list}[].")));
    first.is_some_and(|first| first.path == wanted.path)
}

/// What is meant, after which words there are and whether it must be written.
fn with_choices(key: &Key, words: &str) -> String {
    let mut all = match key.value {
        // Unless each of them is explained.
        Value::Words(choices) if !choices.iter().all(|word| words.contains(word)) => {
            choices.join(" | ")
        }
        _ => String::new(),
    };
    if key.shown == Shown::Required && !key.path.contains('.') {
        all.push_str("REQUIRED.");
    }
    let is_sentence = words.chars().next().is_some_and(char::is_uppercase);
    match (all.as_str(), words) {
        (_, "") => {}
        ("", _) => all.push_str(words),
        (before, _) if before.ends_with('.') => all.push_str(&format!(" {words}")),
        (_, _) if words.starts_with("or ") => all.push_str(&format!(", {words}")),
        (_, _) if is_sentence => all.push_str(&format!(". {words}")),
        _ => all.push_str(&format!("; {words}")),
    }
    all
}

fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
