//! The walls between the rooms: which crate may reach which, and which words stay where.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Every package a crate reaches in a build.
fn reached(package: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(["tree", "--locked", "--offline", "-e", "normal", "--prefix", "none", "--format", "{lib}", "-p", package])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout).unwrap().lines().map(|line| line.trim().replace('_', "-")).collect()
}

#[test]
fn no_crate_reaches_what_it_must_not() {
    let walls: &[(&str, &[&str])] = &[
        ("domain", &["std", "tokio", "chrono", "sea-orm", "reqwest", "axum", "temporalio-workflow"]),
        ("workflows", &["temporalio-sdk", "temporalio-client", "reqwest", "sea-orm", "axum", "store", "toss"]),
        ("store", &["temporalio-workflow", "temporalio-client", "reqwest", "axum", "workflows"]),
        ("toss", &["domain", "temporalio-workflow", "sea-orm", "store"]),
        ("toss-sim", &["domain", "toss", "store", "temporalio-workflow", "sea-orm"]),
        ("migrations", &["domain", "store", "toss", "temporalio-workflow"]),
        ("activities", &["axum", "api", "toss-sim"]),
        (
            "service",
            &["temporalio-sdk", "activities", "temporal", "toss", "toss-sim", "axum", "api", "web", "migrations"],
        ),
        ("web", &["temporalio-sdk", "activities", "temporal", "toss", "toss-sim", "api", "utoipa", "migrations"]),
        ("api", &["temporalio-sdk", "activities", "temporal", "toss", "toss-sim", "migrations"]),
        ("temporal", &["axum", "api", "clap", "toss-sim", "migrations"]),
    ];
    for (package, forbidden) in walls {
        let reached = reached(package);
        assert!(reached.contains(*package), "{package} is not in its own tree: {reached:?}");
        assert!(!reached.contains("daegeum"), "{package} reaches the binary");
        assert!(!reached.contains("testkit"), "{package} reaches what only tests may use");
        for name in *forbidden {
            assert!(!reached.contains(*name), "{package} reaches {name}");
        }
    }
}

#[test]
fn there_is_one_crypto_provider() {
    let reached = reached("daegeum");
    assert!(reached.contains("ring"));
    assert!(!reached.contains("aws-lc-rs"), "a second crypto provider makes rustls panic at its first use");
    assert!(!reached.contains("testkit"), "the binary reaches what only tests may use");
}

#[test]
fn words_stay_in_their_rooms() {
    let walls: &[(&str, &[&str])] = &[
        ("paymentKey", &["toss/", "toss-sim/", "activities/src/psp.rs", "web/src/buyer", "daegeum/src/demo/"]),
        ("orderId", &["toss/", "toss-sim/", "activities/src/psp.rs", "web/src/buyer", "daegeum/src/demo/"]),
        ("sea_orm", &["store/", "migrations/", "daegeum/src/cli/migrate.rs"]),
        ("TransactionTrait", &["store/src/transaction.rs"]),
        ("DatabaseTransaction", &["store/src/transaction.rs"]),
        ("begin_with_options", &["store/src/transaction.rs"]),
        ("Writer", &["store/", "activities/", "temporal/", "daegeum/"]),
        ("StatusCode", &["api/", "toss/", "toss-sim/", "daegeum/src/demo/"]),
        ("temporalio_sdk", &["activities/", "temporal/", "daegeum/src/telemetry/traces"]),
        ("opentelemetry::", &["toss/src/span.rs", "api/", "temporal/", "daegeum/"]),
        ("opentelemetry_sdk", &["daegeum/src/telemetry/traces"]),
        ("unsafe ", &[]),
    ];
    let mut files = Vec::new();
    for room in [
        "domain",
        "workflows",
        "activities",
        "store",
        "toss",
        "toss-sim",
        "service",
        "api",
        "web",
        "migrations",
        "temporal",
        "daegeum",
    ] {
        sources(&Path::new(ROOT).join(room).join("src"), &mut files);
    }
    assert!(files.len() > 50, "too few files were found: {}", files.len());
    for file in files {
        let name = file.strip_prefix(ROOT).unwrap().to_str().unwrap().trim_start_matches('/').to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        for (word, rooms) in walls {
            let allowed = rooms.iter().any(|room| name.starts_with(room));
            assert!(allowed || !text.contains(word), "{name} says {word}, which belongs to {rooms:?}");
        }
    }
}

/// How no sentence of a comment opens: a reader must find the subject first. CONTRIBUTING.md has the rules of prose.
const RIDDLES: [&str; 4] = ["Whoever ", "Who ", "So many ", "That "];

#[test]
fn no_sentence_opens_as_a_riddle() {
    for file in sources_of_all_rooms() {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
            let sentence = comment.trim_start_matches(['/', '!']).trim_start();
            let is_riddle = RIDDLES.iter().any(|opening| sentence.starts_with(opening));
            assert!(!is_riddle, "{}:{}: {sentence}", file.display(), number + 1);
        }
    }
}

/// The most characters of a line.
const MAX_LINE_CHARS: usize = 120;

/// rustfmt breaks no attribute of a macro, no string and no comment. This test has no exceptions.
#[test]
fn no_line_is_too_long_to_be_read() {
    let files = sources_of_all_rooms();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        for (number, line) in std::fs::read_to_string(file).unwrap().lines().enumerate() {
            let chars = line.chars().count();
            assert!(chars <= MAX_LINE_CHARS, "{}:{} has {chars} characters", file.display(), number + 1);
        }
    }
}

fn sources_of_all_rooms() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(ROOT).unwrap() {
        let room = entry.unwrap().path();
        if room.join("Cargo.toml").exists() {
            for part in ["src", "tests", "benches"] {
                sources(&room.join(part), &mut files);
            }
        }
    }
    assert!(files.len() > 100, "too few files were found: {}", files.len());
    files
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "js") {
            files.push(path);
        }
    }
}
