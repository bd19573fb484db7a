use domain::{
    Timestamp,
    id::{RefSellerId, SellerAccount},
    seller::{
        Approval, BankAccount, BankAccountParts, BusinessType, Contact, ContactParts, DetailField, PayoutStatus,
        Problem, Standing, cools_down_until,
    },
};

fn account(bank_code: &str, account_number: &str, holder_name: &str) -> BankAccountParts {
    BankAccountParts {
        bank_code: bank_code.to_owned(),
        account_number: account_number.to_owned(),
        holder_name: holder_name.to_owned(),
    }
}

fn contact(number: Option<&str>, name: Option<&str>, email: &str, phone: &str) -> ContactParts {
    ContactParts {
        business_registration_number: number.map(str::to_owned),
        representative_name: name.map(str::to_owned),
        email: email.to_owned(),
        phone: phone.to_owned(),
    }
}

#[test]
fn the_payout_status_follows_from_all_that_is_known() {
    let verified =
        Standing { approval: Some(Approval::Approved), account: 2, verified_account: 2, ..Default::default() };
    let check = |standing: Standing, expected: PayoutStatus| {
        assert_eq!(standing.payout_status(), expected, "{standing:?}");
        assert_eq!(PayoutStatus::parse(expected.as_str()), Some(expected));
    };
    check(Standing::default(), PayoutStatus::Unregistered);
    check(verified, PayoutStatus::Approved);
    check(Standing { approval: Some(Approval::Limited), ..verified }, PayoutStatus::Limited);
    check(Standing { approval: Some(Approval::Pending), ..verified }, PayoutStatus::PendingApproval);
    check(Standing { approval: Some(Approval::KycRequired), ..verified }, PayoutStatus::KycRequired);
    // What the PSP said of the first account says nothing of the second.
    check(Standing { verified_account: 1, ..verified }, PayoutStatus::AccountUnverified);
    check(Standing { returned_account: 1, refused_account: 1, ..verified }, PayoutStatus::Approved);
    check(Standing { returned_account: 2, ..verified }, PayoutStatus::AccountUnverified);
    check(Standing { refused_account: 2, approval: None, ..verified }, PayoutStatus::AccountUnverified);
    check(Standing { is_blocked: true, ..verified }, PayoutStatus::Suspended);
    check(Standing { is_blocked: true, ..Standing::default() }, PayoutStatus::Suspended);
    let payable: Vec<&str> =
        PayoutStatus::ALL.into_iter().filter(|status| status.may_be_paid()).map(PayoutStatus::as_str).collect();
    assert_eq!(payable, ["LIMITED", "APPROVED"]);
}

#[test]
fn a_changed_account_cools_down() {
    let at = Timestamp::from_epoch_ms;
    assert_eq!(cools_down_until(None, 100, at(5)), None);
    assert_eq!(cools_down_until(Some(at(10)), 100, at(109)), Some(at(110)));
    assert_eq!(cools_down_until(Some(at(10)), 100, at(110)), None);
    assert_eq!(cools_down_until(Some(at(10)), 0, at(10)), None);
}

#[test]
fn a_bank_account_is_checked_and_masked() {
    let good = BankAccount::try_new(&account(" s3 ", "110-123 456789", " 김토스 ")).unwrap();
    assert_eq!((good.bank_code(), good.account_number(), good.holder_name()), ("S3", "110123456789", "김토스"));
    assert_eq!(good.masked(), "S3 ********6789");
    assert!(!format!("{good:?}").contains("110"));
    let refused = |parts: BankAccountParts, field| {
        let error = BankAccount::try_new(&parts).unwrap_err();
        assert_eq!((error.field, error.problem), (field, Problem::Invalid));
    };
    refused(account("0921", "110123456789", "a"), DetailField::BankCode);
    refused(account("09", "11012345678a", "a"), DetailField::AccountNumber);
    refused(account("09", "12345", "a"), DetailField::AccountNumber);
    refused(account("09", &"1".repeat(21), "a"), DetailField::AccountNumber);
    refused(account("09", "123456", " "), DetailField::HolderName);
    refused(account("09", "123456", &"가".repeat(31)), DetailField::HolderName);
    assert!(BankAccount::try_new(&account("09", "123456", &"a".repeat(60))).is_ok());
}

#[test]
fn a_contact_has_what_its_kind_of_business_needs() {
    let check = |kind, parts: ContactParts| Contact::try_new(kind, parts).map_err(|error| (error.field, error.problem));
    let company = || contact(Some("123-45-67890"), Some("김대표"), "pay@shop.kr", "010-1234-5678");
    let good = check(BusinessType::Corporate, company()).unwrap();
    assert_eq!(good.business_registration_number(), Some("1234567890"));
    assert_eq!((good.phone(), good.masked_email().as_str()), ("01012345678", "p***@shop.kr"));
    assert!(!format!("{good:?}").contains("shop"));
    let no_number = contact(None, Some("김대표"), "a@b.kr", "01012345678");
    let missing = Err((DetailField::BusinessRegistrationNumber, Problem::Missing));
    assert_eq!(check(BusinessType::IndividualBusiness, no_number), missing);
    let not_allowed = Err((DetailField::BusinessRegistrationNumber, Problem::NotAllowed));
    assert_eq!(check(BusinessType::Individual, company()), not_allowed);
    for email in ["", "a", "@b.kr", "a@b", "a@b@c.kr", "가@b.kr", "a@.kr", &format!("{}@b.kr", "a".repeat(96))] {
        let parts = contact(None, None, email, "01012345678");
        assert_eq!(check(BusinessType::Individual, parts), Err((DetailField::Email, Problem::Invalid)), "{email}");
    }
    for phone in ["1234567", "0101234567x", &"1".repeat(16)] {
        let parts = contact(None, None, "a@b.kr", phone);
        assert_eq!(check(BusinessType::Individual, parts), Err((DetailField::Phone, Problem::Invalid)), "{phone}");
    }
}

#[test]
fn each_registration_has_a_name_of_its_own() {
    let seller = SellerAccount::parse("seller-a").unwrap();
    let first = RefSellerId::of_registration(&seller, 1);
    assert_eq!(first, RefSellerId::of_registration(&seller, 1));
    assert_eq!(RefSellerId::parse(first.as_str()), Ok(first.clone()));
    assert_ne!(first, RefSellerId::of_registration(&seller, 2));
    assert_ne!(first, RefSellerId::of_registration(&SellerAccount::parse("seller-b").unwrap(), 1));
}
