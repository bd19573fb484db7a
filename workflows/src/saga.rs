//! Steps that are undone when a later one fails.
//!
//! An undo is promised *before* its step, because a step of unknown outcome must be undone too. Undoing
//! means to *ensure that the effect is absent*: it is safe to repeat, and it runs also when the workflow
//! has been canceled.

/// The undos promised so far, newest last.
#[derive(Debug)]
#[must_use = "a saga ends in `keep` or in `into_undos`"]
pub struct Saga<Undo> {
    promised: Vec<Undo>,
}

/// Proof that an undo was promised. A step that takes money asks for it.
#[derive(Debug)]
pub struct Promised(());

impl<Undo> Saga<Undo> {
    /// A saga that has done nothing yet.
    pub const fn new() -> Self {
        Self { promised: Vec::new() }
    }

    /// Promises to run `undo` unless the saga is kept.
    pub fn promise(&mut self, undo: Undo) -> Promised {
        self.promised.push(undo);
        Promised(())
    }

    /// Everything went well, or nothing was done: no undo is needed any more.
    pub fn keep(self) {}

    /// The undos to run, newest first.
    pub fn into_undos(self) -> impl Iterator<Item = Undo> {
        self.promised.into_iter().rev()
    }
}

impl<Undo> Default for Saga<Undo> {
    fn default() -> Self {
        Self::new()
    }
}
