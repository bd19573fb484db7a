//! Sellers, balance and payouts against a server that opens and seals with code of its own.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use toss::{
    AccountDetails, BusinessType, Class, Client, CompanyDetails, Config, ConfigError, Currency, Error, LimitError,
    Money, PayoutRequest, PayoutStatus, Schedule, ScheduleType, SellerDetails, SellerRequest, SellerStatus, ShapeError,
    UnreadableReason,
};

use crate::server::{ANSWER_TIME, Act, Outcome, SECRET, Server, answer, body, first_line, header, key};

const SECURITY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn cipher(key: u8) -> Aes256Gcm {
    let mut bytes: [u8; 32] = std::array::from_fn(|index| index as u8);
    bytes[0] = key;
    Aes256Gcm::new(&bytes.into())
}

fn sealed(document: &Value, key: u8) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let text = document.to_string();
    let payload = Payload { msg: text.as_bytes(), aad: header.as_bytes() };
    let sealed = cipher(key).encrypt(&[9; 12].into(), payload).unwrap_or_default();
    let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{header}..{}.{}.{}", encode(&[9; 12]), encode(ciphertext), encode(tag))
}

/// Header and document of a sealed body.
fn opened(body: &str) -> Result<(Value, Value), Box<dyn std::error::Error>> {
    let parts: Vec<&str> = body.split('.').collect();
    let [header, "", vector, text, tag] = parts[..] else { return Err(format!("not sealed: {body}").into()) };
    let vector: [u8; 12] = URL_SAFE_NO_PAD.decode(vector)?.try_into().map_err(|_| "12 bytes")?;
    let mut sealed = URL_SAFE_NO_PAD.decode(text)?;
    sealed.extend(URL_SAFE_NO_PAD.decode(tag)?);
    let payload = Payload { msg: &sealed, aad: header.as_bytes() };
    let document = cipher(0).decrypt(&vector.into(), payload).map_err(|_| "another key")?;
    Ok((serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?, serde_json::from_slice(&document)?))
}

fn client(server: &Server) -> Result<Client, ConfigError> {
    Client::try_new(Config {
        security_key: Some(SECURITY.into()),
        answer_time: ANSWER_TIME,
        ..Config::new(server.url(), SECRET)
    })
}

async fn answering(status: u16, body: &str) -> Result<(Server, Client), Box<dyn std::error::Error>> {
    let server = Server::answering(status, body).await?;
    let client = client(&server)?;
    Ok((server, client))
}

fn envelope(entity: &Value) -> Value {
    json!({"version": "2022-11-16", "traceId": "t", "entityType": "any", "entityBody": entity})
}

fn payout(name: &str) -> Value {
    json!({"id": format!("FPA_{name}"), "refPayoutId": name, "destination": "seller-1", "scheduleType": "SCHEDULED",
        "payoutDate": "2026-01-05", "amount": {"currency": "KRW", "value": 5000.0},
        "transactionDescription": "정산", "requestedAt": "2026-01-02T03:04:05+09:00", "status": "REQUESTED",
        "error": null, "metadata": null, "brandNew": [1]})
}

fn seller() -> Value {
    json!({"id": "seller_1", "refSellerId": "seller-0001", "businessType": "CORPORATE", "status": "PARTIALLY_APPROVED",
        "company": {"name": "가게", "representativeName": "김토스", "businessRegistrationNumber": "1234567890",
            "email": "a@b.c", "phone": "0212345678"},
        "individual": null, "account": {"bankCode": "092", "accountNumber": "1000****", "holderName": "김토스"},
        "metadata": null})
}

fn request(name: &str) -> PayoutRequest {
    PayoutRequest {
        ref_payout_id: name.into(),
        destination: "seller-1".into(),
        schedule: Schedule::Express,
        amount: 5_000,
        transaction_description: "정산".into(),
        metadata: None,
    }
}

fn registration() -> SellerRequest {
    SellerRequest {
        ref_seller_id: "seller-0001".into(),
        business_type: BusinessType::Corporate,
        details: SellerDetails {
            company: Some(CompanyDetails {
                name: "가게".into(),
                representative_name: "김토스".into(),
                business_registration_number: "1234567890".into(),
                email: "a@b.c".into(),
                phone: "0212345678".into(),
            }),
            account: Some(AccountDetails {
                bank_code: "092".into(),
                account_number: "100012345678".into(),
                holder_name: "김토스".into(),
            }),
            ..SellerDetails::default()
        },
    }
}

#[tokio::test]
async fn payouts_are_requested_sealed_and_answered_sealed() -> Outcome {
    let list = envelope(&json!({"hasNext": false, "lastCursor": null, "items": [payout("p-2"), payout("p-1")]}));
    let (mut server, client) = answering(200, &sealed(&list, 0)).await?;
    let day = "2026-01-05".parse()?;
    let metadata = json!({"order": "1"}).as_object().cloned().map(Into::into);
    let second = PayoutRequest { schedule: Schedule::Scheduled(day), metadata, ..request("p-2") };
    let payouts = client.request_payouts(&[request("p-1"), second], &key()?).await?;
    let first = &payouts[1];
    assert_eq!((first.id.as_str(), &first.status), ("FPA_p-1", &PayoutStatus::Requested));
    assert_eq!(first.amount, Money { currency: Currency::Krw, minor: 5_000 });
    assert_eq!((first.schedule_type.as_ref(), first.payout_date), (Some(&ScheduleType::Scheduled), Some(day)));
    assert_eq!(first.unknown.expose()["brandNew"], json!([1]));

    let request = server.arrived().await?;
    assert_eq!(first_line(&request), "POST /v2/payouts HTTP/1.1");
    assert_eq!(header(&request, "content-type"), Some("text/plain"));
    assert_eq!(header(&request, "tosspayments-api-security-mode"), Some("ENCRYPTION"));
    assert_eq!(header(&request, "idempotency-key"), Some("attempt-1"));
    let (protected, document) = opened(body(&request))?;
    assert_eq!((&protected["alg"], &protected["enc"]), (&json!("dir"), &json!("A256GCM")));
    let iat = protected["iat"].as_str().ok_or("no iat")?;
    assert!(iat.len() == 25 && iat.ends_with("+09:00"), "{iat}");
    chrono::DateTime::parse_from_rfc3339(iat)?;
    uuid::Uuid::try_parse(protected["nonce"].as_str().ok_or("no nonce")?)?;
    let amount = json!({"currency": "KRW", "value": 5000});
    let expected = json!([
        {"refPayoutId": "p-1", "destination": "seller-1", "scheduleType": "EXPRESS", "amount": amount,
            "transactionDescription": "정산"},
        {"refPayoutId": "p-2", "destination": "seller-1", "scheduleType": "SCHEDULED", "payoutDate": "2026-01-05",
            "amount": amount, "transactionDescription": "정산", "metadata": {"order": "1"}},
    ]);
    assert_eq!(document, expected);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_leaves_a_payout_out_is_no_answer() -> Outcome {
    for named in [vec![], vec!["p-1"], vec!["p-1", "p-1"], vec!["p-1", "p-3"], vec!["p-1", "p-2", "p-3"]] {
        let items: Vec<Value> = named.iter().map(|name| payout(name)).collect();
        for entity in [json!({"hasNext": false, "items": items}), json!(items)] {
            let (_server, client) = answering(200, &sealed(&envelope(&entity), 0)).await?;
            let outcome = client.request_payouts(&[request("p-1"), request("p-2")], &key()?).await;
            let unknown = matches!(&outcome, Err(error @ Error::Unreadable { reason, .. })
                if matches!(reason, UnreadableReason::Shape(ShapeError::OtherThings))
                    && error.class() == Class::QueryFirst);
            assert!(unknown, "{named:?}: {outcome:?}");
            let text = outcome.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(text.ends_with("the request to pay out p-1 and 1 more"), "{text}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_may_be_sealed_or_plain_and_the_wrong_key_opens_nothing() -> Outcome {
    let refusal = json!({"version": "2022-11-16", "traceId": "t", "entityType": null, "entityBody": null,
        "error": {"code": "NOT_ENOUGH_AMOUNT", "message": "m"}});
    for body in [refusal.to_string(), sealed(&refusal, 0)] {
        let (_server, client) = answering(400, &body).await?;
        let outcome = client.request_payouts(&[request("p-1")], &key()?).await;
        let refused = matches!(&outcome, Err(error @ Error::Refused { code, .. })
            if code == "NOT_ENOUGH_AMOUNT" && error.class() == Class::RetryLater);
        assert!(refused, "{outcome:?}");
    }
    for status in [200, 400] {
        let (_server, client) = answering(status, &sealed(&refusal, 1)).await?;
        let outcome = client.request_payouts(&[request("p-1")], &key()?).await;
        let unknown = matches!(&outcome, Err(error @ Error::Unreadable { reason: UnreadableReason::Sealed(_), .. })
            if error.class() == Class::QueryFirst);
        assert!(unknown, "{outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_seller_is_registered_changed_looked_up_listed_and_deleted() -> Outcome {
    let one = envelope(&seller()).to_string();
    let first = envelope(&json!({"hasNext": true, "lastCursor": "seller_1", "items": [seller()]})).to_string();
    let last = envelope(&json!({"hasNext": false, "lastCursor": null, "items": [seller()]})).to_string();
    let answers = [&sealed(&envelope(&seller()), 0), &one, &one, &first, &last, "{}"];
    let acts = answers.iter().map(|body| Act::Answer(answer(200, "", body))).collect();
    let mut server = Server::start(acts).await?;
    let client = client(&server)?;

    let registered = client.register_seller(&registration(), &key()?).await?;
    assert_eq!((registered.id.as_str(), &registered.status), ("seller_1", &SellerStatus::PartiallyApproved));
    let sent = server.arrived().await?;
    assert_eq!(first_line(&sent), "POST /v2/sellers HTTP/1.1");
    let (_, document) = opened(body(&sent))?;
    let expected = json!({"refSellerId": "seller-0001", "businessType": "CORPORATE",
        "company": {"name": "가게", "representativeName": "김토스", "businessRegistrationNumber": "1234567890",
            "email": "a@b.c", "phone": "0212345678"},
        "account": {"bankCode": "092", "accountNumber": "100012345678", "holderName": "김토스"}});
    assert_eq!(document, expected);

    let change = SellerDetails { account: registration().details.account, ..SellerDetails::default() };
    client.update_seller("seller_1", &change, &key()?).await?;
    let sent = server.arrived().await?;
    assert_eq!(first_line(&sent), "POST /v2/sellers/seller_1 HTTP/1.1");
    assert_eq!(opened(body(&sent))?.1, json!({"account": expected["account"]}));

    client.seller("seller_1").await?;
    assert_eq!(first_line(&server.arrived().await?), "GET /v2/sellers/seller_1 HTTP/1.1");
    let sellers: Vec<_> = client.sellers().try_collect().await?;
    assert_eq!(sellers.len(), 2);
    assert_eq!(first_line(&server.arrived().await?), "GET /v2/sellers?limit=100 HTTP/1.1");
    assert_eq!(first_line(&server.arrived().await?), "GET /v2/sellers?limit=100&startingAfter=seller_1 HTTP/1.1");
    client.delete_seller("seller_1").await?;
    assert_eq!(first_line(&server.arrived().await?), "DELETE /v2/sellers/seller_1 HTTP/1.1");

    let printed = format!("{registered:?} {:?} {client:?}", registration());
    for hidden in ["김토스", "a@b.c", "0212345678", "100012345678", "1000****", SECURITY] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_balance_is_read_exactly() -> Outcome {
    let entity = json!({"availableAmount": {"currency": "KRW", "value": 1500000.0}});
    let (mut server, client) = answering(200, &envelope(&entity).to_string()).await?;
    let balance = client.balance().await?;
    assert_eq!(balance.available_amount, Money { currency: Currency::Krw, minor: 1_500_000 });
    assert_eq!(balance.pending_amount, None, "test keys have none");
    assert_eq!(first_line(&server.arrived().await?), "GET /v2/balances HTTP/1.1");
    for value in [json!(0.5), json!(-1), json!("1"), json!(null)] {
        let entity = json!({"availableAmount": {"currency": "KRW", "value": value}});
        let (_server, client) = answering(200, &envelope(&entity).to_string()).await?;
        let outcome = client.balance().await;
        assert!(matches!(outcome, Err(Error::Unreadable { .. })), "{value}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_payout_is_looked_up_listed_and_cancelled() -> Outcome {
    let one = envelope(&payout("p-1")).to_string();
    let list = envelope(&json!({"hasNext": true, "lastCursor": "c", "items": [payout("p-1")]})).to_string();
    let acts = [&one, &one, &list].iter().map(|body| Act::Answer(answer(200, "", body))).collect();
    let mut server = Server::start(acts).await?;
    let client = client(&server)?;
    client.payout("FPA_1").await?;
    assert_eq!(first_line(&server.arrived().await?), "GET /v2/payouts/FPA_1 HTTP/1.1");
    client.cancel_payout("FPA_1", &key()?).await?;
    let cancel = server.arrived().await?;
    assert_eq!(first_line(&cancel), "POST /v2/payouts/FPA_1/cancel HTTP/1.1");
    assert_eq!((header(&cancel, "idempotency-key"), body(&cancel)), (Some("attempt-1"), ""));
    assert_eq!((header(&cancel, "tosspayments-api-security-mode"), header(&cancel, "content-type")), (None, None));

    // The server repeats its page for ever; the list ends with an error.
    let rows: Vec<_> = client.payouts().collect().await;
    assert_eq!(rows.len(), 2);
    assert!(rows[0].is_ok() && rows[1].is_err(), "{rows:?}");
    Ok(())
}

#[tokio::test]
async fn what_breaks_a_rule_is_not_sent() -> Outcome {
    let (mut server, client) = answering(200, "{}").await?;
    let many: Vec<PayoutRequest> = (0..101).map(|name| request(&name.to_string())).collect();
    let long = |description: &str| PayoutRequest { transaction_description: description.into(), ..request("p-1") };
    let pairs = (0..6).map(|pair| (pair.to_string(), json!(1))).collect::<serde_json::Map<_, _>>();
    for (requests, expected) in [
        (vec![], "payouts"),
        (many, "payouts"),
        (vec![request("p-1"), request("p-1")], "refPayoutId"),
        (vec![request("")], "refPayoutId"),
        (vec![request(&"p".repeat(51))], "refPayoutId"),
        (vec![PayoutRequest { amount: 1_000_000_000, ..request("p-1") }], "amount"),
        (vec![long("")], "transactionDescription"),
        (vec![long("여덟글자입니다요")], "transactionDescription"),
        (vec![PayoutRequest { destination: String::new(), ..request("p-1") }], "destination"),
        (vec![PayoutRequest { metadata: Some(pairs.into()), ..request("p-1") }], "metadata"),
    ] {
        let outcome = client.request_payouts(&requests, &key()?).await;
        let named = matches!(&outcome, Err(Error::Limit(LimitError::Field { field, .. })) if *field == expected);
        assert!(named, "{expected}: {outcome:?}");
    }
    let nobody = SellerRequest { details: SellerDetails::default(), ..registration() };
    let person = SellerRequest { business_type: BusinessType::Individual, ..registration() };
    let short = SellerRequest { ref_seller_id: "short".into(), ..registration() };
    let mut homeless = registration();
    homeless.details.account = None;
    let mut two_digits = registration();
    let mut dashed = registration();
    if let (Some(two), Some(dash)) = (two_digits.details.account.as_mut(), dashed.details.account.as_mut()) {
        two.bank_code = "92".into();
        dash.account_number = "100-12".into();
    }
    let mut unregistered = registration();
    if let Some(company) = unregistered.details.company.as_mut() {
        company.business_registration_number = "123-45-67890".into();
    }
    for (request, expected) in [
        (nobody, "businessType"),
        (person, "businessType"),
        (short, "refSellerId"),
        (homeless, "account"),
        (two_digits, "bankCode"),
        (dashed, "accountNumber"),
        (unregistered, "businessRegistrationNumber"),
    ] {
        let outcome = client.register_seller(&request, &key()?).await;
        let named = matches!(&outcome, Err(Error::Limit(LimitError::Field { field, .. })) if *field == expected);
        assert!(named, "{expected}: {outcome:?}");
    }
    assert_eq!(server.received(), None);
    Ok(())
}

#[tokio::test]
async fn nothing_that_must_be_sealed_goes_open() -> Outcome {
    let mut server = Server::answering(200, "{}").await?;
    let outcome = server.client()?.request_payouts(&[request("p-1")], &key()?).await;
    assert!(matches!(outcome, Err(Error::Limit(LimitError::SecurityKey))), "{outcome:?}");
    assert_eq!(server.received(), None);
    let printed = format!("{:?}", Config { security_key: Some(SECURITY.into()), ..Config::new(server.url(), SECRET) });
    assert!(!printed.contains(SECURITY) && !printed.contains(SECRET), "{printed}");
    for broken in ["", "00", &SECURITY[1..], &SECURITY.replace('0', "g")] {
        let made = Client::try_new(Config { security_key: Some(broken.into()), ..Config::new(server.url(), SECRET) });
        assert!(matches!(made, Err(ConfigError::SecurityKey)), "{broken}: {made:?}");
    }
    Ok(())
}
