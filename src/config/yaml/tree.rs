//! A YAML text as a tree whose every node knows where it was written.
//!
//! One parser for values and positions, so that they cannot disagree. Promises: one
//! document, no duplicate keys, no tags, a bounded depth and a bounded size after
//! aliases are expanded (an alias of an alias of … is the "billion laughs" attack,
//! CVE-2019-11253). Scalars stay text: whoever reads one knows which type it wants.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::config::yaml::problem::{Place, Problem};
use crate::domain::fault::Fault;

/// The largest file that is read: a hundred thousand users take some 20 MiB.
pub(crate) const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The deepest nesting; our own deepest key needs five levels.
const MAX_DEPTH: usize = 32;
/// What all nodes may weigh after aliases are expanded: their text and [`NODE`] each.
const MAX_WEIGHT: usize = 256 * 1024 * 1024;
/// The weight of a node beside its text; a guess near its size in memory.
const NODE: usize = 32;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) shape: Shape,
}

/// The three kinds of YAML nodes.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Text as written, escapes undone.
    Scalar {
        /// The text.
        text: String,
        /// Whether it was written without quotes, so that `null` means nothing.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping with text keys, in the order of the file, no key twice.
    Map(Vec<Entry>),
}

/// One key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) place: Place,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// A scalar as if written without quotes.
    pub(crate) fn plain(place: Place, text: impl Into<String>) -> Self {
        let shape = Shape::Scalar {
            text: text.into(),
            plain: true,
        };
        Self { place, shape }
    }

    /// Whether it is YAML's null: nothing, `~` or `null`, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        match &self.shape {
            Shape::Scalar { text, plain: true } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }
}

/// Parses one document.
///
/// # Errors
/// Every duplicate key and refused construct; after a syntax error nothing further,
/// since what follows one is guesswork.
pub(crate) fn parse(text: &str, file: &Arc<str>) -> Result<Node, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder {
        events: Parser::new_from_str(text),
        file: Arc::clone(file),
        anchors: HashMap::new(),
        weight: 0,
        problems: Vec::new(),
    };
    match builder.document() {
        Ok(node) if builder.problems.is_empty() => Ok(node),
        Ok(_) => Err(builder.problems),
        Err(fatal) => {
            builder.problems.push(*fatal);
            Err(builder.problems)
        }
    }
}

struct Builder<'t> {
    events: Parser<'t, StrInput<'t>>,
    file: Arc<str>,
    /// Finished anchored nodes and their weight; one that is still open is not in it,
    /// so a node cannot contain itself.
    anchors: HashMap<usize, (Node, usize)>,
    weight: usize,
    problems: Vec<Problem>,
}

/// A problem after which the rest of the text has no meaning.
type Fatal = Box<Problem>;

impl<'t> Builder<'t> {
    fn document(&mut self) -> Result<Node, Fatal> {
        let mut root = None;
        loop {
            let (event, span) = self.event()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let fault = Fault::new(
                        "is a second document in one file",
                        "keep one, without a `---` line after it",
                    );
                    return Err(self.fatal(&span, fault));
                }
                Event::StreamStart
                | Event::Nothing
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                other => root = Some(self.node(other, &span, 0)?),
            }
        }
        root.filter(|node| !node.is_null()).ok_or_else(|| {
            let fault = Fault::new("the file holds no settings", "write at least one key");
            Box::new(Problem::new(self.place(1, 1), "", fault))
        })
    }

    fn event(&mut self) -> Result<(Event<'t>, Span), Fatal> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let place = self.place(error.marker().line(), error.marker().col() + 1);
                let fault = Fault::new(
                    format!("is not YAML: {}", error.info()),
                    "mend the syntax here or on the line before; nothing after it was read",
                );
                Err(Box::new(Problem::new(place, "", fault)))
            }
            None => {
                let fault = Fault::new("ends too early", "mend the syntax");
                Err(Box::new(Problem::new(
                    Place::File(Arc::clone(&self.file)),
                    "",
                    fault,
                )))
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, Fatal> {
        if depth > MAX_DEPTH {
            let fault = Fault::new(
                format!("is nested deeper than {MAX_DEPTH} levels"),
                "no key needs that",
            );
            return Err(self.fatal(span, fault));
        }
        let before = self.weight;
        let place = self.start(span);
        let (shape, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted_by_tag = self.check_tag(tag.as_deref(), span);
                self.charge(span, NODE + text.len())?;
                let plain = style == ScalarStyle::Plain && !quoted_by_tag;
                let text = text.into_owned();
                (Shape::Scalar { text, plain }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), span);
                self.charge(span, NODE)?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), span);
                self.charge(span, NODE)?;
                (self.map(depth)?, anchor)
            }
            Event::Alias(anchor) => {
                let Some((node, weight)) = self.anchors.get(&anchor).cloned() else {
                    let fault = Fault::new("is an alias of itself", "write the value out");
                    return Err(self.fatal(span, fault));
                };
                self.charge(span, weight)?;
                return Ok(node);
            }
            _ => {
                let fault = Fault::new("is not a value", "mend the syntax");
                return Err(self.fatal(span, fault));
            }
        };
        let node = Node { place, shape };
        if anchor != 0 {
            let weight = self.weight.saturating_sub(before);
            // The kept copy is memory too.
            self.charge(span, weight)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Shape, Fatal> {
        let mut items = Vec::new();
        loop {
            match self.event()? {
                (Event::SequenceEnd, _) => return Ok(Shape::List(items)),
                (event, span) => items.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Shape, Fatal> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first: HashMap<String, Place> = HashMap::new();
        loop {
            let (event, span) = self.event()?;
            if event == Event::MappingEnd {
                return Ok(Shape::Map(entries));
            }
            let place = self.start(&span);
            let key = self.node(event, &span, depth + 1)?;
            let (event, span) = self.event()?;
            let mut value = self.node(event, &span, depth + 1)?;
            // An empty value is reported by the parser on a later line.
            if matches!(&value.shape, Shape::Scalar { text, plain: true } if text.is_empty()) {
                value.place = place.clone();
            }
            let Shape::Scalar { text: key, plain } = key.shape else {
                let fault = Fault::new("is a key that is not text", "write a name before the `:`");
                self.problems.push(Problem::new(place, "", fault));
                continue;
            };
            if plain && key == "<<" {
                let fault = Fault::new("merge keys are not read", "write the keys out");
                self.problems.push(Problem::new(place, "<<", fault));
            } else if let Some(earlier) = first.get(&key) {
                let fault = Fault::new(
                    format!("is a duplicate key, first written at {earlier}"),
                    "keep one of them",
                );
                self.problems.push(Problem::new(place, key, fault));
            } else {
                first.insert(key.clone(), place.clone());
                entries.push(Entry { key, place, value });
            }
        }
    }

    /// Whether the tag makes a plain scalar text. Tags other than YAML's own are refused.
    fn check_tag(&mut self, tag: Option<&Tag>, span: &Span) -> bool {
        let Some(tag) = tag else { return false };
        if !tag.is_yaml_core_schema() {
            let fault = Fault::new("tags are not read", "remove the `!…` before the value");
            let place = self.start(span);
            self.problems.push(Problem::new(place, "", fault));
        }
        tag.suffix == "str"
    }

    fn charge(&mut self, span: &Span, weight: usize) -> Result<(), Fatal> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= MAX_WEIGHT {
            return Ok(());
        }
        let fault = Fault::new(
            "grows too large when its aliases are expanded",
            "write fewer aliases",
        );
        Err(self.fatal(span, fault))
    }

    fn place(&self, line: usize, column: usize) -> Place {
        Place::At {
            file: Arc::clone(&self.file),
            line: line.max(1),
            column,
        }
    }

    fn start(&self, span: &Span) -> Place {
        self.place(span.start.line(), span.start.col() + 1)
    }

    fn fatal(&self, span: &Span, fault: Fault) -> Fatal {
        Box::new(Problem::new(self.start(span), "", fault))
    }
}
