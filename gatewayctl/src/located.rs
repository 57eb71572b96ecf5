//! Where each field of a YAML file stands, so that a mistake can be named by file and line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Options, Spanned};

/// What a file may hold: well above 100,000 prefixes, well below what fills a machine.
const NODES_MAX: usize = 5_000_000;

/// How files are read, both for their content and for positions.
pub(crate) fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: NODES_MAX,
            max_events: 2 * NODES_MAX,
        },
    }
}

/// Every field of a file by its path, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Positions(Vec<Position>);

#[derive(Debug)]
struct Position {
    path: String,
    line: u32,
    column: u32,
}

impl Positions {
    /// Positions in `yaml`; none if it is not YAML.
    pub(crate) fn of(yaml: &str) -> Self {
        let mut positions = Self::default();
        if let Ok(root) = serde_saphyr::from_str_with_options::<Spanned<Node>>(yaml, options()) {
            positions.add(String::new(), &root);
        }
        positions
    }

    /// The line of a path; of its closest ancestor where the file leaves it out.
    pub(crate) fn line(&self, path: &str) -> u32 {
        let mut path = path;
        loop {
            if let Some(found) = self.0.iter().find(|position| position.path == path) {
                return found.line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return 1,
            }
        }
    }

    /// The field at a line and column, as an error of the YAML reader tells them: the last one
    /// that begins there or before on that line, else the last one before.
    pub(crate) fn field(&self, line: u32, column: u32) -> &str {
        let on_line = |position: &&Position| position.line == line && position.column <= column;
        let before = |position: &&Position| position.line <= line;
        let found = self.0.iter().rev().find(on_line);
        found.or_else(|| self.0.iter().rev().find(before)).map_or("", |found| &found.path)
    }

    fn add(&mut self, path: String, node: &Spanned<Node>) {
        let at = &node.referenced;
        let (line, column) = (at.line(), at.column());
        self.0.push(Position {
            path: path.clone(),
            line: u32::try_from(line).unwrap_or(0),
            column: u32::try_from(column).unwrap_or(0),
        });
        match &node.value {
            Node::Map(fields) => {
                for (name, value) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.add(format!("{path}{dot}{name}"), value);
                }
            }
            Node::List(rows) => {
                for (index, value) in rows.iter().enumerate() {
                    self.add(format!("{path}[{index}]"), value);
                }
            }
            Node::Scalar => {}
        }
    }
}

/// Any YAML, as far as positions need it.
#[derive(Debug)]
enum Node {
    Map(Vec<(String, Spanned<Node>)>),
    List(Vec<Spanned<Node>>),
    Scalar,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = list.next_element()? {
            rows.push(row);
        }
        Ok(Node::List(rows))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Node, D::Error> {
        IgnoredAny::deserialize(inner).map(|_| Node::Scalar)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str =
        "customers:\n  - id: acme\n    senders: [A,\n      B]\n\nroutes:\n- id: x\n  to: []\n";

    #[test]
    fn every_field_has_its_line() {
        let positions = Positions::of(YAML);
        let table = [
            ("customers", 2),
            ("customers[0].id", 2),
            ("customers[0].senders", 3),
            ("customers[0].senders[1]", 4),
            ("routes[0].to", 8),
        ];
        for (path, line) in table {
            assert_eq!(positions.line(path), line, "{path}");
        }
    }

    #[test]
    fn a_field_that_is_left_out_has_the_line_of_what_it_would_stand_in() {
        let positions = Positions::of(YAML);
        assert_eq!(positions.line("routes[0].failover[2]"), 7);
        assert_eq!(positions.line("providers"), 1);
    }

    #[test]
    fn a_position_leads_back_to_its_field() {
        let positions = Positions::of(YAML);
        assert_eq!(positions.field(4, 7), "customers[0].senders[1]");
        assert_eq!(positions.field(8, 7), "routes[0].to");
    }

    #[test]
    fn what_is_not_yaml_has_no_positions() {
        assert_eq!(Positions::of("a: [").line("a"), 1);
    }
}
