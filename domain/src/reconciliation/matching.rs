//! Matching: which fact of the other side meets which expectation of ours.
//!
//! First by the exact key, then by group and amount where exactly one expectation and one fact are left. Two candidates
//! are ambiguous, and the machine never chooses. No subset is searched for that happens to add up.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

/// What our side expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The other side's key, where we know it.
    pub key: Option<String>,
    /// What it belongs to, such as a payment.
    pub group: String,
    /// How much, in minor units with a sign.
    pub amount: i64,
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The other side's key.
    pub key: String,
    /// What it belongs to.
    pub group: String,
    /// How much, in minor units with a sign.
    pub amount: i64,
}

/// What met what, by index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Expectation and fact.
    pub pairs: Vec<(usize, usize)>,
    /// Expectations and facts of one group and amount, more than one of either.
    pub ambiguous: Vec<(Vec<usize>, Vec<usize>)>,
    /// Expectations that no fact meets.
    pub missing: Vec<usize>,
    /// Facts that nobody expected.
    pub surplus: Vec<usize>,
}

/// What is left of one group and amount, by index.
#[derive(Debug, Default)]
struct Candidates {
    expectations: Vec<usize>,
    facts: Vec<usize>,
}

/// Matches expectations with facts.
pub fn match_all(expected: &[Expectation], facts: &[Fact]) -> Matching {
    let mut matching = Matching::default();
    let by_key: BTreeMap<&str, usize> = facts.iter().enumerate().map(|(at, fact)| (fact.key.as_str(), at)).collect();
    let (mut met, mut used) = (alloc::vec![false; expected.len()], alloc::vec![false; facts.len()]);
    for (index, expectation) in expected.iter().enumerate() {
        let Some(&at) = expectation.key.as_deref().and_then(|key| by_key.get(key)) else { continue };
        if !used[at] {
            (met[index], used[at]) = (true, true);
            matching.pairs.push((index, at));
        }
    }
    let mut open: BTreeMap<(&str, i64), Candidates> = BTreeMap::new();
    for (index, expectation) in expected.iter().enumerate().filter(|(index, _)| !met[*index]) {
        open.entry((&expectation.group, expectation.amount)).or_default().expectations.push(index);
    }
    for (at, fact) in facts.iter().enumerate().filter(|(at, _)| !used[*at]) {
        open.entry((&fact.group, fact.amount)).or_default().facts.push(at);
    }
    for Candidates { expectations, facts: candidates } in open.into_values() {
        match (&expectations[..], &candidates[..]) {
            ([index], [at]) => matching.pairs.push((*index, *at)),
            (_, []) => matching.missing.extend(expectations),
            ([], _) => matching.surplus.extend(candidates),
            _ => matching.ambiguous.push((expectations, candidates)),
        }
    }
    matching.missing.sort_unstable();
    matching.surplus.sort_unstable();
    matching
}
