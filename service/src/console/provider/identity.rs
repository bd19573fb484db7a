//! The person that an id token vouches for.

use domain::id::{PersonId, SellerAccount};
use jsonwebtoken::{
    DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use store::console::{Role, Roles};
use subtle::ConstantTimeEq;

use super::{attempt::Attempt, settings::Settings, verifier::is_trusted};

/// The claims that an id token must hold.
const REQUIRED: [&str; 4] = ["exp", "aud", "iss", "sub"];
/// The claims that say what a person is called, the best first.
const NAMES: [&str; 3] = ["name", "preferred_username", "email"];

/// The claims of an id token.
pub(super) type Claims = Map<String, Value>;

/// A person, as the provider vouches for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's name of the person, which stays.
    pub person: PersonId,
    /// What the person is called.
    pub name: String,
    /// What the person may do; nothing where the claim names no role of ours.
    pub roles: Option<Roles>,
    /// The seller that the person is, where the roles say so.
    pub seller: Option<SellerAccount>,
}

/// Why an id token is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClaimsError {
    #[error("it is signed by a key that the provider does not show")]
    UnknownKey,
    #[error("it is signed by an algorithm that is not trusted")]
    Algorithm,
    #[error("it is malformed, out of date, of another issuer or for another client")]
    Token(#[from] jsonwebtoken::errors::Error),
    #[error("it was made for another client")]
    OtherParty,
    #[error("it is not of the sign-in that this browser began")]
    Nonce,
    #[error("it names no person")]
    NoPerson,
}

/// The claims of a token that the provider has signed for us, and that is not out of date.
pub(super) fn claims(token: &str, keys: &JwkSet, settings: &Settings) -> Result<Claims, ClaimsError> {
    let header = decode_header(token)?;
    if !is_trusted(header.alg) {
        return Err(ClaimsError::Algorithm);
    }
    let key = key(keys, header.kid.as_deref()).ok_or(ClaimsError::UnknownKey)?;
    let mut validation = Validation::new(header.alg);
    validation.set_required_spec_claims(&REQUIRED);
    validation.set_audience(&[&settings.client_id]);
    validation.set_issuer(&[&settings.issuer]);
    validation.validate_nbf = true;
    let claims = decode::<Claims>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims;
    // Source: OpenID Connect Core 1.0, section 3.1.3.7, steps 4 and 5.
    let is_for_several = claims.get("aud").and_then(Value::as_array).is_some_and(|audiences| audiences.len() > 1);
    match claims.get("azp").and_then(Value::as_str) {
        Some(party) if party != settings.client_id => Err(ClaimsError::OtherParty),
        None if is_for_several => Err(ClaimsError::OtherParty),
        Some(_) | None => Ok(claims),
    }
}

/// The key of a token; where the token names none, the only one.
fn key<'a>(keys: &'a JwkSet, name: Option<&str>) -> Option<&'a Jwk> {
    let signs = |key: &&Jwk| !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    match name {
        Some(name) => keys.find(name).filter(signs),
        None => {
            let mut signing = keys.keys.iter().filter(signs);
            signing.next().filter(|_| signing.next().is_none())
        }
    }
}

/// Refuses a token of another attempt.
pub(super) fn check_nonce(claims: &Claims, attempt: &Attempt) -> Result<(), ClaimsError> {
    let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
    if bool::from(nonce.as_bytes().ct_eq(attempt.nonce().as_bytes())) { Ok(()) } else { Err(ClaimsError::Nonce) }
}

/// The person of the claims.
pub(super) fn identity(claims: &Claims, settings: &Settings) -> Result<Identity, ClaimsError> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let person = person(subject).ok_or(ClaimsError::NoPerson)?;
    let named = settings.name_claim.as_deref().into_iter().chain(NAMES);
    let text = |claim| find(claims, claim).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let name = named.into_iter().find_map(text).unwrap_or(subject).to_owned();
    let roles = find(claims, &settings.roles_claim).map(texts).unwrap_or_default();
    let given = |role: &Role| match settings.role_names.get(role) {
        Some(names) => names.iter().any(|name| roles.contains(&name.as_str())),
        None => roles.contains(&role.as_str()),
    };
    let account = || find(claims, &settings.seller_claim)?.as_str().map(str::to_owned);
    let (roles, seller) = match Roles::of(Role::ALL.into_iter().filter(given)) {
        // A seller without an account would be nobody in particular.
        Some(roles) if roles.is_seller() => {
            let seller = account().and_then(|account| SellerAccount::parse(account).ok());
            (seller.is_some().then_some(roles), seller)
        }
        roles => (roles, None),
    };
    Ok(Identity { person, name, roles, seller })
}

/// The provider's name of a person, or, where it holds what an id may not hold, its hash.
fn person(subject: &str) -> Option<PersonId> {
    if subject.is_empty() {
        return None;
    }
    let hashed = || format!("sha256-{}", hex::encode(Sha256::digest(subject.as_bytes())));
    PersonId::parse(subject).or_else(|_| PersonId::parse(hashed())).ok()
}

/// A claim by its name, or by the way to it: `realm_access.roles`.
fn find<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let mut parts = name.split('.');
    let first = claims.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// The texts of a claim: a list, or one text with spaces between its words.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => text.split_whitespace().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(roles_claim: &str) -> Settings {
        Settings {
            issuer: "https://id.example".to_owned(),
            client_id: "daegeum".to_owned(),
            client_secret: None,
            redirect_url: "https://pay.example/console/sign-in/callback".to_owned(),
            roles_claim: roles_claim.to_owned(),
            name_claim: None,
            seller_claim: "seller_account".to_owned(),
            role_names: [(Role::Finance, vec!["money".to_owned()])].into(),
        }
    }

    fn read(claims: Value, roles_claim: &str) -> Result<Identity, ClaimsError> {
        identity(claims.as_object().unwrap(), &settings(roles_claim))
    }

    #[test]
    fn roles_are_read_from_their_claim() {
        let roles = |claims: Value, claim: &str| read(claims, claim).unwrap().roles.map(Roles::to_text);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(roles(json!({ "sub": "kim", "roles": ["support", "money"] }), "roles"), text("support,finance"));
        assert_eq!(roles(json!({ "sub": "kim", "roles": "operations other" }), "roles"), text("operations"));
        let nested = json!({ "sub": "kim", "realm_access": { "roles": ["admin"] } });
        assert_eq!(roles(nested, "realm_access.roles"), text("admin"));
        assert_eq!(roles(json!({ "sub": "kim", "https://x.y/r": ["admin"] }), "https://x.y/r"), text("admin"));
        for none in [json!({ "sub": "kim" }), json!({ "sub": "kim", "roles": [] }), json!({ "sub": "k", "roles": 1 })] {
            assert_eq!(roles(none, "roles"), None);
        }
        assert_eq!(roles(json!({ "sub": "kim", "roles": ["finance"] }), "roles"), None, "it is called money here");
    }

    #[test]
    fn a_seller_is_one_seller_and_nothing_else() {
        let seen = |claims: Value| {
            let Identity { roles, seller, .. } = read(claims, "roles").unwrap();
            (roles.map(Roles::to_text), seller.map(|seller| seller.to_string()))
        };
        let text = |text: &str| Some(text.to_owned());
        let both = json!({ "sub": "kim", "roles": ["admin", "seller"], "seller_account": "seller-a" });
        assert_eq!(seen(both), (text("seller"), text("seller-a")));
        for account in [json!(null), json!(""), json!("a b"), json!(["seller-a"])] {
            let claims = json!({ "sub": "kim", "roles": ["seller"], "seller_account": account });
            assert_eq!(seen(claims), (None, None));
        }
        let staff = json!({ "sub": "kim", "roles": ["support"], "seller_account": "seller-a" });
        assert_eq!(seen(staff), (text("support"), None));
    }

    #[test]
    fn a_person_has_a_name_that_stays_and_one_for_people() {
        let kim = read(json!({ "sub": "u-1", "name": " ", "email": "kim@example.com" }), "roles").unwrap();
        assert_eq!((kim.person.as_str(), kim.name.as_str()), ("u-1", "kim@example.com"));
        let odd = read(json!({ "sub": "김/토스 1" }), "roles").unwrap();
        assert!(odd.person.as_str().starts_with("sha256-") && odd.name == "김/토스 1", "{odd:?}");
        assert!(read(json!({ "sub": "" }), "roles").is_err() && read(json!({}), "roles").is_err());
    }

    #[test]
    fn an_algorithm_of_a_shared_secret_is_not_trusted() {
        use jsonwebtoken::Algorithm;
        assert!([Algorithm::HS256, Algorithm::HS384, Algorithm::HS512].into_iter().all(|alg| !is_trusted(alg)));
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJraW0ifQ.";
        assert!(claims(none, &JwkSet { keys: Vec::new() }, &settings("roles")).is_err());
    }
}
