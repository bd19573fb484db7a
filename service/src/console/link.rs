//! The sign-in link of `dev`: it opens one session, and another link takes its place.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use domain::id::SellerAccount;
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

/// How many random bytes a link has.
const BYTES: usize = 32;

/// Shows the person at the terminal a link, by its secret.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// The sign-in link that is good now.
pub struct SignInLink {
    secret: Mutex<String>,
    tell: Tell,
}

/// The links of `dev`.
#[derive(Debug, Clone)]
pub struct SignInLinks {
    /// Signs an administrator in.
    pub admin: Arc<SignInLink>,
    /// Signs a seller in.
    pub seller: Arc<SignInLink>,
    /// The seller.
    pub account: SellerAccount,
}

/// The machine gave no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this machine gives no random bytes")]
pub struct LinkError;

impl SignInLink {
    /// A first link. `tell` is called with each link that takes the place of a used one.
    pub fn try_new(tell: impl Fn(&str) + Send + Sync + 'static) -> Result<Self, LinkError> {
        Ok(Self { secret: Mutex::new(secret()?), tell: Box::new(tell) })
    }

    /// The secret of the link that is good now.
    pub fn secret(&self) -> String {
        self.secret.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Uses the link. Answers whether the secret was that of the link; only the first of several uses is.
    pub fn take(&self, sent: &str) -> Result<bool, LinkError> {
        let next = secret()?;
        {
            let mut secret = self.secret.lock().unwrap_or_else(PoisonError::into_inner);
            if !bool::from(secret.as_bytes().ct_eq(sent.as_bytes())) {
                return Ok(false);
            }
            secret.clone_from(&next);
        }
        (self.tell)(&next);
        Ok(true)
    }
}

impl fmt::Debug for SignInLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInLink").finish_non_exhaustive()
    }
}

fn secret() -> Result<String, LinkError> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| LinkError)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = told.clone();
        let link = SignInLink::try_new(move |secret| hears.lock().unwrap().push(secret.to_owned())).unwrap();
        let first = link.secret();
        assert!(!link.take("").unwrap() && !link.take(&first[1..]).unwrap());
        assert!(link.take(&first).unwrap() && !link.take(&first).unwrap());
        assert_eq!(*told.lock().unwrap(), [link.secret()]);
        assert_ne!(link.secret(), first);
    }
}
