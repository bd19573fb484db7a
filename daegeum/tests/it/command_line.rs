//! The command line where it is held wrong: in another directory, into a closed pipe, with keys that cannot be.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use store::Keyring;

use crate::stack::daegeum;

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Nothing of the environment of the tests.
fn plain(arguments: &[&str]) -> Command {
    let mut command = daegeum();
    for name in ["TOSS_BASE_URL", "TOSS_SECRET_KEY", "TOSS_CLIENT_KEY", "TEMPORAL_ADDRESS", "DAEGEUM_DATABASE_URL"] {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

fn files_in(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_command_in_the_wrong_directory_makes_nothing_there() {
    let place = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 29] = [
        &["keys", "list"],
        &["keys", "create", "--scope", "read"],
        &["keys", "revoke", "abc123"],
        &["keys", "rotate", "abc123"],
        &["commissions", "list"],
        &["commissions", "set", "--bps", "1"],
        &["migrate", "status"],
        &["migrate", "down"],
        &["ledger", "verify"],
        &["ledger", "checkpoint"],
        &["ledger", "export", "--format", "csv"],
        &["ledger", "prove", "x"],
        &["ledger", "reverse", "x"],
        &["ledger", "undo", "x", "--reason", "y"],
        &["ledger", "reversals"],
        &["ledger", "close", "--before", "2026-01-01"],
        &["audit", "list"],
        &["dead-letters", "list"],
        &["dead-letters", "retry", "--reason", "mended"],
        &["buyers", "erase", "buyer-1"],
        &["encryption", "reseal"],
        &["events", "tail"],
        &["webhooks", "list"],
        &["webhooks", "create", "https://shop.example/"],
        &["reconcile"],
        &["doctor", "--json"],
        &["serve"],
        &["api"],
        &["worker"],
    ];
    let somewhere = place.path().join("missing/books.db");
    let url = format!("sqlite://{}", somewhere.display());
    let keys = Keyring::generate("here").unwrap();
    let toss =
        [("TOSS_SECRET_KEY", "test_sk_x"), ("TOSS_CLIENT_KEY", "test_ck_x"), ("TEMPORAL_ADDRESS", "127.0.0.1:1")];
    for command in commands {
        for (flags, named) in [(&[][..], ".daegeum/daegeum.db"), (&["--database-url", &url], "missing/books.db")] {
            let mut started = plain(flags);
            started.args(command).current_dir(&place).env("DAEGEUM_ENCRYPTION_KEYS", &keys).envs(toss);
            let output = started.output().unwrap();
            let (stdout, stderr) = said(&output);
            let told = format!("{stdout}{stderr}");
            let code = if command[0] == "reconcile" { 3 } else { 1 };
            assert_eq!(output.status.code(), Some(code), "{command:?}: {told}");
            assert!(told.contains("there is no database") && told.contains(named), "{command:?}: {told}");
            assert!(told.contains("--data-dir"), "{command:?}: {told}");
            assert_eq!(files_in(place.path()), Vec::<String>::new(), "{command:?} made something");
        }
    }
    let output = plain(&["ledger", "public-key"]).current_dir(&place).output().unwrap();
    assert!(said(&output).1.contains("there is no signing key") && files_in(place.path()).is_empty());
}

/// Runs a command whose output nobody reads.
fn unread(command: &mut Command) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), said(&output).1)
}

#[test]
fn a_closed_output_ends_no_command() {
    let place = tempfile::tempdir().unwrap();
    let in_place = |arguments: &[&str]| {
        let mut command = plain(&["--data-dir"]);
        command.arg(place.path()).args(arguments);
        command
    };
    assert_eq!(unread(&mut in_place(&["migrate", "up"])).0, Some(0), "the schema is there all the same");
    for listing in [
        &["keys", "list"][..],
        &["keys", "list", "--json"],
        &["migrate", "status"],
        &["ledger", "verify"],
        &["ledger", "export", "--format", "csv"],
        &["audit", "list"],
        &["dead-letters", "list"],
        &["commissions", "set", "--bps", "250"],
        &["commissions", "list"],
        &["migrate", "grants", "--role", "api", "--to", "daegeum_api"],
        &["events", "tail"],
        &["webhooks", "list"],
        &["--help"],
    ] {
        let (code, told) = unread(&mut in_place(listing));
        assert_eq!((code, told.as_str()), (Some(0), ""), "{listing:?}");
    }
    let rates = said(&in_place(&["commissions", "list"]).output().unwrap()).0;
    assert_eq!(rates.lines().count(), 2, "it was set, and nobody read that: {rates}");

    // A secret that nobody has seen is of no use, and its key is to be revoked.
    let (code, told) = unread(&mut in_place(&["keys", "create", "--scope", "read"]));
    assert_eq!(code, Some(1), "{told}");
    let key = told.rsplit_once("daegeum keys revoke ").unwrap().1.trim().trim_end_matches('`').to_owned();
    assert!(in_place(&["keys", "revoke", &key]).output().unwrap().status.success(), "{told}");

    // Standard error may be closed too.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut both = in_place(&["keys", "list"]);
    both.stdout(writer.try_clone().unwrap()).stderr(writer);
    assert!(both.status().unwrap().success());

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = in_place(&["keys", "list"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).1.contains("standard output could not be written"), "{}", said(&output).1);
}

#[test]
fn keys_of_toss_that_cannot_be_stop_the_start() {
    let place = tempfile::tempdir().unwrap();
    for (settings, named) in [
        (&[("TOSS_SECRET_KEY", "live_sk_hidden"), ("TOSS_CLIENT_KEY", "test_ck_x")][..], "TOSS_CLIENT_KEY"),
        (&[("TOSS_SECRET_KEY", "test_gsk_hidden"), ("TOSS_CLIENT_KEY", "test_ck_x")], "payment widget"),
        (&[("TOSS_SECRET_KEY", "hidden")], "TOSS_SECRET_KEY"),
        (&[("TOSS_CLIENT_KEY", "test_sk_hidden")], "TOSS_CLIENT_KEY"),
        (&[("TOSS_SECRET_KEY", "live_sk_hidden"), ("TOSS_BASE_URL", "http://127.0.0.1:1")], "TOSS_BASE_URL"),
    ] {
        for role in ["serve", "worker", "api", "doctor"] {
            let mut command = plain(&["--data-dir"]);
            let output = command.arg(place.path()).arg(role).envs(settings.iter().copied()).output().unwrap();
            let told = said(&output).1;
            assert_eq!(output.status.code(), Some(1), "{role} {settings:?}: {told}");
            assert!(told.contains(named) && !told.contains("hidden"), "{role} {settings:?}: {told}");
        }
    }
    // `dev` has a simulator of its own, and does not pretend to use another Toss.
    for (name, value) in [("TOSS_BASE_URL", "https://toss.example.com"), ("TOSS_SECRET_KEY", "test_sk_hidden")] {
        let output = plain(&["--data-dir"]).arg(place.path()).arg("dev").env(name, value).output().unwrap();
        let told = said(&output).1;
        assert!(!output.status.success() && told.contains(name) && told.contains("simulator"), "{told}");
    }
    let mut by_flag = plain(&["--data-dir"]);
    by_flag.arg(place.path()).args(["dev", "--toss-base-url", "https://toss.example.com"]);
    let told = said(&by_flag.output().unwrap()).1;
    assert!(told.contains("TOSS_BASE_URL") && told.contains("simulator"), "{told}");
}

#[test]
fn what_is_wrong_with_the_command_line_is_told_without_secrets() {
    for (arguments, environment, told) in [
        (
            &["--database-url", "postgers://user:hidden@host/name", "doctor"][..],
            "",
            "starts with sqlite:// or postgres://",
        ),
        (&["doctor"], "postgers://user:hidden@host/name", "starts with sqlite:// or postgres://"),
        (&["migrate", "up", "postgres://user:hidden@host/name"], "", "unexpected argument"),
        (&["--toss-secret-key", "test_sk_hidden", "doctor"], "", "set TOSS_SECRET_KEY"),
        (&["--encryption-keys=a:hidden", "doctor"], "", "set DAEGEUM_ENCRYPTION_KEYS"),
        (&["commissions", "set", "--bps", "99999"], "", "hundredths of a per cent, from 0 to 10000"),
        (&["commissions", "set", "--bps", "2.5"], "", "hundredths of a per cent, from 0 to 10000"),
        (&["toss-sim", "--sim-merchant", "two words"], "", "1 to 14 letters, digits or underscores"),
        (&["dev", "--sim-merchant", "daegeum"], "", "the merchant that the simulator has already"),
    ] {
        let mut command = plain(arguments);
        if !environment.is_empty() {
            command.env("DAEGEUM_DATABASE_URL", environment);
        }
        let output = command.output().unwrap();
        let stderr = said(&output).1;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(told) && !stderr.contains("hidden"), "{arguments:?}: {stderr}");
    }
    let output = plain(&["--release-business-days", "99999", "keys", "list"]).output().unwrap();
    assert!(said(&output).1.contains("must be 0 to 90 days, not 99999"), "{}", said(&output).1);
    // An address that looks right and is not: the password stands where the host belongs.
    for url in [
        "postgres://user:hidden#x@127.0.0.1:1/name",
        "postgres://user:hidden/name",
        "postgres://user:hid?hidden@127.0.0.1:1/n",
    ] {
        for command in [&["keys", "list"][..], &["migrate", "up"], &["doctor"]] {
            let output = plain(&["--database-url", url]).args(command).output().unwrap();
            let (stdout, stderr) = said(&output);
            assert!(
                !output.status.success() && !format!("{stdout}{stderr}").contains("hid"),
                "{url}: {stdout}{stderr}"
            );
        }
    }
}

#[test]
fn a_settings_file_that_nobody_named_is_announced_and_not_taken_from_others() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("daegeum.toml");
    std::fs::write(&file, "data_dir = \"elsewhere\"\n").unwrap();
    let list = || said(&plain(&["keys", "list"]).current_dir(&place).output().unwrap()).1;
    let told = list();
    assert!(told.contains(&format!("settings from {}", file.display())), "{told}");
    assert!(told.contains("elsewhere/daegeum.db"), "{told}");

    std::fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let told = list();
    assert!(told.contains("is not used") && told.contains("chmod o-w") && !told.contains("elsewhere"), "{told}");
    let named = plain(&["--config"]).arg(&file).args(["keys", "list"]).current_dir(&place).output().unwrap();
    assert!(said(&named).1.contains("elsewhere/daegeum.db"), "who names it means it: {}", said(&named).1);
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
        let told = list();
        assert!(told.contains("belongs to another account") && !told.contains("elsewhere"), "{told}");
    }
}

#[test]
fn no_program_of_the_working_directory_is_run() {
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("temporal");
    std::fs::write(&program, "#!/bin/sh\ntouch ran\n").unwrap();
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    for path in [".", "", ":.", "./"] {
        let mut command = plain(&["dev", "--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"]);
        command.env_remove("TEMPORAL_CLI").env("PATH", path).current_dir(&place);
        let output = command.output().unwrap();
        assert!(said(&output).1.contains("is not on the PATH"), "{path:?}: {}", said(&output).1);
    }
    assert!(!place.path().join("ran").exists());

    // What `make` fetches into the working directory is run, and announced; what others may have put there is not.
    let fetched = place.path().join(".cache/temporal/temporal");
    std::fs::create_dir_all(fetched.parent().unwrap()).unwrap();
    std::fs::write(&fetched, format!("#!/bin/sh\n: > '{}'\n", place.path().join("ran").display())).unwrap();
    let start = || {
        let mut command = plain(&["--data-dir", "data", "dev"]);
        command.args(["--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"]);
        command.env_remove("TEMPORAL_CLI").env("PATH", ".").current_dir(&place);
        said(&command.output().unwrap()).1
    };
    std::fs::set_permissions(&fetched, Permissions::from_mode(0o757)).unwrap();
    let told = start();
    assert!(told.contains("was found here and is not run") && told.contains("chmod o-w"), "{told}");
    assert!(!place.path().join("ran").exists());
    std::fs::set_permissions(&fetched, Permissions::from_mode(0o755)).unwrap();
    let told = start();
    assert!(told.contains(&format!("the Temporal server is {}", fetched.display())), "{told}");
    assert!(place.path().join("ran").exists());
}

#[test]
fn the_files_of_a_directory_that_others_may_open_are_private() {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let run = |arguments: &[&str]| plain(&["--data-dir"]).arg(place.path()).args(arguments).output().unwrap();
    assert!(run(&["migrate", "up"]).status.success());
    let database = place.path().join("daegeum.db");
    assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(said(&run(&["keys", "list"])).1, "");
    std::fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
    let told = said(&run(&["keys", "list"])).1;
    assert!(told.contains("others on this machine may open") && told.contains("chmod 600"), "{told}");
}

#[test]
fn two_encryption_keys_of_a_day_have_two_names() {
    let generate = || said(&plain(&["encryption", "generate"]).output().unwrap()).0.trim().to_owned();
    let both = format!("{},{}", generate(), generate());
    assert_eq!(Keyring::parse(&both).unwrap().names().count(), 2, "{both}");
}
