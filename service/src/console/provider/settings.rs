//! What an operator sets of the identity provider.

use std::{collections::BTreeMap, fmt};

use store::console::Role;

/// How to reach the provider, and how its claims are read.
#[derive(Clone)]
pub struct Settings {
    /// Its address, as its id tokens name it.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there; none for a public client.
    pub client_secret: Option<String>,
    /// Where it sends the browser back to.
    pub redirect_url: String,
    /// The claim that holds the roles; a dot leads into an object.
    pub roles_claim: String,
    /// The claim that says what the person is called, where it is not one of the usual ones.
    pub name_claim: Option<String>,
    /// The claim that holds the account of a seller who signs in.
    pub seller_claim: String,
    /// What the claim calls each role.
    pub role_names: BTreeMap<Role, Vec<String>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("redirect_url", &self.redirect_url)
            .field("roles_claim", &self.roles_claim)
            .finish_non_exhaustive()
    }
}
