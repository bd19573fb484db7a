//! What the pages about requests for API keys say, in Korean and in English.

use store::KeyStanding;

use super::{
    key_times::{Lifetime, Overlap},
    words::words,
};
use crate::language::Language;

words! {
    /// What the pages about requests for API keys say besides.
    pub(super) KeyWords;
    requests: "키 요청", "Requests for keys";
    request: "키 요청", "Request for a key";
    ask: "새 키 요청", "Ask for a key";
    ask_hint: "다른 관리자가 승인하면 요청한 사람만 비밀 값을 한 번 볼 수 있습니다. ops와 finance 권한의 키는 daegeum keys 명령으로 만듭니다.",
        "Once another administrator approves, you see the secret once. Keys with `ops` or `finance` are made by \
         `daegeum keys`.";
    do_ask: "요청하기", "Ask for the key";
    purpose: "이름 (무엇에 쓰는지)", "Name: what the key is for";
    scope_read: "read: 조회", "read: look at payments, wallets and the books";
    scope_checkout: "checkout: 결제 생성·승인·취소", "checkout: create, confirm and cancel checkouts";
    scope_refund: "refund: 환불", "refund: give money back";
    seller: "판매자 (한 판매자의 자료만 보는 키일 때)", "Seller, for a key that reads one seller's data alone";
    refund_limit: "하루 환불 한도, 원 (없으면 설정의 한도)",
        "Limit of refunds in a day, in won; without it, the limit of the settings";
    lifetime: "유효 기간", "Lifetime";
    rotate: "키 교체", "Rotate";
    rotate_hint: "같은 권한의 새 키를 요청합니다. 새 키의 비밀 값을 본 때부터 옛 키는 고른 시간만큼 더 쓸 수 있고, 멱등 키는 함께 씁니다.",
        "Asks for a key with the same rights. The old key goes on for the chosen time after the new secret was shown. \
         Both share their idempotency keys.";
    overlap: "옛 키를 더 쓰는 시간", "How long the old key goes on";
    replaces: "교체할 키", "Replaces the key";
    choose: "선택", "Choose";
    requested_by: "요청한 사람", "Asked by";
    requested_at: "요청 일시", "Asked at";
    decided_by: "결정한 사람", "Decided by";
    shown: "비밀 값을 본 때", "Secret shown";
    approve: "승인", "Approve";
    approve_hint: "승인하면 요청한 사람이 하루 안에 비밀 값을 한 번 볼 수 있습니다. 이름, 권한, 기간을 확인하세요.",
        "The person who asked may see the secret once, within a day. Look at the name, the scopes and the lifetime.";
    do_approve: "승인 실행", "Approve now";
    reject: "반려", "Reject";
    reject_hint: "키를 만들지 않습니다. 필요하면 다시 요청합니다.", "No key is made. The person may ask again.";
    do_reject: "반려 실행", "Reject now";
    own_waits: "다른 관리자의 승인을 기다립니다. 7일이 지나면 요청이 끝납니다.",
        "The request waits for another administrator, for seven days at most.";
    own_approved: "승인되었습니다. 아래 단추를 누르면 키가 만들어지고 비밀 값이 한 번 보입니다. 옮겨 적을 준비가 되면 누르세요.",
        "The request is approved. The button makes the key and shows its secret once. Press it when you are ready to \
         store it.";
    of_another: "비밀 값은 요청한 사람에게만 보입니다.", "The secret is shown to the person who asked, and to nobody else.";
    show: "키를 만들고 비밀 값 보기", "Make the key and show its secret";
    secret_title: "API 키", "The API key";
    secret_hint: "이 화면에서만 보입니다. 지금 비밀 저장소에 옮기세요. 놓치면 키를 폐기하고 다시 요청합니다.",
        "The key is shown on this page and nowhere else. Store it now. If you miss it, revoke the key and ask for \
         another one.";
    asked: "요청했습니다. 다른 관리자의 승인을 기다립니다.", "The key is asked for. Another administrator has to approve.";
    approved: "승인했습니다. 요청한 사람이 비밀 값을 볼 수 있습니다.", "Approved. The person who asked can see the secret now.";
    rejected: "반려했습니다. 키를 만들지 않습니다.", "Rejected. No key is made.";
    wrong_name: "이름을 1자에서 60자로 적어 주세요.", "Give a name of 1 to 60 characters.";
    wrong_scopes: "권한을 하나 이상 고르세요. 판매자의 키는 read만, 환불 한도는 refund가 있어야 합니다.",
        "Choose a scope. A seller's key has `read` alone, and a limit of refunds needs `refund`.";
    wrong_time: "시간을 골라 주세요.", "Choose how long.";
    no_end: "끝 없음", "Without an end";
}

impl KeyWords {
    pub(super) const fn standing(&self, standing: KeyStanding) -> &'static str {
        match standing {
            KeyStanding::Waiting => self.pick("승인 대기", "Waits for approval"),
            KeyStanding::Approved => self.pick("승인됨", "Approved"),
            KeyStanding::Rejected => self.pick("반려됨", "Rejected"),
            KeyStanding::Expired => self.pick("기한 지남", "Expired"),
            KeyStanding::Shown => self.pick("키가 만들어짐", "Key made"),
        }
    }

    pub(super) const fn lifetime_of(&self, lifetime: Lifetime) -> &'static str {
        match lifetime {
            Lifetime::Days30 => self.pick("30일", "30 days"),
            Lifetime::Days90 => self.pick("90일", "90 days"),
            Lifetime::Year => self.pick("1년", "One year"),
            Lifetime::Endless => self.no_end,
        }
    }

    pub(super) const fn overlap_of(&self, overlap: Overlap) -> &'static str {
        match overlap {
            Overlap::None => self.pick("바로 끝냄", "It ends at once"),
            Overlap::Hour => self.pick("1시간", "One hour"),
            Overlap::Day => self.pick("하루", "One day"),
            Overlap::Week => self.pick("7일", "Seven days"),
        }
    }
}
