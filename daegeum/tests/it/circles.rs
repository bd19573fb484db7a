//! No file of a room uses another that uses it: a room is read from one end to the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The rooms without a circle. A room that loses its last circle is added.
const ROOMS: [&str; 3] = ["api", "service", "web"];

/// The modules of a room, and the modules that each uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_file_uses_another_that_uses_it() {
    for room in ROOMS {
        let mut texts = BTreeMap::new();
        read(&Path::new(ROOT).join(room).join("src"), "", &mut texts);
        assert!(texts.len() > 5, "{room}: {texts:?}");
        let circle = circle(&graph(&texts));
        assert!(circle.is_empty(), "a circle in {room}: {circle:?}");
    }
}

#[test]
fn a_circle_is_found() {
    let texts =
        |uses: &[(&str, &str)]| uses.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let straight = texts(&[("a", "use crate::{b::X, c};"), ("b", "use crate::c::{Y, Z};"), ("c", "")]);
    assert_eq!(circle(&graph(&straight)), BTreeSet::new());
    let around = texts(&[("a", "use crate::b::{c::X, d};"), ("b", ""), ("b::c", "super::super::a::f()"), ("b::d", "")]);
    assert_eq!(circle(&graph(&around)), BTreeSet::from(["a".to_owned(), "b::c".to_owned()]));
    let below = texts(&[("a", "pub use b::X;"), ("a::b", "use super::Y;")]);
    assert_eq!(circle(&graph(&below)).len(), 2);
}

fn read(directory: &Path, module: &str, texts: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let name = if module.is_empty() { stem.clone() } else { format!("{module}::{stem}") };
        if path.is_dir() {
            read(&path, &name, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "tests" && name != "lib" {
            let text = std::fs::read_to_string(&path).unwrap();
            texts.insert(name, without_tests_and_comments(&text));
        }
    }
}

fn without_tests_and_comments(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn graph(texts: &BTreeMap<String, String>) -> Graph {
    let used = |name: &String, text: &String| -> BTreeSet<String> {
        let paths = ["crate::", "super::"].into_iter().flat_map(|start| paths_after(text, start));
        let whole =
            paths.filter_map(|(start, path)| if start == "crate::" { Some(path) } else { absolute(name, &path) });
        let below =
            text.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("use ")?.split("::").next());
        let below = below.map(|child| format!("{name}::{child}")).filter(|child| texts.contains_key(child));
        whole.filter_map(|path| module_of(&path, texts)).chain(below).filter(|module| module != name).collect()
    };
    texts.iter().map(|(name, text)| (name.clone(), used(name, text))).collect()
}

/// Every path that follows a keyword; a tree of uses is as many paths as it has leaves.
fn paths_after<'a>(text: &str, start: &'a str) -> Vec<(&'a str, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(start) {
        let is_inside =
            text[..at].ends_with("::") || text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !is_inside {
            leaves("", &mut text[at + start.len()..].chars().peekable(), &mut found);
        }
    }
    found.into_iter().map(|path| (start, path)).collect()
}

fn leaves(prefix: &str, rest: &mut std::iter::Peekable<std::str::Chars<'_>>, found: &mut Vec<String>) {
    let mut path = prefix.to_owned();
    loop {
        match rest.peek() {
            Some(c) if c.is_ascii_alphanumeric() || *c == '_' || *c == ':' => path.push(rest.next().unwrap()),
            Some('{') if path.ends_with("::") || path.is_empty() => {
                rest.next();
                while !matches!(rest.peek(), None | Some('}')) {
                    if rest.peek().is_some_and(|c| c.is_whitespace() || *c == ',') {
                        rest.next();
                    } else {
                        leaves(&path, rest, found);
                        // A renamed leaf: `x as y`.
                        while rest.peek().is_some_and(|c| !matches!(c, ',' | '}')) {
                            rest.next();
                        }
                    }
                }
                rest.next();
                return;
            }
            _ => break,
        }
    }
    found.push(path);
}

/// A path that begins at the parent of a module, from the root of the crate.
fn absolute(module: &str, path: &str) -> Option<String> {
    let (mut base, mut path) = (module.rsplit_once("::").map_or("", |(parent, _)| parent), path);
    while let Some(rest) = path.strip_prefix("super::") {
        (base, path) = (base.rsplit_once("::").map_or("", |(parent, _)| parent), rest);
    }
    Some(if base.is_empty() { path.to_owned() } else { format!("{base}::{path}") })
}

/// The module that a path leads into: the longest beginning of the path that is one.
fn module_of(path: &str, texts: &BTreeMap<String, String>) -> Option<String> {
    let mut path = path;
    loop {
        if texts.contains_key(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// The modules that reach themselves.
fn circle(graph: &Graph) -> BTreeSet<String> {
    let reaches = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for next in graph.get(module).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        seen
    };
    graph.keys().filter(|module| reaches(module).contains(*module)).cloned().collect()
}
