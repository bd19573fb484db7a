//! Saved cards: each write twice is one, a key is kept sealed and forgotten with its card.

use domain::{
    Timestamp,
    id::{BuyerId, SavedCardId},
    principal::Principal,
    saved_card::{CardFace, DeletedBy, DeletedCard, Forgotten, IssuedCard, Kept, RegisteredCard, SavedCardStatus},
};
use store::{CardSecret, Journal, Keyring, NewSavedCard, SavedCardPut};

use crate::{database::Fresh, on_both_databases};

on_both_databases!(a_card_is_kept_once_sealed_anew_and_forgotten);

const AT: Timestamp = Timestamp::from_epoch_ms(1_764_000_000_000);

fn card(name: &str) -> SavedCardId {
    SavedCardId::parse(name).unwrap()
}

fn asked(name: &str) -> NewSavedCard {
    NewSavedCard {
        saved_card_id: card(name),
        buyer_id: BuyerId::parse("buyer-1").unwrap(),
        created_by: Principal::parse("key:abc123").unwrap(),
        fingerprint: "f".to_owned(),
        return_url: None,
        created_at: AT,
        expires_at: AT.plus_ms(1_000),
    }
}

fn registered(keys: &Keyring, name: &str, key: &str) -> RegisteredCard {
    let secret = CardSecret::new(key);
    let issued = IssuedCard {
        sealed_key: secret.seal_key(keys, &card(name)).unwrap(),
        key_digest: secret.digests(keys).unwrap()[0].clone(),
        face: CardFace { issuer: Some("21".to_owned()), number: Some("9410****".to_owned()), card_type: None },
    };
    RegisteredCard { saved_card_id: card(name), issued, at: AT }
}

fn deleted(name: &str, revoked: Option<String>) -> DeletedCard {
    DeletedCard { saved_card_id: card(name), by: DeletedBy::Marketplace, revoked, at: AT }
}

async fn a_card_is_kept_once_sealed_anew_and_forgotten(fresh: Fresh) {
    let (writer, reader, journal) = (&fresh.writer, &fresh.reader, Journal::new(fresh.database.clone()));
    let old = Keyring::generate("old").unwrap();
    let old_keys = Keyring::parse(&old).unwrap();
    assert!(matches!(journal.put_saved_card(&asked("card-1")).await.unwrap(), SavedCardPut::Now(_)));
    let other = NewSavedCard { fingerprint: "g".to_owned(), ..asked("card-1") };
    let SavedCardPut::Before(first) = journal.put_saved_card(&other).await.unwrap() else { panic!("written twice") };
    assert_eq!((first.fingerprint.as_str(), first.status), ("f", SavedCardStatus::Registering));
    assert_eq!(writer.saved_card_key(&card("card-1")).await.unwrap(), None);

    let one = registered(&old_keys, "card-1", "billing-1=");
    for _ in 0..2 {
        assert_eq!(writer.register_saved_card(&one).await.unwrap(), Kept::Active);
    }
    let second = registered(&old_keys, "card-1", "billing-2=");
    assert_eq!(writer.register_saved_card(&second).await.unwrap(), Kept::Superseded);
    let kept = writer.saved_card_key(&card("card-1")).await.unwrap().unwrap();
    assert_eq!(kept.sealed, one.issued.sealed_key);
    let digests = CardSecret::new("billing-1=").digests(&old_keys).unwrap();
    assert_eq!(reader.saved_card_of_key(&digests).await.unwrap(), Some(card("card-1")));

    let new_keys = Keyring::parse(&format!("{},{old}", Keyring::generate("new").unwrap())).unwrap();
    assert_eq!(journal.reseal_saved_cards(&new_keys, 10).await.unwrap(), 1);
    assert_eq!(journal.reseal_saved_cards(&new_keys, 10).await.unwrap(), 0);
    let resealed = writer.saved_card_key(&card("card-1")).await.unwrap().unwrap();
    let opened = CardSecret::open_key(&new_keys, &card("card-1"), &resealed.sealed).unwrap();
    assert!(resealed.sealed.starts_with("new:") && opened.expose() == "billing-1=", "{resealed:?}");

    // Another key than the one that was revoked is not forgotten.
    for stale in [None, Some(kept.digest)] {
        assert_eq!(writer.delete_saved_card(&deleted("card-1", stale)).await.unwrap(), Forgotten::OtherKey);
    }
    for _ in 0..2 {
        let done = writer.delete_saved_card(&deleted("card-1", Some(resealed.digest.clone()))).await.unwrap();
        assert_eq!(done, Forgotten::Done);
    }
    assert_eq!(writer.saved_card_key(&card("card-1")).await.unwrap(), None);
    assert_eq!(writer.register_saved_card(&one).await.unwrap(), Kept::Superseded, "a deleted card stays deleted");
    let record = reader.saved_card(&card("card-1")).await.unwrap().unwrap();
    assert_eq!((record.status, record.deleted_by), (SavedCardStatus::Deleted, Some(DeletedBy::Marketplace)));
    assert_eq!(record.face.number.as_deref(), Some("9410****"));

    journal.put_saved_card(&asked("card-2")).await.unwrap();
    assert_eq!(writer.delete_saved_card(&deleted("card-2", None)).await.unwrap(), Forgotten::Done);
    assert_eq!(reader.saved_cards_of(&BuyerId::parse("buyer-1").unwrap()).await.unwrap().len(), 2);
}
