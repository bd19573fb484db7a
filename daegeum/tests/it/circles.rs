//! No file of a room uses another that uses it: a room is read from one end to the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The root of a crate, which shows names of the modules and is in no circle.
const ROOT_MODULE: &str = "lib";

/// The modules of a room, and the modules that each uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_file_uses_another_that_uses_it() {
    let rooms = std::fs::read_dir(ROOT).unwrap().map(|entry| entry.unwrap().path());
    let rooms: Vec<PathBuf> = rooms.filter(|room| room.join("Cargo.toml").exists()).collect();
    assert!(rooms.len() > 10, "{rooms:?}");
    let mut circles = BTreeMap::new();
    for room in rooms {
        let mut texts = BTreeMap::new();
        read(&room.join("src"), "", &mut texts);
        assert!(!texts.is_empty(), "no file of {} was found", room.display());
        let circle = circle(&graph(&texts));
        if !circle.is_empty() {
            circles.insert(room, circle);
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_is_found() {
    let texts =
        |uses: &[(&str, &str)]| uses.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let straight = texts(&[("a", "use crate::{b::X, c};"), ("b", "use crate::c::{Y, Z};"), ("c", "")]);
    assert_eq!(circle(&graph(&straight)), BTreeSet::new());
    let around = texts(&[("a", "use crate::b::{c::X, d};"), ("b", ""), ("b::c", "super::super::a::f()"), ("b::d", "")]);
    assert_eq!(circle(&graph(&around)), BTreeSet::from(["a".to_owned(), "b::c".to_owned()]));
    for uses in ["use b::X;", "b::x()"] {
        let below = texts(&[("a", uses), ("a::b", "use super::Y;")]);
        assert_eq!(circle(&graph(&below)).len(), 2, "{uses}");
    }
    let shows = texts(&[("a", "pub use b::{X};"), ("a::b", "use super::Y;")]);
    assert_eq!(circle(&graph(&shows)), BTreeSet::new());
    let through = texts(&[("lib", "pub use a::X;"), ("a", "pub use b::X;"), ("a::b", "crate::c"), ("c", "crate::X")]);
    assert_eq!(circle(&graph(&through)), BTreeSet::from(["a::b".to_owned(), "c".to_owned()]));
}

fn read(directory: &Path, module: &str, texts: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let name = if module.is_empty() { stem.clone() } else { format!("{module}::{stem}") };
        if path.is_dir() {
            read(&path, &name, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "tests" {
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
    let shown: BTreeMap<String, String> = texts.iter().flat_map(|(name, text)| shown(name, text, texts)).collect();
    let used = |name: &String, text: &String| -> BTreeSet<String> {
        let paths = paths_of(name, &without_shown(text), texts);
        paths.iter().filter_map(|path| module_of(path, texts, &shown)).filter(|module| module != name).collect()
    };
    let modules = texts.iter().filter(|(name, _)| *name != ROOT_MODULE);
    modules.map(|(name, text)| (name.clone(), used(name, text))).collect()
}

/// The names that a module shows although they are of another, and where each is: `checkout::List` is
/// `checkout::list::List`.
fn shown(module: &str, text: &str, texts: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let statements = shows(text).map(|(start, end)| text[start..end].split_once("use ").map_or("", |(_, rest)| rest));
    let paths = statements.flat_map(|statement| {
        if statement.starts_with("crate::") || statement.starts_with("super::") {
            return paths_of(module, statement, texts);
        }
        let mut paths = Vec::new();
        leaves("", &mut statement.chars().peekable(), &mut paths);
        paths.into_iter().map(|path| inside(module, &path)).collect()
    });
    let named = paths.filter_map(|path| Some((inside(module, path.rsplit_once("::")?.1), path)));
    named.filter(|(name, path)| name != path).collect()
}

/// Where the statements are by which a module shows a name of another.
fn shows(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let starts = ["pub use ", "pub(crate) use ", "pub(super) use "].into_iter();
    let starts = starts.flat_map(|start| text.match_indices(start).map(|(at, _)| at));
    starts.map(|at| (at, text[at..].find(';').map_or(text.len(), |end| at + end)))
}

fn without_shown(text: &str) -> String {
    let mut shows: Vec<_> = shows(text).collect();
    shows.sort_unstable();
    let mut rest = text.to_owned();
    for (start, end) in shows.into_iter().rev() {
        rest.replace_range(start..end, "");
    }
    rest
}

/// A path inside a module, from the root of the crate.
fn inside(module: &str, path: &str) -> String {
    if module.is_empty() || module == ROOT_MODULE { path.to_owned() } else { format!("{module}::{path}") }
}

/// The paths of a text that lead to modules of the crate, from the crate's root.
fn paths_of(module: &str, text: &str, texts: &BTreeMap<String, String>) -> Vec<String> {
    let ours = paths_after(text, "crate::").into_iter();
    let beside = paths_after(text, "super::").into_iter().map(|path| absolute(module, &path));
    let children = texts.keys().filter_map(|name| name.strip_prefix(module)?.strip_prefix("::"));
    let below = children.filter(|child| !child.contains("::")).flat_map(|child| {
        let paths = paths_after(text, &format!("{child}::")).into_iter();
        paths.map(move |path| format!("{module}::{child}::{path}"))
    });
    ours.chain(beside).chain(below).collect()
}

/// Every path that follows a keyword; a tree of uses is as many paths as it has leaves.
fn paths_after(text: &str, start: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(start) {
        let is_inside =
            text[..at].ends_with("::") || text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !is_inside {
            leaves("", &mut text[at + start.len()..].chars().peekable(), &mut found);
        }
    }
    found
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
fn absolute(module: &str, path: &str) -> String {
    let (mut base, mut path) = (module.rsplit_once("::").map_or("", |(parent, _)| parent), path);
    while let Some(rest) = path.strip_prefix("super::") {
        (base, path) = (base.rsplit_once("::").map_or("", |(parent, _)| parent), rest);
    }
    inside(base, path)
}

/// The module that a path leads into. A name that a module shows leads into the module that the name is of.
fn module_of(path: &str, texts: &BTreeMap<String, String>, shown: &BTreeMap<String, String>) -> Option<String> {
    let mut module = String::new();
    for segment in path.split("::") {
        let next = inside(&module, segment);
        if texts.contains_key(&next) {
            module = next;
        } else if let Some(path) = shown.get(&next) {
            return module_of(path, texts, shown);
        } else {
            break;
        }
    }
    (!module.is_empty()).then_some(module)
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
