//! `docs/configuration.md`: the table for readers.

use doorward::config::schema::keys::{KEYS, Key, Shown, Value};

use super::{parent, told};

const HEAD: &str = "\
# Every key of the configuration

This page is made of [the table of keys](../src/config/schema/keys.rs), as are
[`config/doorward.yaml`](../config/doorward.yaml), which shows every key at its default, and
[`config/doorward.schema.json`](../config/doorward.schema.json), by which an editor completes and
checks keys while they are typed: `doorward init` names it in the first line of what it writes.

- Only `upstream` and `users` must be written. Unknown keys are refused.
- Durations are `500ms`, `10s`, `15m`, `12h`, `7d`; sizes are `512`, `16KiB`, `10MB`.
- A secret is `env:NAME`, `file:/path`, or the text itself.
- Paths count from the folder of the file.
- `DOORWARD_<SECTION>_<KEY>` overrides a value, and a list comma separated:
  `DOORWARD_SESSION_ACCESS_TTL=5m`; `DOORWARD_<SECTION>_<KEY>_FILE` reads it from a file. Keys
  marked \u{2020} only the file can set.
- `null` is written where a default is `null`, and takes a limit away where its text says so.
";

pub fn rendered() -> String {
    let mut text = HEAD.to_owned();
    let has_below = |key: &Key| {
        KEYS.iter()
            .any(|other| parent(other.path) == Some(key.path))
    };
    let (sections, simple): (Vec<_>, Vec<_>) = KEYS
        .iter()
        .filter(|key| !key.path.contains('.'))
        .partition(|key| has_below(key));
    text.push_str("\n## At the top\n");
    table(&mut text, simple.into_iter());
    for section in sections {
        text.push_str(&format!("\n## `{}`\n", section.path));
        let (words, example) = told(section);
        if !words.is_empty() {
            text.push_str(&format!("\n{}\n", escaped(&words)));
        }
        block(&mut text, "yaml", &example);
        let is_below = |key: &&Key| {
            let rest = key.path.strip_prefix(section.path);
            rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        table(&mut text, KEYS.iter().filter(is_below));
    }
    text
}

fn table(text: &mut String, keys: impl Iterator<Item = &'static Key>) {
    text.push_str("\n| key | value | default | |\n|---|---|---|---|\n");
    let mut examples = Vec::new();
    for key in keys {
        let (words, example) = told(key);
        let mark = if key.variable().is_some() {
            ""
        } else {
            " \u{2020}"
        };
        let default = match key.shown {
            Shown::Default if key.yaml.is_empty() => String::new(),
            Shown::Default => code(key.yaml),
            Shown::Required => "required".into(),
            Shown::Sample | Shown::Unset => String::new(),
        };
        text.push_str(&format!(
            "| `{}`{mark} | {} | {default} | {} |\n",
            key.path,
            kind(key.value),
            escaped(&words)
        ));
        examples.extend((!example.is_empty()).then_some((key, example)));
    }
    for (key, example) in examples {
        text.push_str(&format!("\n`{}`:\n", key.path));
        // The words of a choice are explained in a list, which is no configuration.
        let info = match key.value {
            Value::Words(_) => "text",
            _ => "yaml",
        };
        block(text, info, &example);
    }
}

fn block(text: &mut String, info: &str, example: &[&str]) {
    if !example.is_empty() {
        text.push_str(&format!("\n```{info}\n{}\n```\n", example.join("\n")));
    }
}

fn kind(value: Value) -> String {
    match value {
        Value::Section => "section".into(),
        Value::Items => "list".into(),
        Value::Text => "text".into(),
        Value::Secret => "secret".into(),
        Value::Match(what, _) => what.into(),
        Value::Words(words) => {
            let words: Vec<_> = words.iter().map(|word| code(word)).collect();
            words.join(", ")
        }
        Value::Switch => "`true`, `false`".into(),
        Value::Count(least, u64::MAX) => format!("{least} or more"),
        Value::Count(least, most) => format!("{least} to {most}"),
        Value::Duration => "duration".into(),
        Value::Size(..) => "size".into(),
        Value::List(of) => format!("list of {}", kind(*of)),
        Value::OneOrMore(of) => format!("{}, or a list", kind(*of)),
        Value::Map(of) => format!("names with {}", kind(*of)),
        Value::Maybe(of) => kind(*of),
    }
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn escaped(words: &str) -> String {
    words.replace('|', "\\|").replace('*', "\\*")
}
