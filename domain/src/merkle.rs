//! Merkle trees over the books: one hash for all entries, and a short proof that an entry is among them.
//!
//! Source: RFC 6962 "Certificate Transparency", section 2.1; checking a path as in RFC 9162, section 2.1.3.2.
//! The hash is SHA-256. A leaf and a node are hashed differently, so no node can pass for an entry.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The longest path: a tree has fewer than 2^64 leaves.
pub const MAX_PATH: usize = 64;

/// A tree that grows leaf by leaf. It remembers a hash for each bit that is set in its size, not its leaves, so
/// trees of millions fit in a kilobyte. Which leaf's path will be asked for has to be said beforehand.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    /// Whole subtrees, from the left and the largest to the right and the smallest.
    peaks: Vec<Subtree>,
    watched: Option<u64>,
    path: Vec<Hash>,
}

#[derive(Debug, Clone, Copy)]
struct Subtree {
    leaves: u64,
    hash: Hash,
    /// Whether the watched leaf is in it.
    watched: bool,
}

/// All subtrees in one.
#[derive(Debug, Clone)]
struct Folded {
    root: Hash,
    path: Vec<Hash>,
}

/// The place of a leaf in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafPlace {
    /// How many leaves are left of it.
    pub index: u64,
    /// How many leaves the tree has.
    pub size: u64,
}

impl Tree {
    /// An empty tree that remembers the path of the leaf at `index`, counted from 0.
    pub fn watching(index: u64) -> Self {
        Self { watched: Some(index), ..Self::default() }
    }

    /// How many leaves it has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf on the right.
    pub fn push(&mut self, leaf: &[u8]) {
        let watched = self.watched == Some(self.size);
        let mut right = Subtree { leaves: 1, hash: leaf_hash(leaf), watched };
        while let Some(left) = self.peaks.pop_if(|left| left.leaves == right.leaves) {
            right = join(left, right, &mut self.path);
        }
        self.peaks.push(right);
        self.size += 1;
    }

    /// The root: what stands for all leaves in their order. Of no leaves it is the hash of nothing.
    pub fn root(&self) -> Hash {
        self.folded().root
    }

    /// The path from the watched leaf to the root; `None` when that leaf was not added.
    pub fn path(&self) -> Option<Vec<Hash>> {
        self.watched.filter(|index| *index < self.size).map(|_| self.folded().path)
    }

    fn folded(&self) -> Folded {
        let mut path = self.path.clone();
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(first) = peaks.next() else {
            return Folded { root: Sha256::digest([]).into(), path };
        };
        let whole = peaks.fold(first, |right, left| join(left, right, &mut path));
        Folded { root: whole.hash, path }
    }
}

/// Two neighbours become one; where one holds the watched leaf, the other is a step of its path.
fn join(left: Subtree, right: Subtree, path: &mut Vec<Hash>) -> Subtree {
    if left.watched {
        path.push(right.hash);
    } else if right.watched {
        path.push(left.hash);
    }
    Subtree {
        leaves: left.leaves + right.leaves,
        hash: node_hash(&left.hash, &right.hash),
        watched: left.watched || right.watched,
    }
}

/// The root that a path leads to from a leaf at a place. `None` when a path of this length belongs to no such place.
pub fn root_of_path(leaf: &[u8], place: LeafPlace, path: &[Hash]) -> Option<Hash> {
    let LeafPlace { index, size } = place;
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf_hash(leaf);
    for step in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(step, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}
