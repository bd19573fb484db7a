//! What a shop asks for besides the amount: taxes, notes, escrow, a cash receipt, the time to pay, and the choices of
//! the card window.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::banks::{RefundAccount, bank_code};
use crate::cash_receipt::{ReceiptKind, ReceiptWish};
use crate::codes::Code;
use crate::currency::{Amount, Currency, Money};
use crate::fields::{self, Metadata};
use crate::method::Method;
use crate::time::{Instant, parse};
use crate::wallets::{EasyPay, ForeignEasyPay, card_company};

/// How long a virtual account waits unless the request names a time.
const DEFAULT_DEPOSIT_PATIENCE: TimeDelta = TimeDelta::hours(168);
const MAX_VALID_HOURS: i64 = 2_160;
const MAX_DUE: TimeDelta = TimeDelta::days(90);
const MAX_EMAIL: usize = 100;
const MAX_PHONE: usize = 15;
const MIN_PHONE: usize = 8;
/// Least amount of an instalment plan, in won.
const INSTALLMENT_MINIMUM: u64 = 50_000;
/// Most months of an instalment plan.
const MAX_INSTALLMENT_MONTHS: u8 = 12;

/// Until when a buyer may pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TimeToPay {
    /// Hours from the request, or from the issue of a virtual account.
    Hours(i64),
    Until(Instant),
}

impl TimeToPay {
    /// Reads `validHours` or `dueDate`, of which a request has one at most.
    ///
    /// # Errors
    /// Toss's code for two of them, or for a time that is too long or over.
    pub(crate) fn read(hours: Option<i64>, due_date: Option<&str>, now: Instant) -> Result<Option<Self>, Code> {
        match (hours, due_date) {
            (Some(_), Some(_)) => Err(Code::InvalidValidHoursWithDueDateAndSingle),
            (None, None) => Ok(None),
            (Some(hours), None) if hours < 1 => Err(Code::InvalidRequest),
            (Some(hours), None) if hours > MAX_VALID_HOURS => Err(Code::ExceedMaxValidHours),
            (Some(hours), None) => Ok(Some(Self::Hours(hours))),
            (None, Some(date)) => {
                let due = parse(date).filter(|due| *due > now).ok_or(Code::InvalidDate)?;
                if due > now + MAX_DUE { Err(Code::ExceedMaxDueDate) } else { Ok(Some(Self::Until(due))) }
            }
        }
    }

    pub(crate) fn end(self, from: Instant) -> Instant {
        match self {
            Self::Hours(hours) => from + TimeDelta::hours(hours),
            Self::Until(due) => due,
        }
    }
}

/// What was agreed on for a payment besides its amount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Terms {
    /// Minor units of the payment's currency.
    pub(crate) tax_free: u64,
    /// Minor units of the payment's currency.
    pub(crate) tax_exemption: u64,
    pub(crate) metadata: Metadata,
    pub(crate) use_escrow: bool,
    pub(crate) is_cultural: bool,
    pub(crate) cash_receipt: Option<ReceiptWish>,
    pub(crate) time_to_pay: Option<TimeToPay>,
    /// Where a deposit is refunded to, as far as the shop knows.
    pub(crate) refund_account: Option<RefundAccount>,
    pub(crate) easy_pay: EasyPay,
    pub(crate) foreign_easy_pay: Option<ForeignEasyPay>,
    pub(crate) card: CardTerms,
    pub(crate) customer_email: Option<String>,
    pub(crate) customer_mobile_phone: Option<String>,
}

/// What was agreed on for the card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CardTerms {
    /// The code of the card company.
    pub(crate) issuer: Option<String>,
    /// Masked, where it was entered.
    pub(crate) number: Option<String>,
    /// 0 is a single payment.
    pub(crate) installment_months: u8,
    /// The shop pays the interest.
    pub(crate) is_interest_free: bool,
    pub(crate) use_point: bool,
}

impl Terms {
    /// Until when a virtual account waits that is issued now.
    pub(crate) fn deposit_due(&self, now: Instant) -> Instant {
        self.time_to_pay.map_or(now + DEFAULT_DEPOSIT_PATIENCE, |time| time.end(now))
    }
}

/// What a browser's window offers to the buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) methods: Vec<Method>,
    pub(crate) easy_pays: Vec<EasyPay>,
    /// The months of an instalment plan; 0 is a single payment.
    pub(crate) months: Vec<u8>,
    free_plans: Vec<FreePlan>,
    /// The receipt that is chosen unless the buyer chooses another.
    pub(crate) receipt: Option<ReceiptKind>,
}

/// Months for which the shop pays the interest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FreePlan {
    company: String,
    months: Vec<u8>,
}

impl Offer {
    /// The window of one method, without wishes of the shop. That of cards offers the easy pays, too.
    fn of(method: Method, amount: Money) -> Result<Self, Code> {
        let (methods, easy_pays) = match method {
            Method::Card if amount.currency != Currency::Krw => (vec![Method::Card], Vec::new()),
            Method::Card => (vec![Method::Card, Method::EasyPay], EasyPay::ALL.to_vec()),
            Method::EasyPay => (vec![Method::EasyPay], vec![EasyPay::default()]),
            Method::VirtualAccount
            | Method::Transfer
            | Method::MobilePhone
            | Method::CultureGiftCertificate
            | Method::BookGiftCertificate
            | Method::GameGiftCertificate
            | Method::ForeignEasyPay => (vec![method], Vec::new()),
        };
        Ok(Self { methods, easy_pays, months: months(None, None, amount)?, free_plans: Vec::new(), receipt: None })
    }

    /// Whether the shop pays the interest of a plan.
    pub(crate) fn is_free(&self, company: &str, months: u8) -> bool {
        let is_of = |plan: &FreePlan| plan.company == company && plan.months.contains(&months);
        months > 0 && self.free_plans.iter().any(is_of)
    }
}

/// The months that a shop's wishes leave to the buyer.
fn months(plan: Option<i64>, most: Option<i64>, amount: Money) -> Result<Vec<u8>, Code> {
    match (plan, most) {
        (Some(_), Some(_)) => Err(Code::InvalidCardInstallmentPlan),
        (Some(plan), None) => Ok(vec![installment(Some(plan), amount)?]),
        (None, most) => {
            let most = most.map_or(Ok(MAX_INSTALLMENT_MONTHS), known_months)?;
            let most = if takes_installments(amount) { most } else { 0 };
            Ok(std::iter::once(0).chain(2..=most).collect())
        }
    }
}

/// Whether an amount can be paid in instalments, which foreign cards do not offer.
fn takes_installments(amount: Money) -> bool {
    amount.currency == Currency::Krw && amount.minor >= INSTALLMENT_MINIMUM
}

fn known_months(months: i64) -> Result<u8, Code> {
    let known = u8::try_from(months).ok().filter(|months| matches!(months, 0 | 2..=MAX_INSTALLMENT_MONTHS));
    known.ok_or(Code::InvalidCardInstallmentPlan)
}

/// The months of a plan that a request names for an amount.
pub(crate) fn installment(plan: Option<i64>, amount: Money) -> Result<u8, Code> {
    let months = known_months(plan.unwrap_or(0))?;
    let is_too_little = months > 0 && !takes_installments(amount);
    if is_too_little { Err(Code::NotSupportedMonthlyInstallmentPlanBelowAmount) } else { Ok(months) }
}

/// The fields that every request may have besides its own.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CommonBody {
    tax_free_amount: Option<Amount>,
    tax_exemption_amount: Option<Amount>,
    metadata: Metadata,
    use_escrow: Option<bool>,
    cash_receipt: Option<ReceiptBody>,
    customer_email: Option<String>,
    customer_mobile_phone: Option<String>,
    #[serde(deserialize_with = "fields::optional_number")]
    valid_hours: Option<i64>,
    due_date: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptBody {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    registration_number: Option<String>,
}

/// The one name by which a shop says that it wants no receipt.
const NO_RECEIPT: &str = "미발행";

impl ReceiptBody {
    fn kind(&self) -> Result<Option<ReceiptKind>, Code> {
        if self.kind == NO_RECEIPT {
            return Ok(None);
        }
        ReceiptKind::named(&self.kind).map(Some).ok_or(Code::InvalidRequest)
    }

    /// The receipt of a request by API, which names the number.
    pub(crate) fn wish(self) -> Result<Option<ReceiptWish>, Code> {
        let Some(kind) = self.kind()? else { return Ok(None) };
        let number = self.registration_number.ok_or(Code::InvalidRequest)?;
        if kind.takes(&number) {
            Ok(Some(ReceiptWish { kind, number }))
        } else {
            Err(Code::InvalidRegistrationNumberType)
        }
    }
}

impl CommonBody {
    /// What a request by API asks for besides the amount.
    ///
    /// # Errors
    /// Toss's code for what is wrong with the fields.
    pub(crate) fn terms(self, amount: Money, now: Instant) -> Result<Terms, Code> {
        self.check_customer()?;
        let (tax_free, tax_exemption) = self.untaxed(amount)?;
        let time_to_pay = TimeToPay::read(self.valid_hours, self.due_date.as_deref(), now)?;
        if !self.metadata.is_short() {
            return Err(Code::InvalidRequest);
        }
        Ok(Terms {
            tax_free,
            tax_exemption,
            metadata: self.metadata,
            use_escrow: self.use_escrow == Some(true),
            cash_receipt: self.cash_receipt.map_or(Ok(None), ReceiptBody::wish)?,
            time_to_pay,
            customer_email: self.customer_email,
            customer_mobile_phone: self.customer_mobile_phone,
            ..Terms::default()
        })
    }

    fn check_customer(&self) -> Result<(), Code> {
        let is_email = |text: &String| {
            let has_both_parts = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
            has_both_parts && text.chars().count() <= MAX_EMAIL
        };
        if !self.customer_email.as_ref().is_none_or(is_email) {
            return Err(Code::InvalidEmail);
        }
        let is_phone = |text: &String| {
            (MIN_PHONE..=MAX_PHONE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if self.customer_mobile_phone.as_ref().is_none_or(is_phone) { Ok(()) } else { Err(Code::InvalidRequest) }
    }

    /// The part without tax and the part exempt from tax.
    fn untaxed(&self, amount: Money) -> Result<(u64, u64), Code> {
        let minor = |part: Option<Amount>| part.map_or(Ok(0), |part| part.minor(amount.currency));
        let (free, exemption) = (minor(self.tax_free_amount)?, minor(self.tax_exemption_amount)?);
        if free + exemption > amount.minor { Err(Code::InvalidRequest) } else { Ok((free, exemption)) }
    }
}

/// The request of a window, as the script sends it, besides what its address says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WindowBody {
    #[serde(flatten)]
    common: CommonBody,
    card: Option<MethodBody>,
    virtual_account: Option<MethodBody>,
    transfer: Option<MethodBody>,
    foreign_easy_pay: Option<ForeignEasyPayBody>,
}

#[derive(Debug, Deserialize)]
struct ForeignEasyPayBody {
    provider: String,
}

/// The fields of one method.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MethodBody {
    use_escrow: Option<bool>,
    tax_exemption_amount: Option<Amount>,
    flow_mode: Option<FlowMode>,
    card_company: Option<String>,
    easy_pay: Option<String>,
    #[serde(deserialize_with = "fields::optional_number")]
    card_installment_plan: Option<i64>,
    #[serde(deserialize_with = "fields::optional_number")]
    max_card_installment_plan: Option<i64>,
    free_installment_plans: Option<Vec<FreePlanBody>>,
    use_card_point: Option<bool>,
    #[serde(deserialize_with = "fields::optional_number")]
    valid_hours: Option<i64>,
    due_date: Option<String>,
    cash_receipt: Option<ReceiptBody>,
    is_cultural_expenses: Option<bool>,
    escrow_products: Option<Vec<EscrowProductBody>>,
    refund_receive_account: Option<RefundAccountBody>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum FlowMode {
    #[default]
    Default,
    Direct,
}

/// A product of a payment in escrow; what is read of it is that it is one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "the fields are read to find out whether they can be")]
struct EscrowProductBody {
    id: Option<String>,
    name: Option<String>,
    code: Option<String>,
    #[serde(default, deserialize_with = "fields::optional_number")]
    unit_price: Option<i64>,
    #[serde(default, deserialize_with = "fields::optional_number")]
    quantity: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct FreePlanBody {
    company: String,
    months: Vec<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefundAccountBody {
    bank_code: String,
    account_number: String,
    holder_name: String,
}

/// What a window is opened for.
#[derive(Clone, Copy)]
pub(crate) struct WindowRequest<'a> {
    pub(crate) method: Method,
    pub(crate) amount: Money,
    /// The request as JSON, empty when it says nothing more.
    pub(crate) wishes: &'a str,
}

impl WindowRequest<'_> {
    /// What the shop asks for, and what it leaves to the buyer.
    ///
    /// # Errors
    /// Toss's code for what is wrong with the request.
    pub(crate) fn read(self, now: Instant) -> Result<(Terms, Offer), Code> {
        let text = if self.wishes.is_empty() { "{}" } else { self.wishes };
        let mut body: WindowBody = fields::read(text.as_bytes())?;
        let foreign_easy_pay = self.foreign_easy_pay(body.foreign_easy_pay.take())?;
        let of_method = match self.method {
            Method::Card | Method::EasyPay => body.card,
            Method::VirtualAccount => body.virtual_account,
            Method::Transfer => body.transfer,
            Method::MobilePhone
            | Method::CultureGiftCertificate
            | Method::BookGiftCertificate
            | Method::GameGiftCertificate
            | Method::ForeignEasyPay => None,
        };
        let wishes = of_method.unwrap_or_default();
        // Documented: a shop that uses escrow names the products.
        let names_products = wishes.escrow_products.as_ref().is_some_and(|products| !products.is_empty());
        if self.method.is_cash() && wishes.use_escrow == Some(true) && !names_products {
            return Err(Code::InvalidRequiredParam);
        }
        let offer = self.offer(&wishes)?;
        let common = CommonBody {
            use_escrow: wishes.use_escrow,
            tax_exemption_amount: wishes.tax_exemption_amount,
            valid_hours: wishes.valid_hours,
            due_date: wishes.due_date,
            // The buyer says the number in the window.
            cash_receipt: None,
            ..body.common
        };
        let mut terms = common.terms(self.amount, now)?;
        terms.is_cultural = wishes.is_cultural_expenses == Some(true);
        terms.refund_account = wishes.refund_receive_account.map(refund_account).transpose()?;
        terms.card.use_point = wishes.use_card_point == Some(true);
        terms.card.issuer = wishes.card_company.as_deref().and_then(card_company).map(str::to_owned);
        terms.card.installment_months = offer.months.first().copied().unwrap_or(0);
        terms.easy_pay = offer.easy_pays.first().copied().unwrap_or_default();
        terms.foreign_easy_pay = foreign_easy_pay;
        Ok((terms, offer))
    }

    /// The window of foreign easy pays opens the one that the shop names.
    fn foreign_easy_pay(self, named: Option<ForeignEasyPayBody>) -> Result<Option<ForeignEasyPay>, Code> {
        if self.method != Method::ForeignEasyPay {
            return Ok(None);
        }
        let ForeignEasyPayBody { provider } = named.ok_or(Code::InvalidRequiredParam)?;
        ForeignEasyPay::named(&provider).map(Some).ok_or(Code::InvalidRequest)
    }

    fn offer(self, wishes: &MethodBody) -> Result<Offer, Code> {
        let mut offer = Offer::of(self.method, self.amount)?;
        offer.receipt = wishes.cash_receipt.as_ref().map_or(Ok(None), ReceiptBody::kind)?;
        offer.months = months(wishes.card_installment_plan, wishes.max_card_installment_plan, self.amount)?;
        let known_company = |named: &str| card_company(named).ok_or(Code::InvalidRequest);
        let company = wishes.card_company.as_deref().map(known_company).transpose()?;
        for plan in wishes.free_installment_plans.iter().flatten() {
            let months = plan.months.iter().map(|months| known_months(*months)).collect::<Result<_, _>>()?;
            offer.free_plans.push(FreePlan { company: known_company(&plan.company)?.to_owned(), months });
        }
        let known_wallet = |named: &str| EasyPay::named(named).ok_or(Code::InvalidRequest);
        let wallet = wishes.easy_pay.as_deref().map(known_wallet).transpose()?;
        match (wishes.flow_mode.unwrap_or_default(), wallet, company) {
            (FlowMode::Direct, Some(wallet), _) => {
                offer.methods = vec![Method::EasyPay];
                offer.easy_pays = vec![wallet];
            }
            (FlowMode::Direct, None, None) => return Err(Code::InvalidRequest),
            (FlowMode::Direct | FlowMode::Default, _, Some(_)) => {
                offer.methods = vec![Method::Card];
                offer.easy_pays.clear();
            }
            // Documented: the window of all cards does not look at the wallet.
            (FlowMode::Default, _, None) => {}
        }
        Ok(offer)
    }
}

fn refund_account(body: RefundAccountBody) -> Result<RefundAccount, Code> {
    let bank_code = bank_code(&body.bank_code).ok_or(Code::InvalidBank)?.to_owned();
    Ok(RefundAccount { bank_code, number: body.account_number, holder: body.holder_name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: Method, amount: u64, wishes: &str) -> Result<(Terms, Offer), Code> {
        WindowRequest { method, amount: Money::won(amount), wishes }.read(Instant::UNIX_EPOCH)
    }

    #[test]
    fn the_card_window_opens_as_the_shop_asks() {
        use Method::{Card, EasyPay as Wallet};
        for (wishes, methods, wallets) in [
            ("", vec![Card, Wallet], 9),
            (r#"{"card":{"easyPay":"KAKAOPAY"}}"#, vec![Card, Wallet], 9),
            (r#"{"card":{"flowMode":"DIRECT","easyPay":"카카오페이"}}"#, vec![Wallet], 1),
            (r#"{"card":{"flowMode":"DIRECT","cardCompany":"SHINHAN"}}"#, vec![Card], 0),
            (r#"{"card":{"cardCompany":"41"}}"#, vec![Card], 0),
        ] {
            let (_, offer) = read(Card, 50_000, wishes).unwrap();
            assert_eq!((offer.methods, offer.easy_pays.len()), (methods, wallets), "{wishes}");
        }
    }

    #[test]
    fn months_of_a_plan() {
        let all: Vec<u8> = std::iter::once(0).chain(2..=12).collect();
        for (amount, wishes, months) in [
            (50_000, "", Ok(all)),
            (49_999, "", Ok(vec![0])),
            (50_000, r#"{"card":{"maxCardInstallmentPlan":3}}"#, Ok(vec![0, 2, 3])),
            (50_000, r#"{"card":{"cardInstallmentPlan":"6"}}"#, Ok(vec![6])),
            (49_999, r#"{"card":{"cardInstallmentPlan":6}}"#, Err(Code::NotSupportedMonthlyInstallmentPlanBelowAmount)),
            (50_000, r#"{"card":{"cardInstallmentPlan":1}}"#, Err(Code::InvalidCardInstallmentPlan)),
            (50_000, r#"{"card":{"maxCardInstallmentPlan":13}}"#, Err(Code::InvalidCardInstallmentPlan)),
            (
                50_000,
                r#"{"card":{"cardInstallmentPlan":6,"maxCardInstallmentPlan":6}}"#,
                Err(Code::InvalidCardInstallmentPlan),
            ),
        ] {
            assert_eq!(read(Method::Card, amount, wishes).map(|(_, offer)| offer.months), months, "{wishes}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (method, wishes, code) in [
            (Method::Card, r#"{"card":{"flowMode":"DIRECT"}}"#, Code::InvalidRequest),
            (Method::Card, r#"{"card":{"cardCompany":"NOBODY"}}"#, Code::InvalidRequest),
            (Method::Card, r#"{"taxFreeAmount":1001}"#, Code::InvalidRequest),
            (Method::Card, r#"{"taxFreeAmount":0.5}"#, Code::InvalidRequest),
            (Method::Card, r#"{"metadata":{"a[0]":"x"}}"#, Code::InvalidRequest),
            (Method::Card, r#"{"customerEmail":"nobody"}"#, Code::InvalidEmail),
            (Method::Card, r#"{"customerMobilePhone":"010-1234-5678"}"#, Code::InvalidRequest),
            (Method::VirtualAccount, r#"{"virtualAccount":{"validHours":2161}}"#, Code::ExceedMaxValidHours),
            (
                Method::VirtualAccount,
                r#"{"virtualAccount":{"validHours":1,"dueDate":"1970-01-02T00:00:00"}}"#,
                Code::InvalidValidHoursWithDueDateAndSingle,
            ),
            (Method::Transfer, r#"{"transfer":{"cashReceipt":{"type":"영수증"}}}"#, Code::InvalidRequest),
            (Method::Transfer, r#"{"transfer":{"useEscrow":true}}"#, Code::InvalidRequiredParam),
            (
                Method::VirtualAccount,
                r#"{"virtualAccount":{"useEscrow":true,"escrowProducts":[]}}"#,
                Code::InvalidRequiredParam,
            ),
        ] {
            assert_eq!(read(method, 1_000, wishes).map(|_| ()), Err(code), "{wishes}");
        }
        let products = r#"{"transfer":{"useEscrow":true,"escrowProducts":[{"id":"1","unitPrice":1000,"quantity":1}]}}"#;
        assert!(read(Method::Transfer, 1_000, products).unwrap().0.use_escrow);
        // What belongs to another method is not looked at.
        assert!(read(Method::Card, 1_000, r#"{"virtualAccount":{"validHours":2161}}"#).is_ok());
    }
}
