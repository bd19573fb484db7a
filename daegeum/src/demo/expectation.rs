//! What the stories share: the buyers' deadline, and how an expectation and an amount are printed.

/// How long the buyers of the demo may take to pay: short, so that the one who walks away is seen to.
pub(super) const DEADLINE: std::time::Duration = std::time::Duration::from_secs(12);

/// Prints one expectation and whether it holds. Answers how many things are wrong: none or one.
pub(super) fn expect(holds: bool, what: impl std::fmt::Display) -> usize {
    println!("   {} {what}", if holds { "✓" } else { "✗" });
    usize::from(!holds)
}

/// An amount as people write it: `23000` becomes `₩23,000`.
pub(super) fn won(amount: &str) -> String {
    let mut text = String::new();
    for (index, digit) in amount.chars().enumerate() {
        if index > 0 && (amount.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("₩{text}")
}
