use domain::{
    Timestamp,
    ledger::{Checkpoint, sequence_of},
    merkle::{Hash, LeafPlace, Tree, root_of_path},
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// The tree as RFC 6962 defines it, by recursion over all leaves.
fn root_by_definition(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => Sha256::digest([&[0], &leaf[..]].concat()).into(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Sha256::digest([&[1], &root_by_definition(left)[..], &root_by_definition(right)[..]].concat()).into()
        }
    }
}

fn path_by_definition(index: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return vec![];
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = if index < left.len() {
        (path_by_definition(index, left), right)
    } else {
        (path_by_definition(index - left.len(), right), left)
    };
    path.push(root_by_definition(other));
    path
}

/// The largest power of two below a size.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

fn leaves(size: usize) -> Vec<Vec<u8>> {
    (0..size).map(|index| format!("entry {index}").into_bytes()).collect()
}

fn tree(leaves: &[Vec<u8>], watched: usize) -> Tree {
    let mut tree = Tree::watching(watched as u64);
    leaves.iter().for_each(|leaf| tree.push(leaf));
    tree
}

fn hex(hash: Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Source: the test vectors of the Certificate Transparency log, merkletree/merkle_tree_test.cc.
#[test]
fn roots_are_those_of_certificate_transparency() {
    let leaves: [&[u8]; 8] = [
        &[],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::default();
    assert_eq!(hex(tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, root) in leaves.into_iter().zip(roots) {
        tree.push(leaf);
        assert_eq!(hex(tree.root()), root, "of {} leaves", tree.size());
    }
}

#[test]
fn every_entry_of_every_small_tree_is_proved_and_nothing_else() {
    for size in 1..=70 {
        let leaves = leaves(size);
        let root = root_by_definition(&leaves);
        for index in 0..size {
            let tree = tree(&leaves, index);
            let path = tree.path().unwrap();
            assert_eq!(tree.root(), root);
            assert_eq!(path, path_by_definition(index, &leaves));
            let place = LeafPlace { index: index as u64, size: size as u64 };
            assert_eq!(root_of_path(&leaves[index], place, &path), Some(root));
            assert_ne!(root_of_path(b"another entry", place, &path), Some(root));
            let others = [place.index ^ 1, (place.index + 2) % place.size];
            for other in others.into_iter().filter(|other| *other != place.index) {
                let elsewhere = LeafPlace { index: other, ..place };
                assert_ne!(root_of_path(&leaves[index], elsewhere, &path), Some(root), "{index} as {other}");
            }
        }
    }
}

#[test]
fn a_leaf_that_was_not_added_has_no_path() {
    assert_eq!(tree(&leaves(3), 3).path(), None);
    assert_eq!(tree(&leaves(3), 2).path().map(|path| path.len()), Some(1));
    assert_eq!(Tree::default().path(), None);
    assert_eq!(root_of_path(b"", LeafPlace { index: 0, size: 0 }, &[]), None);
    assert_eq!(root_of_path(b"", LeafPlace { index: 1, size: 1 }, &[]), None);
}

proptest! {
    #[test]
    fn a_path_with_anything_changed_leads_elsewhere(
        size in 1_usize..=70, index in any::<prop::sample::Index>(), step in any::<prop::sample::Index>(),
        bit in 0..256_usize,
    ) {
        let (leaves, index) = (leaves(size), index.index(size));
        let tree = tree(&leaves, index);
        let (root, path) = (tree.root(), tree.path().unwrap());
        let place = LeafPlace { index: index as u64, size: size as u64 };
        let leads_to = |path: &[Hash]| root_of_path(&leaves[index], place, path);
        prop_assert_eq!(leads_to(&path), Some(root));
        prop_assert_eq!(leads_to(&[&path[..], &[root]].concat()), None);
        if path.is_empty() {
            return Ok(());
        }
        let step = step.index(path.len());
        let mut changed = path.clone();
        changed[step][bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(leads_to(&changed), Some(root));
        let mut shorter = path.clone();
        shorter.remove(step);
        prop_assert_ne!(leads_to(&shorter), Some(root));
    }
}

#[test]
fn a_checkpoint_has_one_text() {
    let checkpoint = Checkpoint {
        sequence: 7,
        head: "a".repeat(64),
        root: "b".repeat(64),
        at: Timestamp::from_epoch_ms(1_700_000_000_123),
        key_id: "0123456789abcdef".to_owned(),
    };
    let expected = format!(
        "daegeum-checkpoint 1\nsequence 1:7\nhead 64:{}\nroot 64:{}\nat 13:1700000000123\nkey 16:0123456789abcdef\n",
        "a".repeat(64),
        "b".repeat(64)
    );
    assert_eq!(checkpoint.canonical(), expected);
}

#[test]
fn the_number_of_an_entry_is_read_from_its_text_and_from_no_other() {
    assert_eq!(sequence_of("daegeum-entry 1\nsequence 2:17\nprevious …"), Some(17));
    for wrong in [
        "",
        "daegeum-entry 2\nsequence 2:17\n",
        "daegeum-entry 1\nsequence 1:17\n",
        "daegeum-entry 1\nsequence 3:+17\n",
    ] {
        assert_eq!(sequence_of(wrong), None, "{wrong:?}");
    }
}
