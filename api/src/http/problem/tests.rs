use super::*;

#[test]
fn a_problem_names_its_type_its_request_and_its_fields() {
    let problem = Problem::of_fields(vec![FieldError {
        field: "payment_orders[0].amount".to_owned(),
        code: FieldCode::WrongType,
        detail: "must be a string".to_owned(),
    }]);
    insta::assert_json_snapshot!(problem.body("/v1/payments"), @r#"
    {
      "type": "https://daegeum.dev/problems/validation_failed",
      "title": "Some fields are not valid",
      "status": 422,
      "detail": "See `errors` for what is wrong with: payment_orders[0].amount.",
      "instance": "/v1/payments",
      "code": "validation_failed",
      "errors": [
        {
          "field": "payment_orders[0].amount",
          "code": "wrong_type",
          "detail": "must be a string"
        }
      ]
    }
    "#);
}

fn declined(code: &str, message: &str) -> Problem {
    let failure = Failure::new(code, message);
    Problem::declined(Some(failure), |code| code == "REJECT_CARD_COMPANY", Timestamp::from_epoch_ms(0))
        .about(Status::Failed)
}

#[test]
fn a_declined_payment_carries_the_words_of_the_psp() {
    let problem = declined("REJECT_CARD_COMPANY", "결제 승인이 거절되었습니다.");
    insta::assert_json_snapshot!(problem.body("/v1/payments/c-1/confirm"), @r#"
    {
      "type": "https://daegeum.dev/problems/payment_declined",
      "title": "The payment was declined",
      "status": 402,
      "detail": "결제 승인이 거절되었습니다.",
      "instance": "/v1/payments/c-1/confirm",
      "code": "payment_declined",
      "psp_code": "REJECT_CARD_COMPANY",
      "psp_message": "결제 승인이 거절되었습니다.",
      "checkout_status": "FAILED"
    }
    "#);
}

#[test]
fn a_closed_bank_says_when_to_come_back() {
    let at = |ms| Timestamp::from_epoch_ms(ms);
    let failure = Failure { retry_at: Some(at(90_001)), ..Failure::new("NOT_AVAILABLE_BANK", "은행 점검") };
    let after = |now| {
        let response = Problem::declined(Some(failure.clone()), |_| true, now).into_response();
        response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(after(at(0)).as_deref(), Some("91"));
    assert_eq!(after(at(90_001)), None);
}

#[test]
fn a_reason_of_ours_is_marked_as_ours() {
    let problem = declined("psp_amount_mismatch", "The payment provider captured another amount.");
    insta::assert_json_snapshot!(problem.body("/v1/payments/c-1/confirm"), @r#"
    {
      "type": "https://daegeum.dev/problems/payment_declined",
      "title": "The payment was declined",
      "status": 402,
      "detail": "The payment did not succeed, and no money is held.",
      "instance": "/v1/payments/c-1/confirm",
      "code": "payment_declined",
      "failure_code": "psp_amount_mismatch",
      "checkout_status": "FAILED"
    }
    "#);
}

#[test]
fn what_the_psp_says_of_our_keys_is_not_for_the_buyer() {
    let problem = declined("UNAUTHORIZED_KEY", "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.");
    let body = serde_json::to_value(problem.body("/")).unwrap();
    assert_eq!(body["status"], 402);
    assert!(body.get("psp_code").is_none() && body.get("failure_code").is_none(), "{body}");
    assert!(!body.to_string().contains("키"), "{body}");
}

#[test]
fn the_cause_is_not_told() {
    let problem = Problem::internal(&std::io::Error::other("the password is wrong"));
    assert_eq!(problem.cause(), Some("the password is wrong"));
    let body = serde_json::to_string(&problem.body("/")).unwrap();
    assert!(!body.contains("password"), "{body}");
}

#[test]
fn what_passes_says_when_to_try_again() {
    let response = Problem::new(Code::RequestInProgress, "").into_response();
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    assert!(!response.headers().contains_key(IDEMPOTENT_REPLAYED));
    let response = Problem::new(Code::CheckoutExists, "").replayed().into_response();
    assert_eq!(response.headers()[IDEMPOTENT_REPLAYED], "true");
    let response = Problem::unauthorized().into_response();
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
}
