//! Secrets that stand in files.

use std::{path::Path, process::Command};

use crate::stack::daegeum;

const PEPPER: &str = "0123456789abcdef0123456789abcdef";

fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

fn keys(arguments: &[&str], variables: &[(&str, &Path)]) -> (bool, String) {
    let mut command = daegeum();
    command.arg("keys").args(arguments).envs(variables.iter().map(|(name, path)| (*name, *path)));
    run(&mut command)
}

#[test]
fn a_secret_may_stand_in_a_file() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let url = write("url", &format!("sqlite://{}/pay.db\n", place.path().display()));
    let pepper = write("pepper", &format!("{PEPPER}\n"));
    let both = [("DAEGEUM_DATABASE_URL_FILE", url.as_path()), ("DAEGEUM_KEY_PEPPER_FILE", pepper.as_path())];
    let (success, told) = run(daegeum().args(["migrate", "up"]).env("DAEGEUM_DATABASE_URL_FILE", &url));
    assert!(success, "{told}");
    assert!(keys(&["create", "--scope", "read", "--name", "first"], &both).0);
    let (success, told) = keys(&["list"], &both);
    assert!(success && told.contains("first"), "{told}");
    let mut doctor = daegeum();
    doctor.args(["doctor", "--json"]).env("TEMPORAL_ADDRESS", "127.0.0.1:1").env("TOSS_BASE_URL", "http://127.0.0.1:1");
    doctor.env("DAEGEUM_DATABASE_URL_FILE", &url);
    let without = run(doctor.env_remove("DAEGEUM_KEY_PEPPER_FILE")).1;
    assert!(without.contains("key_pepper"), "the key was made under the pepper of the file: {without}");
    let with = run(doctor.env("DAEGEUM_KEY_PEPPER_FILE", &pepper)).1;
    assert!(with.contains("1 were made under the key_pepper"), "{with}");

    let (empty, missing) = (write("empty", "\n"), place.path().join("missing"));
    let malformed = write("malformed", "hidden");
    for (name, path, told) in [
        ("DAEGEUM_DATABASE_URL_FILE", &missing, "DAEGEUM_DATABASE_URL_FILE names a file that cannot be read"),
        ("DAEGEUM_DATABASE_URL_FILE", &malformed, "DAEGEUM_DATABASE_URL_FILE holds no address"),
        ("DAEGEUM_KEY_PEPPER_FILE", &empty, "DAEGEUM_KEY_PEPPER_FILE names a file that is empty"),
        ("DAEGEUM_ENCRYPTION_KEYS_FILE", &missing, "DAEGEUM_ENCRYPTION_KEYS_FILE names a file that cannot be read"),
        ("DAEGEUM_ENCRYPTION_KEYS_FILE", &malformed, "encryption_keys is malformed"),
        ("TOSS_SECRET_KEY_FILE", &empty, "TOSS_SECRET_KEY_FILE names a file that is empty"),
        ("TOSS_SECRET_KEY_FILE", &malformed, "TOSS_SECRET_KEY"),
        ("TEMPORAL_API_KEY_FILE", &missing, "TEMPORAL_API_KEY_FILE names a file that cannot be read"),
        ("DAEGEUM_LOG_FILE", &pepper, "DAEGEUM_LOG_FILE is none of ours"),
    ] {
        let (success, said) = keys(&["list"], &[(name, path)]);
        assert!(!success && said.contains(told) && !said.contains("hidden"), "{name}: {said}");
    }
    let mut twice = daegeum();
    twice.args(["keys", "list"]).env("DAEGEUM_KEY_PEPPER", PEPPER).env("DAEGEUM_KEY_PEPPER_FILE", &pepper);
    let (success, said) = run(&mut twice);
    assert!(!success && said.contains("DAEGEUM_KEY_PEPPER and DAEGEUM_KEY_PEPPER_FILE are both set"), "{said}");
}
