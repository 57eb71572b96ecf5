//! `hash-password`.
//!
//! The cost: Argon2id with 4 MiB and one pass, about 3 ms of a core. An SMPP password has eight
//! characters at most (SMPP 3.4, section 5.2.2), so no cost makes a guessed hash safe; it is kept
//! from those who read the configuration by chance. Against that stands that every bind is
//! verified at the edge, thousands of them at once after an outage.

use std::io::BufRead;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHasher as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::said;
use crate::failure::Failure;

const MEMORY_KIB: u32 = 4096;
const PASSES: u32 = 1;
const LANES: u32 = 1;
/// Longest password of a bind (SMPP 3.4, section 5.2.2: 9 octets with the terminator).
const PASSWORD_MAX: usize = 8;

pub(super) fn hash(mut input: impl BufRead, json: bool) -> Result<String, Failure> {
    let mut line = String::new();
    let read = input.read_line(&mut line);
    read.map_err(|error| Failure::Unusable(format!("standard input: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if !(1..=PASSWORD_MAX).contains(&password.len()) || !password.is_ascii() {
        let why = format!("a password has 1 to {PASSWORD_MAX} ASCII characters (SMPP 3.4, 5.2.2)");
        return Err(Failure::Unusable(why));
    }
    let hash = hash_of(password).map_err(|error| Failure::Unusable(error.to_string()))?;
    said(json, &serde_json::json!({ "password_hash": hash }), |_| hash.clone())
}

fn hash_of(password: &str) -> argon2::password_hash::Result<String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let salt = SaltString::generate(&mut OsRng);
    Ok(hasher.hash_password(password.as_bytes(), &salt)?.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHash, PasswordVerifier as _};

    use super::*;

    #[test]
    fn a_hash_verifies_its_password_and_no_other() {
        let hash = hash(&b"secret\n"[..], false).unwrap();
        let parsed = PasswordHash::new(&hash).unwrap();
        assert!(Argon2::default().verify_password(b"secret", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"Secret", &parsed).is_err());
    }

    #[test]
    fn passwords_that_no_bind_can_carry_are_refused() {
        for password in ["", "\n", "ninechars", "päss"] {
            let failure = hash(password.as_bytes(), false).unwrap_err();
            assert_eq!(failure.exit_code(), 1);
            assert!(password.len() < 2 || !failure.to_string().contains(password));
        }
    }
}
