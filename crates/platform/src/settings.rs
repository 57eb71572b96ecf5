//! Settings come from the environment, are read and checked once at start, and a wrong one ends
//! the program with one line that names it.

use std::fmt::Display;
use std::str::FromStr;

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// It has no default.
    #[error("{name} is not set: {meaning}")]
    Missing {
        /// Environment variable.
        name: &'static str,
        /// What it is for.
        meaning: &'static str,
    },
    /// It cannot be read.
    #[error("{name} is wrong ({why}): {meaning}")]
    Wrong {
        /// Environment variable.
        name: &'static str,
        /// What was found.
        why: String,
        /// What is expected.
        meaning: &'static str,
    },
}

/// A setting without a default.
///
/// # Errors
/// It is missing, empty or cannot be read.
pub fn required<T: FromStr>(name: &'static str, meaning: &'static str) -> Result<T, SettingError>
where
    T::Err: Display,
{
    optional(name, meaning)?.ok_or(SettingError::Missing { name, meaning })
}

/// A setting that may be left out.
///
/// # Errors
/// It cannot be read.
pub fn optional<T: FromStr>(
    name: &'static str,
    meaning: &'static str,
) -> Result<Option<T>, SettingError>
where
    T::Err: Display,
{
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => parse(name, meaning, &text).map(Some),
        _ => Ok(None),
    }
}

/// A setting with a default that is safe.
///
/// # Errors
/// It cannot be read.
pub fn or<T: FromStr>(
    name: &'static str,
    meaning: &'static str,
    default: T,
) -> Result<T, SettingError>
where
    T::Err: Display,
{
    Ok(optional(name, meaning)?.unwrap_or(default))
}

fn parse<T: FromStr>(
    name: &'static str,
    meaning: &'static str,
    text: &str,
) -> Result<T, SettingError>
where
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| SettingError::Wrong {
        name,
        why: error.to_string(),
        meaning,
    })
}

/// Ends the program with the one line that names a wrong setting.
pub fn exit_on_error<T, E: Display>(settings: Result<T, E>) -> T {
    settings.unwrap_or_else(|error| {
        tracing::error!(event = "settings_refused", %error);
        std::process::exit(78)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named_with_what_it_should_be() {
        let wrong = parse::<u16>("SMPP_PORT", "the TCP port of customers", "http");
        let text = wrong.unwrap_err().to_string();
        assert!(text.starts_with("SMPP_PORT is wrong (invalid digit"), "{text}");
        assert!(text.ends_with("the TCP port of customers"), "{text}");
    }
}
