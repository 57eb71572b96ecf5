//! Passwords: Argon2id, one at a time, good verdicts remembered. A wrong system_id and a wrong
//! password get the same answer after the same time. Guessing slows down the address it comes
//! from; a customer whose verdict is remembered binds all the same, and one whose is not waits for
//! one check of each other address at most, however many binds come from there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::password;

/// A refusal is told this long after the bind came, whatever its reason.
pub const REFUSAL_AFTER: Duration = Duration::from_millis(700);
/// Wrong binds of one address in [`FORGOTTEN_AFTER`] before it is refused without looking.
const GUESSES_MAX: u32 = 20;
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Addresses remembered; beyond, the oldest guesses are forgotten.
const ADDRESSES_MAX: usize = 10_000;

/// Checks passwords.
#[derive(Debug)]
pub struct Authenticator {
    turns: Turns,
    refusal_after: Duration,
    salt: [u8; 32],
    verdicts: Mutex<HashMap<String, Verdict>>,
    guesses: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

/// A password that was right, as a salted digest, and for which hash it was.
#[derive(Debug)]
struct Verdict {
    digest: [u8; 32],
    hash: String,
}

impl Authenticator {
    /// Refusals are told after `refusal_after`.
    #[must_use]
    pub fn new(refusal_after: Duration) -> Self {
        let salt = std::array::from_fn(|_| fastrand::u8(..));
        Self {
            turns: Turns::default(),
            refusal_after,
            salt,
            verdicts: Mutex::default(),
            guesses: Mutex::default(),
        }
    }

    /// Is this the password behind `hash`? `known` is false for a system_id that does not exist:
    /// the same work is done on somebody's hash, and the answer is no.
    pub async fn check(
        &self,
        system_id: &str,
        known: bool,
        hash: &str,
        password: &[u8],
        from: IpAddr,
    ) -> bool {
        let started = Instant::now();
        let digest = self.digest(system_id, password);
        if known && self.is_remembered(system_id, hash, &digest) {
            return true;
        }
        let right = !self.guesses_too_much(from, started)
            && self.verify(system_id, hash, password, &digest, from).await
            && known;
        if right {
            let verdict = Verdict { digest, hash: hash.to_owned() };
            lock(&self.verdicts).insert(system_id.to_owned(), verdict);
        } else {
            self.note_guess(from, started);
            tokio::time::sleep_until((started + self.refusal_after).into()).await;
        }
        right
    }

    fn digest(&self, system_id: &str, password: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.salt);
        digest.update(system_id.as_bytes());
        digest.update([0]);
        digest.update(password);
        digest.finalize().into()
    }

    fn is_remembered(&self, system_id: &str, hash: &str, digest: &[u8; 32]) -> bool {
        lock(&self.verdicts)
            .get(system_id)
            .is_some_and(|verdict| verdict.hash == hash && bool::from(verdict.digest.ct_eq(digest)))
    }

    async fn verify(
        &self,
        system_id: &str,
        hash: &str,
        password: &[u8],
        digest: &[u8; 32],
        from: IpAddr,
    ) -> bool {
        let Some(turn) = self.turns.take(from).await else { return false };
        if self.is_remembered(system_id, hash, digest) {
            // Another bind of the same customer was before us in the queue.
            return true;
        }
        if self.guesses_too_much(from, Instant::now()) {
            // Others of the same address were before us.
            return false;
        }
        let (hash, password) = (hash.to_owned(), password.to_vec());
        let verified = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            password::is_right(&hash, &password)
        });
        verified.await.unwrap_or(false)
    }

    fn guesses_too_much(&self, from: IpAddr, now: Instant) -> bool {
        lock(&self.guesses).get(&from).is_some_and(|(count, since)| {
            *count >= GUESSES_MAX && now.duration_since(*since) < FORGOTTEN_AFTER
        })
    }

    fn note_guess(&self, from: IpAddr, now: Instant) {
        let mut guesses = lock(&self.guesses);
        if guesses.len() >= ADDRESSES_MAX {
            guesses.retain(|_, (_, since)| now.duration_since(*since) < FORGOTTEN_AFTER);
            if guesses.len() >= ADDRESSES_MAX {
                guesses.clear();
            }
        }
        let (count, since) = guesses.entry(from).or_insert((0, now));
        if now.duration_since(*since) >= FORGOTTEN_AFTER {
            (*count, *since) = (0, now);
        }
        *count += 1;
    }
}

/// Whose password is checked next. One at a time: hashing never takes more than one core from the
/// traffic. Of each address one waits with the others, the rest behind it.
#[derive(Debug)]
struct Turns {
    all: Arc<Semaphore>,
    of_address: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(1)), of_address: Mutex::default() }
    }
}

/// Ends when dropped.
#[derive(Debug)]
struct Turn {
    _all: OwnedSemaphorePermit,
    _of_address: OwnedSemaphorePermit,
}

impl Turns {
    async fn take(&self, from: IpAddr) -> Option<Turn> {
        let of_address = self.of(from).acquire_owned().await.ok()?;
        let all = self.all.clone().acquire_owned().await.ok()?;
        Some(Turn { _all: all, _of_address: of_address })
    }

    fn of(&self, from: IpAddr) -> Arc<Semaphore> {
        let mut of_address = lock(&self.of_address);
        if of_address.len() >= ADDRESSES_MAX {
            // Whoever waits or hashes holds its semaphore too.
            of_address.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        of_address.entry(from).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::Argon2;
    use argon2::password_hash::{PasswordHasher as _, SaltString};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn hash(password: &str) -> String {
        let salt = SaltString::from_b64("c29tZXNhbHRzb21l").unwrap();
        let argon2 = Argon2::new(
            argon2::Algorithm::Argon2id,
            argon2::Version::V0x13,
            argon2::Params::new(64, 1, 1, None).unwrap(),
        );
        argon2.hash_password(password.as_bytes(), &salt).unwrap().to_string()
    }

    #[tokio::test]
    async fn right_is_right_wrong_is_wrong_and_unknown_is_wrong_with_the_right_password() {
        let (auth, hash) = (Authenticator::new(Duration::ZERO), hash("secret"));
        let from = "192.0.2.1".parse().unwrap();
        assert!(auth.check("acme", true, &hash, b"secret", from).await);
        assert!(!auth.check("acme", true, &hash, b"Secret", from).await);
        assert!(!auth.check("nobody", false, &hash, b"secret", from).await);
        assert!(!auth.check("acme", true, "not a hash", b"secret2", from).await);
    }

    #[tokio::test]
    async fn an_address_that_guesses_is_refused_without_looking_but_the_customer_still_binds() {
        let (auth, hash) = (Authenticator::new(Duration::ZERO), hash("secret"));
        let from = "192.0.2.1".parse().unwrap();
        assert!(auth.check("acme", true, &hash, b"secret", from).await);
        for guess in 0..GUESSES_MAX {
            assert!(!auth.check("other", true, &hash, guess.to_string().as_bytes(), from).await);
        }
        assert!(
            !auth.check("other", true, &hash, b"secret", from).await,
            "refused without looking"
        );
        assert!(auth.check("acme", true, &hash, b"secret", from).await, "remembered");
        let elsewhere = "192.0.2.2".parse().unwrap();
        assert!(auth.check("other", true, &hash, b"secret", elsewhere).await);
    }

    #[tokio::test]
    async fn ten_thousand_guesses_at_once_are_not_all_hashed_and_the_customer_is_not_kept_waiting()
    {
        const ADDRESSES: u8 = 50;
        let (auth, hash) = (Arc::new(Authenticator::new(Duration::ZERO)), hash("secret"));
        let begun = Arc::new(AtomicUsize::new(0));
        let guess = |guess: u16| {
            let (auth, hash, begun) = (auth.clone(), hash.clone(), begun.clone());
            let from =
                IpAddr::from([192, 0, 2, u8::try_from(guess % u16::from(ADDRESSES)).unwrap()]);
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                auth.check("acme", true, &hash, &guess.to_be_bytes(), from).await
            }
        };
        let guesses: Vec<_> = (0..10_000).map(|number| tokio::spawn(guess(number))).collect();
        while begun.load(Ordering::Relaxed) < guesses.len() {
            tokio::task::yield_now().await;
        }
        assert!(auth.check("acme", true, &hash, b"secret", "192.0.2.99".parse().unwrap()).await);
        let ended = guesses.iter().filter(|guess| guess.is_finished()).count();
        assert!(ended < guesses.len() / 2, "{ended} were served before the customer");
        for guess in guesses {
            assert!(!guess.await.unwrap());
        }
        let counted = lock(&auth.guesses);
        assert_eq!(counted.len(), usize::from(ADDRESSES));
    }
}
