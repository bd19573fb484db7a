use domain::id::{ApiKeyId, CheckoutId, IdError, IdempotencyKey, PaymentOrderId, SellerAccount, WorkflowId};

#[test]
fn checks_length_and_alphabet() {
    assert!(CheckoutId::parse("abc-12").is_ok());
    assert!(CheckoutId::parse("x".repeat(64)).is_ok());
    assert_eq!(CheckoutId::parse("short").unwrap_err(), IdError::Length { min: 6, max: 64 });
    assert_eq!(CheckoutId::parse("x".repeat(65)).unwrap_err(), IdError::Length { min: 6, max: 64 });
    for wrong in ["with space", "한글주문번호", "a/b/c/d", "a.b.c.d", "a\nb\nc\n", "a=b=c=d"] {
        assert!(matches!(CheckoutId::parse(wrong), Err(IdError::Alphabet(_))), "{wrong:?}");
    }
    assert!(PaymentOrderId::parse("").is_err());
    assert!(SellerAccount::parse("seller:a").is_err());
    assert!(serde_json::from_str::<CheckoutId>(r#""no""#).is_err());
}

#[test]
fn reads_idempotency_keys_bare_and_quoted() {
    let longest = "k".repeat(255);
    let table: &[(&str, Option<&str>)] = &[
        ("order-1", Some("order-1")),
        ("  order-1\t", Some("order-1")),
        (r#""order-1""#, Some("order-1")),
        (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
        (&longest, Some(&longest)),
        ("", None),
        (r#""""#, None),
        ("two words", None),
        (r#""two words""#, None),
        (r#""open"#, None),
        (r#""a"b"#, None),
        (r#""a\x""#, None),
        ("키", None),
    ];
    for (header, expected) in table {
        let key = IdempotencyKey::from_header(header).ok();
        assert_eq!(key.as_ref().map(IdempotencyKey::as_str), *expected, "{header:?}");
    }
    assert!(IdempotencyKey::from_header(&"k".repeat(256)).is_err());
}

#[test]
fn one_api_key_and_one_idempotency_key_make_one_workflow() {
    let (first, second) = (ApiKeyId::parse("aaaa").unwrap(), ApiKeyId::parse("aaab").unwrap());
    let key = |text: &str| IdempotencyKey::parse(text).unwrap();
    let id = WorkflowId::of_checkout(&first, &key("order-1"));
    assert_eq!(id, WorkflowId::of_checkout(&first, &key("order-1")));
    assert_ne!(id, WorkflowId::of_checkout(&first, &key("order-2")));
    assert_ne!(id, WorkflowId::of_checkout(&second, &key("order-1")));
    // A promise to every workflow that was ever started: the same inputs make the same id for ever.
    assert_eq!(id.as_str(), "checkout-f5625b6c-d98e-56cf-b0ce-9173038634b6");
    assert!(WorkflowId::of_checkout(&first, &key(&"/".repeat(255))).as_str().len() < 64);
}
