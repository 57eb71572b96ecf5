//! What is wrong with a template, and where.

/// A construct that this program does not play, or a template that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template line {line}: {path}: {message}")]
pub struct TemplateError {
    /// Line in the file, from 1 (0: the whole file).
    pub line: usize,
    /// Names from the root, joined by dots.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl TemplateError {
    /// An error at a place.
    pub fn new(line: usize, path: &str, message: impl Into<String>) -> Self {
        Self { line, path: path.to_owned(), message: message.into() }
    }
}
