//! Reading typed values out of the tree, with errors that say where.

use std::collections::BTreeMap;

use super::error::TemplateError;
use super::intrinsics::{Names, Value};
use super::yaml::{Kind, Node};

/// A place in the template: a node, the names on the way to it, and what references stand for.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    /// The node.
    pub node: &'a Node,
    /// Names from the root, joined by dots.
    pub path: String,
    names: &'a Names,
}

impl<'a> Section<'a> {
    /// A place to read from.
    #[must_use]
    pub(super) fn new(node: &'a Node, path: impl Into<String>, names: &'a Names) -> Self {
        Self { node, path: path.into(), names }
    }

    /// An error at this place.
    #[must_use]
    pub(super) fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::new(self.node.line, &self.path, message)
    }

    /// The place below `key`, if it is there.
    #[must_use]
    pub(super) fn get(&self, key: &str) -> Option<Section<'a>> {
        let node = self.node.get(key)?;
        Some(Section { node, path: format!("{}.{key}", self.path), names: self.names })
    }

    /// The place below `key`.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn need(&self, key: &str) -> Result<Section<'a>, TemplateError> {
        self.get(key).ok_or_else(|| self.error(format!("{key} is missing")))
    }

    /// All places below this mapping.
    #[must_use]
    pub(super) fn children(&self) -> Vec<(&'a str, Section<'a>)> {
        let below = |(key, node): &'a (String, Node)| {
            let path = format!("{}.{key}", self.path);
            (key.as_str(), Section { node, path, names: self.names })
        };
        self.node.entries().iter().map(below).collect()
    }

    /// All places of this list.
    ///
    /// # Errors
    /// It is not a list.
    pub(super) fn items(&self) -> Result<Vec<Section<'a>>, TemplateError> {
        let Kind::List(items) = &self.node.kind else {
            return Err(self.error("must be a list"));
        };
        let at = |(index, node): (usize, &'a Node)| Section {
            node,
            path: format!("{}.{index}", self.path),
            names: self.names,
        };
        Ok(items.iter().enumerate().map(at).collect())
    }

    /// Refuses any key that is not in `known`, so that nothing is left out silently.
    ///
    /// # Errors
    /// The first unknown key.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), TemplateError> {
        match self.children().into_iter().find(|(key, _)| !known.contains(key)) {
            Some((key, child)) => Err(child.error(format!("{key} is not played on one machine"))),
            None => Ok(()),
        }
    }

    /// Its text, references made plain.
    ///
    /// # Errors
    /// As [`Names::text`].
    pub(super) fn text(&self) -> Result<String, TemplateError> {
        self.names.text(self.node, &self.path)
    }

    /// Texts of a list.
    ///
    /// # Errors
    /// As [`Names::resolve`]; a list within the list.
    pub(super) fn texts(&self) -> Result<Vec<String>, TemplateError> {
        let Value::List(items) = self.names.resolve(self.node, &self.path)? else {
            return Err(self.error("must be a list"));
        };
        items
            .into_iter()
            .map(|item| match item {
                Value::Text(text) => Ok(text),
                Value::List(_) => Err(self.error("must be a list of texts")),
            })
            .collect()
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn number(&self) -> Result<i64, TemplateError> {
        let text = self.text()?;
        text.parse().map_err(|_| self.error(format!("must be a whole number, is {text:?}")))
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// It is none, or outside.
    pub(super) fn number_in(&self, least: u32, most: u32) -> Result<u32, TemplateError> {
        let number = self.number()?;
        u32::try_from(number)
            .ok()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.error(format!("must be {least} to {most}, is {number}")))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// Neither.
    pub(super) fn flag(&self) -> Result<bool, TemplateError> {
        match self.text()?.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(self.error(format!("must be true or false, is {other:?}"))),
        }
    }

    /// A mapping as JSON, references made plain; whole numbers stay numbers.
    ///
    /// # Errors
    /// As [`Names::resolve`].
    pub(super) fn json(&self) -> Result<serde_json::Value, TemplateError> {
        if self.node.tag.is_none()
            && let Kind::List(_) = self.node.kind
        {
            let items: Result<Vec<_>, _> = self.items()?.iter().map(Section::json).collect();
            return Ok(serde_json::Value::Array(items?));
        }
        if self.node.tag.is_some() || self.node.entries().is_empty() {
            let text = self.text()?;
            return Ok(text.parse::<i64>().map_or(serde_json::Value::String(text), Into::into));
        }
        let entries: Result<serde_json::Map<_, _>, TemplateError> = self
            .children()
            .into_iter()
            .map(|(key, child)| Ok((key.to_owned(), child.json()?)))
            .collect();
        Ok(serde_json::Value::Object(entries?))
    }

    /// A mapping of texts.
    ///
    /// # Errors
    /// As [`Names::text`].
    pub(super) fn text_map(&self) -> Result<BTreeMap<String, String>, TemplateError> {
        self.children()
            .into_iter()
            .map(|(key, child)| Ok((key.to_owned(), child.text()?)))
            .collect()
    }
}
