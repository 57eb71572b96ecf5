//! The template's text as a tree that still knows tags (`!Ref`) and lines. serde-saphyr hides both from
//! a tree of unknown shape, so this uses the parser beneath it.

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::error::TemplateError;

/// A YAML node and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Line in the file, from 1.
    pub line: usize,
    /// Short form of an intrinsic function, without the `!`.
    pub tag: Option<String>,
    /// What it is.
    pub kind: Kind,
}

/// Content of a node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// `~` or nothing.
    Null,
    /// Text, number or boolean, as written.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of `key`, if this is a mapping that has it.
    #[must_use]
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Entries of a mapping; none of anything else.
    #[must_use]
    pub(super) fn entries(&self) -> &[(String, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }
}

/// Reads one document.
///
/// # Errors
/// What the YAML parser says, a key that is not text or stands twice, an alias.
pub(super) fn parse(text: &str) -> Result<Node, TemplateError> {
    let mut reader = Reader { events: Parser::new_from_str(text) };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) => {}
            event => return reader.node(event, span),
        }
    }
}

struct Reader<'input, I: Iterator<Item = Parsed<'input>>> {
    events: I,
}

type Parsed<'input> = Result<(Event<'input>, Span), granit_parser::ScanError>;

impl<'input, I: Iterator<Item = Parsed<'input>>> Reader<'input, I> {
    fn next(&mut self) -> Result<(Event<'input>, Span), TemplateError> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(found)) => return Ok(found),
                Some(Err(error)) => {
                    return Err(TemplateError::new(error.marker().line(), "", error.to_string()));
                }
                None => return Err(TemplateError::new(0, "", "the document is empty")),
            }
        }
    }

    fn node(&mut self, event: Event<'input>, span: Span) -> Result<Node, TemplateError> {
        let line = span.start.line();
        let (tag, kind) = match event {
            Event::Scalar(text, style, _, tag) => {
                let null = style == ScalarStyle::Plain
                    && tag.is_none()
                    && matches!(&*text, "" | "~" | "null");
                (tag, if null { Kind::Null } else { Kind::Scalar(text.into_owned()) })
            }
            Event::SequenceStart(_, _, tag) => (tag, self.list()?),
            Event::MappingStart(_, _, tag) => (tag, self.map()?),
            Event::Alias(_) => {
                return Err(TemplateError::new(line, "", "CloudFormation knows no YAML aliases"));
            }
            other => {
                return Err(TemplateError::new(line, "", format!("unexpected {other:?}")));
            }
        };
        let tag = tag.filter(|tag| tag.is_custom()).map(|tag| tag.suffix().to_owned());
        Ok(Node { line, tag, kind })
    }

    fn list(&mut self) -> Result<Kind, TemplateError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Kind::List(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Kind, TemplateError> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let key = match event {
                Event::MappingEnd => return Ok(Kind::Map(entries)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(TemplateError::new(line, "", "a key must be text")),
            };
            if entries.iter().any(|(name, _)| *name == key) {
                return Err(TemplateError::new(line, &key, "stands twice in one mapping"));
            }
            let (event, span) = self.next()?;
            entries.push((key, self.node(event, span)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_lines_are_kept() {
        let root = parse("a: !Ref B\nc:\n  - !Sub \"${X}-y\"\n  - ~\n").unwrap();
        let a = root.get("a").unwrap();
        assert_eq!((a.line, a.tag.as_deref()), (1, Some("Ref")));
        let Kind::List(items) = &root.get("c").unwrap().kind else { panic!("no list") };
        assert_eq!((items[0].line, items[0].tag.as_deref()), (3, Some("Sub")));
        assert_eq!(items[1].kind, Kind::Null);
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error_with_its_line() {
        let error = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(error.line, 3);
    }

    #[test]
    fn text_that_is_no_yaml_is_an_error_with_its_line() {
        assert!(parse("a: [1, 2\nb: }").unwrap_err().line >= 1);
    }
}
