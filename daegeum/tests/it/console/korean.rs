//! Korean pages are Korean: what stands in Latin letters is a name, an id, or a word that Korean shops use.

use std::collections::BTreeSet;

use store::console::{Role, Roles};

use super::{
    access::{all_things, filled},
    refund_approvals::with_approvals,
    signed_in,
};
use crate::database::Kind;

/// Elements whose text is an id, a code, a name in the words of a machine, or English by its own word: what the checks
/// found is told as the command line tells it.
const OF_MACHINES: [&str; 5] = ["class=\"code\"", "class=\"quiet code\"", "<time", "<code", "lang=\"en\""];
/// Words that stand in Latin letters in Korean too: names, scopes, commands, codes.
const NAMES: &[&str] =
    &["daegeum", "Temporal", "finance", "ops", "keys", "ledger", "checkpoint", "reversed", "unreachable", "ms"];
/// What people typed.
const TYPED: &[&str] = &["asker", "shop", "a scratch", "an open dispute", "reports", "shop backend", "daegeum dev"];

/// The texts of a page that a person reads as sentences.
fn sentences(page: &str) -> Vec<String> {
    let main = page.split_once("<main").or_else(|| page.split_once("<body")).map_or(page, |(_, main)| main);
    let mut texts = Vec::new();
    for part in main.split('<').skip(1) {
        let Some((tag, text)) = part.split_once('>') else { continue };
        let of_machine = OF_MACHINES.iter().any(|mark| format!("<{tag}").contains(mark));
        let text = text.trim().trim_end_matches(" ·");
        let is_typed = TYPED.contains(&text) || text.ends_with("of the tests") || text.starts_with("the shop moves");
        if !of_machine && !is_typed && !text.is_empty() {
            texts.push(text.to_owned());
        }
    }
    texts
}

/// The English words of a text: Latin letters alone, some of them small.
fn english(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || "()[]{},;!?·'\"`".contains(letter));
    let is_english = |word: &&str| {
        let is_latin = word.bytes().all(|byte| byte.is_ascii_alphabetic());
        word.len() > 1 && is_latin && word.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    words.filter(is_english).filter(|word| !NAMES.contains(word)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn korean_pages_say_nothing_in_english() {
    let payers = with_approvals(Kind::Sqlite).await;
    let things = all_things(&payers).await;
    let admin = signed_in(&payers.dev, "kim", Role::Admin).await;
    let owner = signed_in(&payers.dev, "owner", Role::Seller).await;
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (role, person) in [(Role::Admin, &admin), (Role::Seller, &owner)] {
        let pages = |access: &&api::Access| access.method == "get" && access.needs.admits(Roles::only(role));
        for access in api::ACCESS.iter().filter(pages) {
            let page = person.read(&filled(access.path, &things), "ko").await;
            assert_eq!(page.status, 200, "{}: {}", access.path, page.text);
            for text in sentences(&page.text) {
                let words = english(&text);
                if !words.is_empty() {
                    found.insert(format!("{}: {words:?} in {text}", access.path));
                }
            }
        }
    }
    for (path, said) in [
        ("/console/payments/nothing-here", "그런 결제가 없습니다."),
        ("/console/nothing-here", "이 주소에는 아무것도 없습니다."),
        ("/console/payments/console-paid/cancel", "취소할 것이 없습니다. 이미 끝났거나 결제된 건입니다."),
    ] {
        let refused = admin.read(path, "ko").await.text;
        assert!(refused.contains(&format!("<p id=\"said\">{said}</p>")), "{path}: {refused}");
        found.extend(sentences(&refused).iter().flat_map(|text| english(text)));
    }
    assert!(found.is_empty(), "{found:#?}");
}
