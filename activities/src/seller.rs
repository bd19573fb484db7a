//! Registrations of sellers at the PSP, and holds on their money.
//!
//! The details of a seller are read and opened here, when they are sent; no history and no log holds them.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::sync::Arc;

use domain::{
    failure::Failure,
    id::{PspSellerId, RefSellerId},
    inquiry::Doubt,
    payout::PaidBy,
    seller::{Approval, BusinessType, Contact},
};
use futures::{StreamExt as _, pin_mut};
use serde_json::{Map, Value};
use store::{Keyring, SellerToSend, Writer};
use temporalio_macros::activities;
use temporalio_sdk::{
    ApplicationFailure,
    activities::{ActivityContext, ActivityError},
};
use toss::{AccountDetails, CompanyDetails, IndividualDetails, SellerDetails, SellerRequest, SellerStatus};
use workflows::ports::{
    AccountChecked, ChangeSeller, CheckAccount, CheckSellerAccount, DeleteSeller, HoldAnswer, LiftHold, LiftSellerHold,
    LookUpSeller, PlaceHold, PlaceSellerHold, ReadSeller, RecordSeller, RegisterSeller, RegistrationChange,
    RegistrationState, SellerAnswer, SellerName, SellerQuestion, SellerReport, SellerSending,
};

use crate::{
    failure::{PspErrorClass, classify, store_failure, try_again},
    psp::idempotency_key,
};

/// The PSP has had a seller of that name. Source: Toss, payouts.
const ALREADY_REGISTERED: &str = "ALREADY_EXIST_SUBMALL";
/// The PSP has no such seller. Source: Toss, payouts.
const NOT_REGISTERED: &str = "NOT_FOUND_SUBMALL";
/// What the PSP says of a bank account that it does not take. Source: Toss, payouts.
const ACCOUNT_CODES: [&str; 4] =
    ["ACCOUNT_OWNER_CHECK_FAILED", "INVALID_ACCOUNT_NUMBER", "INVALID_BANK", "NOT_MATCH_PAYEE_NAME"];
/// How many digits the PSP's users send of a bank's code, where its documents show two.
const BANK_CODE_DIGITS: usize = 3;

/// The activities of sellers.
#[derive(Debug, Clone)]
pub struct Sellers {
    /// Where they are written.
    pub writer: Writer,
    /// The way to the PSP.
    pub toss: toss::Client,
    /// The keys under which their details are sealed.
    pub keyring: Option<Arc<Keyring>>,
    /// The way on which the next run pays: sellers who are paid by bank file are not registered.
    pub paid_by: PaidBy,
}

#[activities]
impl Sellers {
    /// Reads what the registration rests on.
    #[activity(definition = ReadSeller)]
    pub async fn read(
        self: Arc<Self>,
        _ctx: ActivityContext,
        name: SellerName,
    ) -> Result<RegistrationState, ActivityError> {
        if self.paid_by == PaidBy::BankFile {
            return Ok(RegistrationState { seller: name.seller, wanted: None, last: None });
        }
        self.writer.registration_state(&name.seller).await.map_err(store_failure)
    }

    /// Registers a seller. One that may be there is looked for first.
    #[activity(definition = RegisterSeller)]
    pub async fn register(
        self: Arc<Self>,
        ctx: ActivityContext,
        sending: SellerSending,
    ) -> Result<SellerAnswer, ActivityError> {
        let Some(seller) = self.current(&sending).await? else { return Ok(SellerAnswer::Outdated) };
        let may_be_there = sending.is_repeated || ctx.info().attempt > 1;
        if may_be_there && let Some(found) = self.find(&sending.ref_seller_id).await? {
            return Ok(found);
        }
        let key = idempotency_key(&sending.idempotency_key)?;
        let request = SellerRequest {
            ref_seller_id: sending.ref_seller_id.to_string(),
            business_type: to_toss_business(seller.wanted.business_type),
            details: to_toss_details(&seller),
        };
        match self.toss.register_seller(&request, &key).await {
            Ok(answer) => taken(&answer, Some(&sending.ref_seller_id)),
            Err(error) => self.not_registered(&sending.ref_seller_id, error).await,
        }
    }

    /// Sends the details as they are now. To send them twice changes nothing at the PSP.
    #[activity(definition = ChangeSeller)]
    pub async fn change(
        self: Arc<Self>,
        _ctx: ActivityContext,
        sending: SellerSending,
    ) -> Result<SellerAnswer, ActivityError> {
        let Some(seller) = self.current(&sending).await? else { return Ok(SellerAnswer::Outdated) };
        let Some(id) = &sending.psp_seller_id else { return Ok(SellerAnswer::Outdated) };
        let key = idempotency_key(&sending.idempotency_key)?;
        match self.toss.update_seller(id.as_str(), &to_toss_details(&seller), &key).await {
            Ok(answer) => taken(&answer, None),
            Err(error) if code_of(&error) == Some(NOT_REGISTERED) => Ok(SellerAnswer::Gone),
            Err(error) => not_taken(error),
        }
    }

    /// Asks how far a seller is.
    #[activity(definition = LookUpSeller)]
    pub async fn look_up(
        self: Arc<Self>,
        _ctx: ActivityContext,
        question: SellerQuestion,
    ) -> Result<SellerReport, ActivityError> {
        match self.toss.seller(question.psp_seller_id.as_str()).await {
            Ok(seller) => Ok(SellerReport::Known(approval(&seller.status))),
            Err(error) if code_of(&error) == Some(NOT_REGISTERED) => Ok(SellerReport::Gone),
            Err(error) => Err(try_again(error)),
        }
    }

    /// Deletes a registration. One that is gone already is gone.
    #[activity(definition = DeleteSeller)]
    pub async fn delete(self: Arc<Self>, _ctx: ActivityContext, question: SellerQuestion) -> Result<(), ActivityError> {
        match self.toss.delete_seller(question.psp_seller_id.as_str()).await {
            Ok(()) => Ok(()),
            Err(error) if code_of(&error) == Some(NOT_REGISTERED) => Ok(()),
            Err(error) => Err(try_again(error)),
        }
    }

    /// Writes what happened to a registration.
    #[activity(definition = RecordSeller)]
    pub async fn record(
        self: Arc<Self>,
        _ctx: ActivityContext,
        change: RegistrationChange,
    ) -> Result<(), ActivityError> {
        self.writer.change_registration(&change).await.map_err(store_failure)
    }

    /// Writes that a principal calls a bank account verified.
    #[activity(definition = CheckSellerAccount)]
    pub async fn check_account(
        self: Arc<Self>,
        _ctx: ActivityContext,
        checked: CheckAccount,
    ) -> Result<AccountChecked, ActivityError> {
        self.writer.check_seller_account(&checked.check, checked.at).await.map_err(store_failure)
    }

    /// Holds an amount back. The hold's id is the key.
    #[activity(definition = PlaceSellerHold)]
    pub async fn place_hold(
        self: Arc<Self>,
        _ctx: ActivityContext,
        placed: PlaceHold,
    ) -> Result<HoldAnswer, ActivityError> {
        self.writer.hold_of_seller(&placed.hold, placed.at).await.map_err(store_failure)
    }

    /// Gives an amount free again. The hold's id is the key.
    #[activity(definition = LiftSellerHold)]
    pub async fn lift_hold(
        self: Arc<Self>,
        _ctx: ActivityContext,
        lifted: LiftHold,
    ) -> Result<HoldAnswer, ActivityError> {
        self.writer.free_of_seller(&lifted.hold, lifted.at).await.map_err(store_failure)
    }
}

impl Sellers {
    /// The details, if they are still those that are to be sent.
    async fn current(&self, sending: &SellerSending) -> Result<Option<SellerToSend>, ActivityError> {
        let Some(keys) = &self.keyring else {
            return Err(unclear("no encryption keys are set, under which the details are sealed"));
        };
        let seller = self.writer.seller_to_send(&sending.seller, keys).await.map_err(store_failure)?;
        Ok(seller.filter(|seller| seller.wanted == sending.wanted))
    }

    /// Looks for a registration by our name for it.
    async fn find(&self, name: &RefSellerId) -> Result<Option<SellerAnswer>, ActivityError> {
        let sellers = self.toss.sellers();
        pin_mut!(sellers);
        while let Some(seller) = sellers.next().await {
            let seller = seller.map_err(try_again)?;
            if seller.ref_seller_id.as_deref() != Some(name.as_str()) {
                continue;
            }
            let business_type = seller.business_type.as_ref().and_then(of_toss_business);
            let Some(business_type) = business_type else {
                return Err(unclear("the PSP named a kind of business that we do not know"));
            };
            let psp_seller_id = psp_id(&seller.id)?;
            return Ok(Some(SellerAnswer::Found { psp_seller_id, approval: approval(&seller.status), business_type }));
        }
        Ok(None)
    }

    /// What an error says of a registration. Only a refusal of one that is not there is a refusal.
    async fn not_registered(&self, name: &RefSellerId, error: toss::Error) -> Result<SellerAnswer, ActivityError> {
        let class = classify(&error);
        if class == PspErrorClass::TryAgain {
            return Err(try_again(error));
        }
        if let Some(found) = self.find(name).await? {
            return Ok(found);
        }
        // The name was used, and its registration is deleted: it is never taken again.
        if code_of(&error) == Some(ALREADY_REGISTERED) {
            return Ok(SellerAnswer::Gone);
        }
        not_taken(error)
    }
}

/// The seller that a webhook is about; nothing where it is about something else. It is a hint: anybody can send one.
pub fn read_webhook(body: &[u8]) -> Option<PspSellerId> {
    let Ok(toss::webhook::Webhook::SellerChanged(entity)) = toss::webhook::parse(body) else { return None };
    PspSellerId::parse(entity.seller().ok()?.id).ok()
}

/// What an error says of details that were sent, where the PSP holds nothing new.
fn not_taken(error: toss::Error) -> Result<SellerAnswer, ActivityError> {
    match classify(&error) {
        PspErrorClass::Refused(failure) | PspErrorClass::NotOurs(failure) => {
            let is_about_account = ACCOUNT_CODES.contains(&failure.code.as_str());
            // The PSP's message may quote what was sent.
            Ok(SellerAnswer::Refused { failure: Failure { message: String::new(), ..failure }, is_about_account })
        }
        PspErrorClass::TryAgain => Err(try_again(error)),
        // An answer is bound to the key: under the same key it would come again.
        PspErrorClass::Ask(Doubt { answered: true, locked_out: false, .. }) => Ok(SellerAnswer::Again),
        PspErrorClass::Ask(_) => Err(try_again(error)),
    }
}

fn taken(seller: &toss::Seller, name: Option<&RefSellerId>) -> Result<SellerAnswer, ActivityError> {
    let is_another = name.is_some_and(|name| seller.ref_seller_id.as_deref().is_some_and(|told| told != name.as_str()));
    if is_another {
        return Err(unclear("the PSP answered about another seller"));
    }
    Ok(SellerAnswer::Taken { psp_seller_id: psp_id(&seller.id)?, approval: approval(&seller.status) })
}

fn psp_id(text: &str) -> Result<PspSellerId, ActivityError> {
    PspSellerId::parse(text).map_err(|_| unclear("the PSP named a seller that we cannot name"))
}

/// A failure that is tried again: nothing is decided by what cannot be read.
fn unclear(evidence: &'static str) -> ActivityError {
    ActivityError::application(
        ApplicationFailure::builder(evidence.to_owned()).type_name("psp.try_again".to_owned()).build(),
    )
}

fn code_of(error: &toss::Error) -> Option<&str> {
    match error {
        toss::Error::Refused { code, .. } => Some(code),
        toss::Error::NotSent { .. }
        | toss::Error::NoAnswer { .. }
        | toss::Error::Unreadable { .. }
        | toss::Error::Limit(_) => None,
    }
}

/// How far a seller is. Of a status that we do not know, nothing may be paid.
fn approval(status: &SellerStatus) -> Approval {
    match status {
        SellerStatus::ApprovalRequired => Approval::Pending,
        SellerStatus::PartiallyApproved => Approval::Limited,
        SellerStatus::KycRequired => Approval::KycRequired,
        SellerStatus::Approved => Approval::Approved,
        SellerStatus::Other(_) => {
            tracing::warn!("the PSP named a status of a seller that we do not know; nothing is paid to the seller");
            Approval::Pending
        }
    }
}

const fn to_toss_business(kind: BusinessType) -> toss::BusinessType {
    match kind {
        BusinessType::Individual => toss::BusinessType::Individual,
        BusinessType::IndividualBusiness => toss::BusinessType::IndividualBusiness,
        BusinessType::Corporate => toss::BusinessType::Corporate,
    }
}

const fn of_toss_business(kind: &toss::BusinessType) -> Option<BusinessType> {
    match kind {
        toss::BusinessType::Individual => Some(BusinessType::Individual),
        toss::BusinessType::IndividualBusiness => Some(BusinessType::IndividualBusiness),
        toss::BusinessType::Corporate => Some(BusinessType::Corporate),
        toss::BusinessType::Other(_) => None,
    }
}

fn to_toss_details(seller: &SellerToSend) -> SellerDetails {
    let SellerToSend { wanted, name, details, metadata } = seller;
    let (company, individual) = match wanted.business_type {
        BusinessType::Individual => (None, Some(individual(name, &details.contact))),
        BusinessType::IndividualBusiness | BusinessType::Corporate => (Some(company(name, &details.contact)), None),
    };
    let account = AccountDetails {
        bank_code: bank_code(details.account.bank_code()),
        account_number: details.account.account_number().to_owned().into(),
        holder_name: details.account.holder_name().to_owned().into(),
    };
    let metadata: Map<String, Value> =
        metadata.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    SellerDetails { company, individual, account: Some(account), metadata: Some(metadata.into()) }
}

fn company(name: &str, contact: &Contact) -> CompanyDetails {
    CompanyDetails {
        name: name.to_owned(),
        representative_name: contact.representative_name().unwrap_or_default().to_owned().into(),
        business_registration_number: contact.business_registration_number().unwrap_or_default().to_owned(),
        email: contact.email().to_owned().into(),
        phone: contact.phone().to_owned().into(),
    }
}

fn individual(name: &str, contact: &Contact) -> IndividualDetails {
    IndividualDetails {
        name: name.to_owned().into(),
        email: contact.email().to_owned().into(),
        phone: contact.phone().to_owned().into(),
    }
}

/// A bank's code as the PSP's users send it.
fn bank_code(code: &str) -> String {
    if code.bytes().all(|byte| byte.is_ascii_digit()) { format!("{code:0>BANK_CODE_DIGITS$}") } else { code.to_owned() }
}
