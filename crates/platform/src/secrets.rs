//! Secrets by name: a file in `SECRETS_DIR`, else the variable `SECRET_{NAME}` (how ECS hands in
//! what Secrets Manager holds). A secret is never shown.

use std::fmt;
use std::path::PathBuf;

/// The value of a secret. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself, to be handed to a protocol and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Where secrets are.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    directory: Option<PathBuf>,
}

/// A secret that is not there, by name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("secret {name} is neither a file in SECRETS_DIR nor the variable {variable}")]
pub struct NoSecret {
    name: String,
    variable: String,
}

impl Secrets {
    /// Secrets as `SECRETS_DIR` says.
    #[must_use]
    pub fn from_environment() -> Self {
        Self { directory: std::env::var_os("SECRETS_DIR").map(PathBuf::from) }
    }

    /// The secret `name`, without a final line break.
    ///
    /// # Errors
    /// It is not there.
    pub fn get(&self, name: &str) -> Result<Secret, NoSecret> {
        let variable = format!(
            "SECRET_{}",
            name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
        );
        let file = self.directory.as_ref().filter(|_| is_plain(name)).map(|path| path.join(name));
        let text = file
            .and_then(|path| std::fs::read_to_string(path).ok())
            .or_else(|| std::env::var(&variable).ok());
        match text {
            Some(text) => Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned())),
            None => Err(NoSecret { name: name.to_owned(), variable }),
        }
    }
}

/// A name cannot lead out of the directory.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !name.starts_with('.')
}
