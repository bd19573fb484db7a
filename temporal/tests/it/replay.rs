//! Recorded histories replay on today's workflows.

use crate::stack::daegeum;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn recorded_histories_replay() {
    let replayed = daegeum().current_dir(ROOT).arg("replay").output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&replayed.stdout), String::from_utf8_lossy(&replayed.stderr));
    assert!(replayed.status.success(), "{said}{errors}");
    let stories =
        ["paid", "retried", "lost", "deposited", "abandoned", "declined", "denied", "reviewed", "taken-back", "undone"];
    for story in stories {
        assert!(said.contains(story), "no history of the story {story}:\n{said}");
    }
}

#[test]
fn a_history_that_took_another_path_is_noticed() {
    let histories = std::path::Path::new(ROOT).join("temporal/histories");
    let recorded = std::fs::read_to_string(histories.join("paid.json")).unwrap();
    let changed = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(changed.path(), recorded.replace("psp.confirm", "psp.confess")).unwrap();
    let replayed = daegeum().arg("replay").arg(changed.path()).output().unwrap();
    assert!(!replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}
