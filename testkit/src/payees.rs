//! Sellers whom Toss pays: registered there, in the rows as the worker leaves them, with something available.

use domain::{
    Currency::Krw,
    Money, Timestamp,
    id::SellerAccount,
    ledger::{Account, Entry, EntryFields, Posting, PostingFields, Reason},
};
use futures::{StreamExt as _, stream};
use store::Database;

/// How many sellers are registered at once.
const REGISTERING: usize = 16;
/// How many rows one statement writes.
const ROWS: usize = 1_000;

/// A seller, and its name at Toss.
#[derive(Debug, Clone)]
pub struct Payee {
    pub account: String,
    pub psp_id: String,
}

impl Payee {
    /// Our name of the seller at Toss.
    fn reference(&self) -> String {
        self.account.replace('-', "")
    }
}

/// How sellers are paid, in the words of the tables.
#[derive(Debug, Clone, Copy)]
pub struct PayeeTerms {
    pub cycle: &'static str,
    pub approval: &'static str,
}

/// Registers sellers at Toss.
pub async fn register(toss: &toss::Client, accounts: Vec<String>) -> Vec<Payee> {
    let register = |account: String| async move {
        let key = toss::IdempotencyKey::parse(format!("register-{account}")).unwrap();
        let mut payee = Payee { account, psp_id: String::new() };
        payee.psp_id = toss.register_seller(&registration(&payee), &key).await.unwrap().id;
        payee
    };
    stream::iter(accounts).map(register).buffered(REGISTERING).collect().await
}

/// Writes the rows of sellers, by somebody with the database in hand.
pub async fn write(database: &Database, payees: &[Payee], terms: PayeeTerms) {
    use sea_orm::ConnectionTrait as _;
    for page in payees.chunks(ROWS) {
        for sql in rows(page, terms) {
            database.connection().execute_unprepared(&sql).await.unwrap();
        }
    }
}

fn rows(payees: &[Payee], PayeeTerms { cycle, approval }: PayeeTerms) -> [String; 2] {
    let values = |row: &dyn Fn(&Payee) -> String| payees.iter().map(row).collect::<Vec<_>>().join(", ");
    let sellers = values(&|Payee { account, .. }| {
        format!(
            "('{account}', 1, 1, 'shop', 'CORPORATE', 'sealed', 'p***@shop.kr', '***6789', 1, '{cycle}', '', 0, \
             'after', 0, '{{}}', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
        )
    });
    let registrations = values(&|payee| {
        let (Payee { account, psp_id }, reference) = (payee, payee.reference());
        format!("('{account}', 1, '{reference}', '{psp_id}', 'CORPORATE', '{approval}', 1, 1, 0, 0, CURRENT_TIMESTAMP)")
    });
    [
        format!(
            "INSERT INTO sellers (seller_account, version, details_version, name, business_type, details, \
             email_masked, account_masked, account, cycle, days, lag_business_days, holiday, minimum_payout, metadata, \
             created_at, updated_at) VALUES {sellers}"
        ),
        format!(
            "INSERT INTO seller_registrations (seller_account, number, ref_seller_id, psp_seller_id, business_type, \
             approval, sent_version, verified_account, refused_account, returned_account, begun_at) VALUES \
             {registrations}"
        ),
    ]
}

fn registration(payee: &Payee) -> toss::SellerRequest {
    let company = toss::CompanyDetails {
        name: "토스 상점".to_owned(),
        representative_name: "김대표".to_owned().into(),
        business_registration_number: "1234567890".to_owned(),
        email: "pay@shop.kr".to_owned().into(),
        phone: "01012345678".to_owned().into(),
    };
    let account = toss::AccountDetails {
        bank_code: "092".to_owned(),
        account_number: "110123456789".to_owned().into(),
        holder_name: "김토스".to_owned().into(),
    };
    let details =
        toss::SellerDetails { company: Some(company), account: Some(account), ..toss::SellerDetails::default() };
    toss::SellerRequest { ref_seller_id: payee.reference(), business_type: toss::BusinessType::Corporate, details }
}

/// Money that sellers earned.
#[derive(Debug)]
pub struct Earnings<'a> {
    /// Makes the keys of the entries.
    pub name: &'a str,
    pub sellers: &'a [String],
    /// What each earned, in won.
    pub amount: u64,
    pub reason: Reason,
    /// Where the money is.
    pub held_at: Account,
    pub occurred_at: Timestamp,
}

impl Earnings<'_> {
    /// The earning and its release.
    pub fn entries(&self) -> [Entry; 2] {
        let pending = |seller: &SellerAccount| Account::SellerPending(seller.clone());
        [
            self.entry(self.reason, |seller| [self.held_at.clone(), pending(seller)]),
            self.entry(Reason::PendingReleased, |seller| [pending(seller), Account::SellerAvailable(seller.clone())]),
        ]
    }

    fn entry(&self, reason: Reason, accounts: impl Fn(&SellerAccount) -> [Account; 2]) -> Entry {
        let posting = |seller: &String| {
            let [debit, credit] = accounts(&SellerAccount::parse(seller.as_str()).unwrap());
            let amount = Money::try_from_minor(self.amount, Krw).unwrap();
            Posting::try_new(PostingFields { debit, credit, amount, order: None }).unwrap()
        };
        let fields = EntryFields {
            key: format!("{}:{}", self.name, reason.as_str()),
            reason,
            checkout_id: None,
            reverses: None,
            occurred_at: self.occurred_at,
            postings: self.sellers.iter().map(posting).collect(),
        };
        Entry::try_new(fields).unwrap()
    }
}
