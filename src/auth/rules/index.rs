//! Finds the first rule of a path without trying them all: a tree of segments.
//!
//! A path is walked down segment by segment, by name and by `*`. Every rule that matches it
//! lies on a node of that walk, and of those the one with the lowest number wins, so that
//! the order of the operator holds whatever the shape of the tree. Beside a thousand rules
//! a request looks at the handful that share its segments.

use std::cmp::Ordering;

use super::{Pattern, Segment};

/// How names are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// Byte for byte.
    Exact,
    /// Without regard to ASCII case.
    Ignored,
}

/// Patterns by their segments.
#[derive(Clone, Debug)]
pub(super) struct Index {
    case: Case,
    root: Option<Node>,
}

/// What begins with the segments that lead here.
#[derive(Clone, Debug, Default)]
struct Node {
    /// By the next segment, in the order of [`compare`].
    named: Vec<(Box<[u8]>, Node)>,
    /// After a `*`.
    any: Option<Box<Node>>,
    /// Rules that end here, in their order.
    here: Vec<usize>,
    /// Rules that end here in `/**`, in their order.
    and_below: Vec<usize>,
}

impl Index {
    /// Takes in patterns with the numbers of their rules, which must rise.
    pub(super) fn new<'a>(
        case: Case,
        patterns: impl Iterator<Item = (usize, &'a Pattern)>,
    ) -> Self {
        let mut root: Option<Node> = None;
        for (number, pattern) in patterns {
            let root = root.get_or_insert_default();
            root.insert(&pattern.segments, (number, pattern.and_below), case);
        }
        Self { case, root }
    }

    /// The lowest number of a rule that matches the path and `fits`.
    pub(super) fn first(&self, path: &[u8], fits: impl Fn(usize) -> bool) -> Option<usize> {
        let root = self.root.as_ref()?;
        let mut search = Search {
            case: self.case,
            fits,
            found: None,
        };
        // What is before the first slash is no segment.
        let (_, rest) = next_part(path);
        search.visit(root, rest);
        search.found
    }
}

impl Node {
    /// Takes a rule in: its number, and whether it ends in `/**`.
    fn insert(&mut self, segments: &[Segment], rule: (usize, bool), case: Case) {
        match segments.split_first() {
            None => match rule {
                (number, true) => self.and_below.push(number),
                (number, false) => self.here.push(number),
            },
            Some((Segment::Any, rest)) => {
                self.any.get_or_insert_default().insert(rest, rule, case);
            }
            Some((Segment::Named(name), rest)) => {
                let place = self.place(name, case).unwrap_or_else(|free| {
                    let child = (name.as_slice().into(), Self::default());
                    self.named.insert(free, child);
                    free
                });
                if let Some((_, child)) = self.named.get_mut(place) {
                    child.insert(rest, rule, case);
                }
            }
        }
    }

    /// Where the child of this name is, or where it would have to be.
    fn place(&self, name: &[u8], case: Case) -> Result<usize, usize> {
        self.named
            .binary_search_by(|(known, _)| compare(known, name, case))
    }
}

/// One walk down the tree.
struct Search<F> {
    case: Case,
    fits: F,
    found: Option<usize>,
}

impl<F: Fn(usize) -> bool> Search<F> {
    fn visit(&mut self, node: &Node, rest: Option<&[u8]>) {
        self.consider(&node.and_below);
        let Some(rest) = rest else {
            return self.consider(&node.here);
        };
        let (part, rest) = next_part(rest);
        if let Ok(place) = node.place(part, self.case)
            && let Some((_, child)) = node.named.get(place)
        {
            self.visit(child, rest);
        }
        if let Some(child) = &node.any
            && !part.is_empty()
        {
            self.visit(child, rest);
        }
    }

    fn consider(&mut self, rules: &[usize]) {
        let before = |number: &usize| self.found.is_none_or(|found| *number < found);
        let mut earlier = rules.iter().copied().take_while(before);
        if let Some(number) = earlier.find(|number| (self.fits)(*number)) {
            self.found = Some(number);
        }
    }
}

/// The bytes up to the next slash, and what follows it; `None` after the last.
fn next_part(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = path.splitn(2, |&b| b == b'/');
    (parts.next().unwrap_or_default(), parts.next())
}

/// An order of names, the shorter first: most comparisons end at the length.
fn compare(a: &[u8], b: &[u8], case: Case) -> Ordering {
    let by_length = a.len().cmp(&b.len());
    by_length.then_with(|| match case {
        Case::Exact => a.cmp(b),
        Case::Ignored => {
            let (a, b) = (a.iter(), b.iter());
            a.map(u8::to_ascii_lowercase)
                .cmp(b.map(u8::to_ascii_lowercase))
        }
    })
}
