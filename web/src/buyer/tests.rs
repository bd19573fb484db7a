use domain::{
    Currency, Money, Timestamp,
    checkout::{Order, Status},
    failure::Failure,
    id::{BuyerId, CheckoutId, PaymentOrderId, SellerAccount, WorkflowId},
    payment_method::PaymentMethod,
};
use store::OrderRecord;

use super::{
    parts::{Heading, return_address},
    states::{Watch, WayOut},
    *,
};

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Currency::Krw).unwrap()
}

pub(super) fn record(order_name: &str, status: Status) -> CheckoutRecord {
    CheckoutRecord {
        checkout_id: CheckoutId::parse("checkout-1").unwrap(),
        workflow_id: WorkflowId::parse("w").unwrap(),
        order_name: order_name.to_owned(),
        buyer_id: BuyerId::parse("buyer-1").unwrap(),
        total: won(15_000),
        status,
        revision: 0,
        orders: vec![OrderRecord {
            order: Order {
                id: PaymentOrderId::parse("o-1").unwrap(),
                seller: SellerAccount::parse("seller-a").unwrap(),
                amount: won(15_000),
                tax_free: None,
                name: None,
            },
            status,
            wallet_updated: false,
            ledger_updated: false,
            refunded: won(0),
        }],
        failure: None,
        psp: None,
        success_url: Some("https://shop.example/done?a=1#top".to_owned()),
        fail_url: None,
        metadata: None,
        confirm_token_hash: None,
        saved_card: None,
        window: Default::default(),
        created_at: Timestamp::from_epoch_ms(0),
        expires_at: Timestamp::from_epoch_ms(1),
    }
}

fn page(language: Language) -> Page {
    Page { language, words: language.words(), sellers: std::collections::HashMap::new() }
}

fn settings() -> Settings {
    Settings {
        public_url: "https://pay.example".to_owned(),
        psp_client_keys: vec![(Currency::Krw, "test_ck_x".to_owned())],
        psp_script_url: "https://js.example/v2".to_owned(),
        methods: vec![PaymentMethod::Card],
        kept: PagesKept::default(),
        shop: Shop::default(),
    }
}

fn made<'a>(settings: &'a Settings, token: Option<&'a ConfirmToken>) -> Made<'a> {
    Made { settings, is_for_buyer: |_| true, token, holder: None, cash_receipt: None, contact: &Contact::NONE }
}

#[test]
fn the_token_goes_with_the_buyer_from_page_to_page() {
    let (page, settings, token) = (page(Language::English), settings(), ConfirmToken::sent("ct_1"));
    let record = CheckoutRecord { confirm_token_hash: Some(token.hash()), ..record("T", Status::NotStarted) };
    let made = made(&settings, Some(&token));
    let checkout = page.checkout(&record, made).into_string();
    for address in ["success", "fail"] {
        let address = format!("https://pay.example/checkout/checkout-1/{address}?token=ct_1");
        assert!(checkout.contains(&address), "{address}: {checkout}");
    }
    let failed = page.failed(&record, words::reason("", page.words), made).into_string();
    for markup in [page.returned(&record, made).into_string(), failed] {
        assert!(markup.contains("href=\"/checkout/checkout-1?token=ct_1\""), "{markup}");
        assert!(!markup.contains("done?a=1&amp;token"), "the shop is not told: {markup}");
    }
}

#[test]
fn every_page_of_a_payment_by_a_test_key_says_so() {
    let page = page(Language::English);
    let is_told = |client_key: &str| {
        let settings = Settings { psp_client_keys: vec![(Currency::Krw, client_key.to_owned())], ..settings() };
        let (record, made) = (record("T", Status::NotStarted), made(&settings, None));
        let pages = [
            page.checkout(&record, made),
            page.returned(&record, made),
            page.failed(&record, words::reason("", page.words), made),
            page.bare(&record, made, Access::Unproved).1,
        ];
        pages.map(|markup| markup.into_string().contains(page.words.test_mode))
    };
    assert_eq!(is_told("test_ck_x"), [true; 4]);
    assert_eq!(is_told("live_ck_x"), [false; 4]);
}

#[test]
fn a_bare_page_says_the_status_and_nothing_of_the_order() {
    let settings = settings();
    for language in [Language::Korean, Language::English] {
        for access in [Access::Unproved, Access::Over] {
            for status in Status::ALL {
                let page = page(language);
                let (_, markup) = page.bare(&record("Secret goods", status), made(&settings, None), access);
                let markup = markup.into_string();
                assert!(markup.contains(&format!("data-status=\"{status}\"")), "{markup}");
                for hidden in ["Secret goods", "seller-a", "15,000", "receipt", "shop.example", "id=\"pay\""] {
                    assert!(!markup.contains(hidden), "{status} {hidden}: {markup}");
                }
            }
        }
    }
}

#[test]
fn money_is_read_easily() {
    let korean = page(Language::Korean);
    assert_eq!(korean.money(won(0)), "0원");
    assert_eq!(korean.money(won(999)), "999원");
    assert_eq!(korean.money(won(15_000)), "15,000원");
    assert_eq!(korean.money(won(1_234_567)), "1,234,567원");
    assert_eq!(korean.money(Money::try_from_minor(123_450, Currency::Usd).unwrap()), "1,234.50 USD");
    assert_eq!(page(Language::English).money(won(15_000)), "15,000 KRW");
}

#[test]
fn the_language_is_the_buyers_and_korean_by_default() {
    for (header, language) in [
        ("", Language::Korean),
        ("fr", Language::Korean),
        ("en", Language::English),
        ("en-US,en;q=0.9", Language::English),
        ("ko-KR,ko;q=0.9,en;q=0.8", Language::Korean),
        ("en;q=0.8, ko;q=0.9", Language::Korean),
        ("ko;q=0.25, en;q=0.5", Language::English),
        ("de, en;q=0.1", Language::English),
        ("en;q=0", Language::Korean),
    ] {
        assert_eq!(Language::accepted(header), language, "{header}");
    }
}

#[test]
fn what_comes_from_outside_is_escaped() {
    let evil = "<script>alert(1)</script>\"'";
    let page = page(Language::Korean);
    for markup in [
        page.returned(&record(evil, Status::NotStarted), made(&settings(), None)),
        page.failed(&record(evil, Status::NotStarted), words::reason(evil, page.words), made(&settings(), None)),
        page.order(&record(evil, Status::NotStarted), Heading::First),
    ] {
        assert!(!markup.into_string().contains("<script>"));
    }
}

#[test]
fn a_reason_is_told_in_our_words_or_not_at_all() {
    for language in [Language::Korean, Language::English] {
        let words = language.words();
        let told = |code| {
            page(language)
                .failed(&record("T", Status::NotStarted), words::reason(code, words), made(&settings(), None))
                .into_string()
        };
        let known = told("PAY_PROCESS_CANCELED");
        assert!(known.contains("PAY_PROCESS_CANCELED") && !known.contains(words::reason("", words).text));
        let unknown = told("CALL_010_1234_5678_TO_PAY");
        assert!(!unknown.contains("CALL") && unknown.contains(words::reason("", words).text), "{unknown}");
    }
}

#[test]
fn the_fail_page_believes_the_checkout_and_not_the_address() {
    let words = Language::English.words();
    let told = |status| {
        let reason = words::reason("PAY_PROCESS_CANCELED", words);
        page(Language::English).failed(&record("T", status), reason, made(&settings(), None)).into_string()
    };
    assert!(told(Status::NotStarted).contains("You canceled the payment."));
    for status in Status::ALL.into_iter().filter(|status| *status != Status::NotStarted) {
        let page = told(status);
        assert!(!page.contains("You canceled") && !page.contains("No money was taken"), "{status}: {page}");
    }
    assert!(told(Status::Success).contains("https://shop.example/done?a=1&amp;checkout_id=checkout-1#top"));
    assert!(!told(Status::Executing).contains("shop.example"));
}

#[test]
fn nobody_is_sent_where_it_may_be_untrue() {
    for status in Status::ALL {
        let expected = match status {
            Status::Success | Status::PartiallyRefunded | Status::Refunded | Status::WaitingForDeposit => {
                WayOut::Success
            }
            Status::NotStarted | Status::Failed | Status::Expired | Status::Canceled => WayOut::Failure,
            Status::Executing | Status::Unknown | Status::Stuck => WayOut::None,
        };
        assert_eq!(WayOut::of(status), expected, "{status}");
    }
    // The script decides by the phases that the page tells it, but a buyer who has not paid yet stays.
    assert!(RETURN_SCRIPT.contains(r#"isPaid = isIn("paid", "deposit")"#));
    assert!(RETURN_SCRIPT.contains(r#"isUnpaid = isIn("declined", "closed")"#));
    let phases = states::phases();
    let told: Vec<_> = phases.split(' ').filter_map(|pair| pair.split_once('=')).collect();
    for (status, (name, phase)) in Status::ALL.into_iter().zip(told) {
        let expected = match phase {
            "paid" | "deposit" => Some(WayOut::Success),
            "open" | "declined" | "closed" => Some(WayOut::Failure),
            "moving" | "held" => Some(WayOut::None),
            _ => None,
        };
        assert_eq!((name, Some(WayOut::of(status))), (status.as_str(), expected), "{phase}");
    }
}

#[test]
fn the_way_back_names_the_checkout() {
    let record = record("T", Status::Success);
    let address = |url| return_address(url, &record);
    assert_eq!(address("https://a.example"), "https://a.example?checkout_id=checkout-1");
    assert_eq!(address("https://a.example/?b=1#c"), "https://a.example/?b=1&checkout_id=checkout-1#c");
}

#[test]
fn the_return_page_shows_one_state_and_holds_all() {
    for status in Status::ALL {
        let markup = page(Language::Korean).returned(&record("T", status), made(&settings(), None)).into_string();
        let shown = states::on_return(status);
        assert!(markup.contains(&format!("data-status=\"{shown}\"")), "{status}");
        assert!(markup.contains(&format!("data-for=\"{shown}\">")), "{status}");
        let states = markup.matches("class=\"state\"").count();
        let hidden = markup.matches("\" hidden><svg").count();
        assert_eq!((states, hidden), (states.max(8), states - 1), "{status}: {markup}");
    }
}

#[test]
fn whoever_waits_is_told_and_whoever_is_done_is_left_alone() {
    for status in Status::ALL {
        assert_eq!(
            Watch::of(status) == Watch::Never,
            status.phase().is_answer() && !status.phase().follows_psp() && status != Status::Failed
        );
        assert_eq!(Watch::of(status) == Watch::Always, status.phase().follows_psp(), "{status}");
    }
}

#[test]
fn a_review_is_told_apart_from_a_payment_that_nobody_knows_the_outcome_of() {
    let page = page(Language::English);
    let told = |code: &str| {
        let failure = Some(Failure::new(code, "For us."));
        let record = CheckoutRecord { failure, ..record("T", Status::Stuck) };
        states::State::of(&record, page.words).show().into_string()
    };
    assert!(told("risk_review").contains("No money has been taken yet"));
    let unknown = told("outcome_unknown");
    assert!(unknown.contains("A person is checking") && !unknown.contains("No money"), "{unknown}");
    assert!(!unknown.contains("For us."));
}

#[test]
fn a_decline_is_told_in_the_language_of_the_page() {
    let told = |language, code: &str| {
        let failure = Failure::new(code, "한도초과입니다.");
        page(language).reason(&failure, |_| true).map(|cause| (cause.text.to_owned(), cause.language))
    };
    let korean = || Some(("한도초과입니다.".to_owned(), "ko"));
    assert_eq!(told(Language::Korean, "REJECT_CARD_PAYMENT"), korean());
    let (english, language) = told(Language::English, "REJECT_CARD_PAYMENT").unwrap();
    assert!(english.contains("limit") && language == "en", "{english}");
    assert_eq!(told(Language::English, "NEVER_HEARD_OF"), korean(), "better than nothing");
}

#[test]
fn what_was_given_back_is_shown() {
    let page = page(Language::Korean);
    let mut record = record("T", Status::PartiallyRefunded);
    assert!(!page.order(&record, Heading::Second).into_string().contains("id=\"refunded\""));
    record.orders[0].refunded = won(8_000);
    assert!(page.order(&record, Heading::Second).into_string().contains("id=\"refunded\">8,000원"));
}

#[test]
fn scripts_do_not_end_their_element() {
    for text in [WATCH_SCRIPT, PAY_SCRIPT, ACCOUNT_SCRIPT, RETURN_SCRIPT, STYLE] {
        assert!(!text.contains("</"));
    }
}

#[test]
fn how_to_reach_the_buyer_is_told_on_the_buyers_own_page_alone() {
    let (settings, token, headers) = (settings(), ConfirmToken::sent("ct_1"), HeaderMap::new());
    let sellers = std::collections::HashMap::new();
    let later = Timestamp::from_epoch_ms(now().epoch_ms() + 60_000);
    let hands_over = |status: Status, own: Option<&ConfirmToken>, token: Option<&ConfirmToken>| {
        let record = CheckoutRecord {
            confirm_token_hash: own.map(ConfirmToken::hash),
            expires_at: later,
            ..record("T", status)
        };
        let visit = Visit {
            settings: &settings,
            is_for_buyer: |_| true,
            record: &record,
            token,
            headers: &headers,
            sellers: &sellers,
        };
        super::hands_over(visit)
    };
    assert!(hands_over(Status::NotStarted, Some(&token), Some(&token)));
    assert!(!hands_over(Status::NotStarted, Some(&token), None));
    assert!(!hands_over(Status::NotStarted, None, None), "whoever knows the id opens that page");
    assert!(!hands_over(Status::Success, Some(&token), Some(&token)), "there is no window to open");

    let contact = Contact { email: Some("a@example.com".to_owned()), phone: Some("01012345678".to_owned()) };
    let (page, record) = (page(Language::English), record("T", Status::NotStarted));
    let shown = page.checkout(&record, Made { contact: &contact, ..made(&settings, None) }).into_string();
    assert!(shown.contains(r#"data-email="a@example.com" data-phone="01012345678""#), "{shown}");
    let shown = page.checkout(&record, made(&settings, None)).into_string();
    assert!(!shown.contains("data-email") && !shown.contains("data-phone"), "{shown}");
}

#[test]
fn the_page_offers_the_methods_of_the_contract() {
    let page = page(Language::English);
    let record = record("T", Status::NotStarted);
    let offers = |methods: &[PaymentMethod]| {
        let settings = Settings { methods: methods.to_vec(), ..settings() };
        page.checkout(&record, made(&settings, None)).into_string()
    };
    let two = offers(&[PaymentMethod::Transfer, PaymentMethod::VirtualAccount]);
    assert!(two.contains(r#"type="radio" name="method" value="TRANSFER" checked"#), "{two}");
    assert!(two.contains(r#"type="radio" name="method" value="VIRTUAL_ACCOUNT">"#), "{two}");
    assert!(!two.contains("CARD"), "{two}");
    let one = offers(&[PaymentMethod::Card]);
    assert!(one.contains(r#"type="hidden" name="method" value="CARD""#) && !one.contains("radio"), "{one}");
    let in_dollars = CheckoutRecord { total: Money::try_from_minor(1_255, Currency::Usd).unwrap(), ..record.clone() };
    let keys = vec![(Currency::Krw, "test_ck_x".to_owned()), (Currency::Usd, "test_ck_usd".to_owned())];
    let methods = vec![PaymentMethod::Card, PaymentMethod::Transfer, PaymentMethod::ForeignEasyPay];
    let settings = Settings { methods, psp_client_keys: keys, ..settings() };
    let dollars = page.checkout(&in_dollars, made(&settings, None)).into_string();
    assert!(
        dollars.contains("data-client-key=\"test_ck_usd\"") && dollars.contains("data-amount=\"12.55\""),
        "{dollars}"
    );
    assert!(dollars.contains("value=\"FOREIGN_EASY_PAY\"") && !dollars.contains("TRANSFER"), "{dollars}");
}
