//! Visits every state that a model can come to, and tells how the first wrong one was reached.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// More states than a model has; one that outgrows it has to be looked at.
const MOST_STATES: usize = 3_000_000;

/// What happens, and what comes of it.
pub(super) type Moves<M> = Vec<(&'static str, M)>;

/// One state of something that goes on.
pub(super) trait Model: Sized {
    /// The state as few bytes: what makes two of them the same.
    type Key: Eq + Hash;

    /// Where it begins.
    fn first() -> Self;

    fn key(&self) -> Self::Key;

    /// Everything that can happen next.
    fn moves(&self) -> Moves<Self>;

    /// What is never allowed, if this state is that.
    fn wrong(&self) -> Option<&'static str>;

    /// Whether it is over.
    fn is_over(&self) -> bool;

    /// Whether time has stopped here because the model is bounded, so that no end may be reached from here.
    fn is_out_of_time(&self) -> bool;

    /// The state in a word or two.
    fn told(&self) -> String;
}

/// All states, how each was reached, and which follow it.
pub(super) struct Explored<M: Model> {
    pub(super) states: Vec<M>,
    numbers: HashMap<M::Key, usize>,
    from: Vec<(usize, &'static str)>,
    next: Vec<Vec<usize>>,
}

impl<M: Model> Explored<M> {
    /// Visits all. Panics with the shortest story that leads to a wrong state, or to one from which no end can be
    /// reached.
    pub(super) fn all() -> Self {
        let mut explored = Self { states: Vec::new(), numbers: HashMap::new(), from: Vec::new(), next: Vec::new() };
        explored.add(M::first(), (0, "it begins"));
        let mut left = VecDeque::from([0]);
        while let Some(number) = left.pop_front() {
            if let Some(what) = explored.states[number].wrong() {
                panic!("{what}:\n{}", explored.story(number));
            }
            for (label, state) in explored.states[number].moves() {
                let (next, is_new) = explored.add(state, (number, label));
                explored.next[number].push(next);
                if is_new {
                    left.push_back(next);
                }
            }
            assert!(explored.states.len() < MOST_STATES, "the model has outgrown its bounds");
        }
        if let Some(dead_end) = explored.dead_ends().first() {
            panic!("no end can be reached any more:\n{}", explored.story(*dead_end));
        }
        let steps: usize = explored.next.iter().map(Vec::len).sum();
        let ends = explored.states.iter().filter(|state| state.is_over()).count();
        println!("{} states, {steps} steps between them, {ends} of them ends", explored.states.len());
        explored
    }

    fn add(&mut self, state: M, from: (usize, &'static str)) -> (usize, bool) {
        let next = self.states.len();
        let number = *self.numbers.entry(state.key()).or_insert(next);
        if number == next {
            self.states.push(state);
            self.from.push(from);
            self.next.push(Vec::new());
        }
        (number, number == next)
    }

    /// How a state was reached, step by step.
    fn story(&self, mut number: usize) -> String {
        let mut lines = Vec::new();
        while number != 0 {
            let (before, label) = self.from[number];
            lines.push(format!("  {label}: {}", self.states[number].told()));
            number = before;
        }
        lines.reverse();
        lines.join("\n")
    }

    /// The states from which no end can be reached, though time may still pass.
    fn dead_ends(&self) -> Vec<usize> {
        let mut before = vec![Vec::new(); self.states.len()];
        for (number, next) in self.next.iter().enumerate() {
            for next in next {
                before[*next].push(number);
            }
        }
        let mut left: VecDeque<_> = (0..self.states.len()).filter(|number| self.states[*number].is_over()).collect();
        let mut ends = vec![false; self.states.len()];
        left.iter().for_each(|number| ends[*number] = true);
        while let Some(number) = left.pop_front() {
            for before in &before[number] {
                if !std::mem::replace(&mut ends[*before], true) {
                    left.push_back(*before);
                }
            }
        }
        let is_dead = |number: &usize| !ends[*number] && !self.states[*number].is_out_of_time();
        (0..self.states.len()).filter(is_dead).collect()
    }
}
