//! One password against one Argon2id hash, in memory that goes back to the system afterwards.

use allocator_api2::alloc::System;
use allocator_api2::vec::Vec;
use argon2::password_hash::{self, Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// The program's own allocator would keep the memory. glibc maps what is larger than 32 MiB by itself
/// and unmaps it when it is freed (mallopt(3), `M_MMAP_THRESHOLD`); smaller blocks (19 MiB with the
/// usual parameters) would stay in the arena of the thread that hashed. What is reserved and not
/// written costs nothing.
const MAPPED_OCTETS: usize = 33 << 20;

/// Is this the password behind `hash` (PHC form, which names the parameters)? Takes the same time
/// whatever the difference. Blocks the thread for tens of milliseconds.
#[must_use]
pub fn is_right(hash: &str, password: &[u8]) -> bool {
    PasswordHash::new(hash)
        .and_then(|hash| Ok(hash.hash == Some(hashed_like(&hash, password)?)))
        .unwrap_or(false)
}

/// `password` hashed with the parameters and the salt of `hash`. (`PasswordVerifier` does the same,
/// but takes its memory itself.)
fn hashed_like(hash: &PasswordHash<'_>, password: &[u8]) -> password_hash::Result<Output> {
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
        return Err(password_hash::Error::Password);
    };
    let algorithm = Algorithm::try_from(hash.algorithm)?;
    let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let params = Params::try_from(hash)?;
    let reserved = params.block_count().max(MAPPED_OCTETS / Block::SIZE);
    let mut blocks = Vec::with_capacity_in(reserved, System);
    blocks.resize(params.block_count(), Block::default());
    let mut octets = [0; password_hash::Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut octets)?;
    let argon2 = Argon2::new(algorithm, version, params);
    Output::init_with(expected.len(), |out| {
        Ok(argon2.hash_password_into_with_memory(password, salt, out, &mut blocks)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHasher as _, SaltString};

    fn hashed(password: &str, algorithm: Algorithm, params: Params) -> String {
        let salt = SaltString::from_b64("c29tZXNhbHRzb21l").unwrap();
        let argon2 = Argon2::new(algorithm, Version::V0x13, params);
        argon2.hash_password(password.as_bytes(), &salt).unwrap().to_string()
    }

    #[test]
    fn algorithm_and_parameters_are_those_of_the_hash() {
        for (algorithm, params) in [
            (Algorithm::Argon2id, Params::new(64, 1, 1, None).unwrap()),
            (Algorithm::Argon2id, Params::new(64, 3, 2, Some(48)).unwrap()),
            (Algorithm::Argon2i, Params::new(128, 2, 1, Some(16)).unwrap()),
        ] {
            let hash = hashed("secret", algorithm, params);
            assert!(is_right(&hash, b"secret"), "{hash}");
            assert!(!is_right(&hash, b"Secret"), "{hash}");
        }
    }

    #[test]
    fn what_is_no_hash_is_nobodys_password() {
        for hash in ["", "not a hash", "$argon2id$v=19$m=64,t=1,p=1", "$scrypt$ln=1$c2FsdA$aGFzaA"]
        {
            assert!(!is_right(hash, b"") && !is_right(hash, b"secret"), "{hash}");
        }
    }
}
