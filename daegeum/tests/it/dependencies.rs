//! What the binary is built from: licences, sources and duplicates as `deny.toml` allows them, and the notices of third
//! parties as they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The file that tells whose work the binary holds.
const NOTICES: &str = "THIRD-PARTY-NOTICES.md";
/// For whom the binary is built in the first place; the list must not depend on who runs the test.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// What stands in the text of the MIT licence, for crates that name a file and no licence.
const MIT_TEXT: &str = "Permission is hereby granted, free of charge, to any person obtaining a copy";

/// Which edges of the graph are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// What is linked into the binary, and the macros that wrote parts of it.
    Linked,
    /// That, and what ran to build it.
    Built,
}

struct Package {
    name: String,
    version: String,
    /// In SPDX's words.
    license: String,
    repository: Option<String>,
    /// `None` for our own.
    source: Option<String>,
}

/// The packages that the binary reaches.
fn packages(reach: Reach) -> Vec<Package> {
    let metadata = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", TARGET])
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let edges: BTreeMap<String, Vec<Value>> = list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| (node["id"].as_str().unwrap().to_owned(), list(&node["deps"])))
        .collect();
    let described: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .map(|package| (package["id"].as_str().unwrap().to_owned(), package))
        .collect();
    let is_followed = |kind: &Value| kind["kind"].is_null() || (reach == Reach::Built && kind["kind"] == "build");
    let mut open: Vec<String> =
        described.iter().filter(|(_, package)| package["name"] == "daegeum").map(|(id, _)| id.clone()).collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = open.pop() {
        let followed = edges[&id].iter().filter(|edge| list(&edge["dep_kinds"]).iter().any(is_followed));
        let next: Vec<String> = followed.map(|edge| edge["pkg"].as_str().unwrap().to_owned()).collect();
        if reached.insert(id) {
            open.extend(next);
        }
    }
    let mut packages: Vec<Package> = reached.iter().map(|id| Package::of(&described[id])).collect();
    packages.sort_by(|a, b| (&a.name, numbers(&a.version)).cmp(&(&b.name, numbers(&b.version))));
    packages
}

impl Package {
    fn of(package: &Value) -> Self {
        let text = |name: &str| package[name].as_str().map(str::to_owned);
        let license = text("license").unwrap_or_else(|| {
            let directory = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
            let file = directory.join(package["license_file"].as_str().unwrap());
            let words = std::fs::read_to_string(&file).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(MIT_TEXT), "{} is no licence that this test knows", file.display());
            "MIT".to_owned()
        });
        Self {
            name: text("name").unwrap(),
            version: text("version").unwrap(),
            // Before SPDX's words, a slash stood for "or".
            license: license.replace(" / ", "/").replace('/', " OR "),
            repository: text("repository"),
            source: text("source"),
        }
    }

    fn spec(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// A version as what it is ordered by.
fn numbers(version: &str) -> Vec<u64> {
    let (numbers, _) = version.split_once(['-', '+']).unwrap_or((version, ""));
    numbers.split('.').map(|number| number.parse().unwrap()).collect()
}

/// Whether a licence expression leaves a choice that is allowed.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.trim();
    for (operator, every) in [(" OR ", false), (" AND ", true)] {
        let parts = split(expression, operator);
        if parts.len() > 1 {
            let mut parts = parts.into_iter().map(|part| is_allowed(part, allowed));
            return if every { parts.all(|is| is) } else { parts.any(|is| is) };
        }
    }
    match expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => is_allowed(inner, allowed),
        None => allowed.contains(expression),
    }
}

/// The parts of an expression around an operator that stands in no parentheses.
fn split<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut began) = (Vec::new(), 0_u32, 0);
    for (at, char) in expression.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && expression[at..].starts_with(operator) => {
                parts.push(&expression[began..at]);
                began = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[began..]);
    parts
}

fn denied() -> toml::Table {
    let file = Path::new(ROOT).join("deny.toml");
    std::fs::read_to_string(file).unwrap().parse().unwrap()
}

fn texts(value: &toml::Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn every_licence_is_one_that_we_may_hand_on() {
    let denied = denied();
    let allowed = texts(&denied["licenses"]["allow"]);
    let packages = packages(Reach::Built);
    assert!(packages.len() > 100, "{}", packages.len());
    for package in packages {
        assert!(is_allowed(&package.license, &allowed), "{}: {}", package.spec(), package.license);
    }
    let allowed = BTreeSet::from(["MIT", "ISC"]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("(GPL-3.0 AND MIT) OR BSD-3-Clause", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn everything_comes_from_one_registry() {
    for package in packages(Reach::Built) {
        let Some(source) = &package.source else { continue };
        let is_registry = source.starts_with("registry+") && source.ends_with("/crates.io-index");
        assert!(is_registry, "{} comes from {source}", package.spec());
    }
}

#[test]
fn a_second_version_is_one_that_was_looked_at() {
    let denied = denied();
    let listed: BTreeSet<String> = texts(&denied["bans"]["skip"]).into_iter().map(str::to_owned).collect();
    let packages = packages(Reach::Built);
    // They are in order, so the newest of a name comes last.
    let is_older = |pair: &&[Package]| pair[0].name == pair[1].name;
    let found: BTreeSet<String> = packages.windows(2).filter(is_older).map(|pair| pair[0].spec()).collect();
    assert_eq!(found, listed, "`skip` of deny.toml lists every older version, and none that is gone");
}

#[test]
fn the_notices_name_everybody_whose_work_the_binary_holds() {
    let mut notices = String::from(
        "# Third-party notices\n\n\
         The binary `daegeum` holds work of others, under the licences below. The source of each crate, its \
         copyright notices and\n\
         the text of its licence are at `https://crates.io/crates/NAME/VERSION`. daegeum itself is under \
         Apache-2.0, see LICENSE.\n\n\
         A test writes this file from the build's own list: `UPDATE=1 cargo test -p daegeum --test it \
         dependencies`.\n\n\
         | crate | version | licence | source |\n|---|---|---|---|\n",
    );
    for package in packages(Reach::Linked).iter().filter(|package| package.source.is_some()) {
        let Package { name, version, license, repository, .. } = package;
        notices += &format!("| {name} | {version} | {license} | {} |\n", repository.as_deref().unwrap_or("-"));
    }
    let file = Path::new(ROOT).join(NOTICES);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &notices).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == notices,
        "{NOTICES} is not what is built: run `UPDATE=1 cargo test -p daegeum --test it dependencies`"
    );
}
