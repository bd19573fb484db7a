//! What a newcomer meets: a second `dev` beside the first, a port that is taken, a setting that is wrong.

use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    database::Kind,
    stack::{Dev, daegeum, temporal_cli, until},
    webhook_receivers::free_port,
};

/// The same as for the first `dev`: a part that comes up here takes no other's port.
const FREE_PORTS: [&str; 8] = ["--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"];

fn ended_badly(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    assert!(!status.success(), "it should have refused");
    String::from_utf8(stderr).unwrap()
}

fn dev_in(directory: &Path) -> Command {
    let mut command = daegeum();
    command.arg("--data-dir").arg(directory).arg("dev").args(FREE_PORTS);
    command
}

fn exists(temporal_pid: &str) -> bool {
    Path::new("/proc").join(temporal_pid).exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_is_of_one_dev_at_a_time_and_outlives_a_killed_one() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    dev.shop.create("before-the-second").await;
    let temporal = dev.temporal_pid();

    let said = ended_badly(&mut dev_in(dev.directory.path()));
    assert!(said.contains("is in use by process ") && said.contains("--data-dir"), "{said}");
    assert!(exists(&temporal), "the second one stopped the first one's Temporal server");
    dev.shop.create("after-the-second").await;

    let Dev { mut process, directory, .. } = dev;
    process.signal(Signal::SIGKILL);
    process.wait(Duration::from_secs(10));
    assert!(exists(&temporal), "nobody was left to stop the Temporal server");
    let mut again = Dev::start_in(directory, Kind::Sqlite, &[]).await;
    assert!(!exists(&temporal), "two Temporal servers share one file");
    assert_eq!(again.shop.status("after-the-second").await, "NOT_STARTED");
    again.process.signal(Signal::SIGTERM);
    assert!(again.process.wait(Duration::from_secs(10)));
}

/// The Temporal server that a killed `dev` leaves behind holds the ports that the next one wants.
#[tokio::test(flavor = "multi_thread")]
async fn a_dev_that_was_killed_comes_back_on_its_own_ports() {
    let ports: Vec<String> = (0..4).map(|_| free_port().to_string()).collect();
    let flags = ["--port", "--temporal-port", "--ui-port", "--sim-port"];
    let ports: Vec<&str> = flags.into_iter().zip(&ports).flat_map(|(flag, port)| [flag, port]).collect();
    let dev = Dev::start_with(tempfile::tempdir().unwrap(), Kind::Sqlite, &[], &ports).await;
    dev.shop.create("before-the-kill").await;
    let (temporal, api) = (dev.temporal_pid(), dev.shop.api.clone());
    let Dev { mut process, directory, .. } = dev;
    process.signal(Signal::SIGKILL);
    process.wait(Duration::from_secs(10));
    assert!(exists(&temporal), "nobody was left to stop the Temporal server");
    let again = Dev::start_with(directory, Kind::Sqlite, &[], &ports).await;
    assert_eq!((again.shop.status("before-the-kill").await, again.shop.api), ("NOT_STARTED".to_owned(), api));
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_listens_where_the_settings_say() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("daegeum.toml"), "listen = \"127.0.0.2:0\"").unwrap();
    let settings = directory.path().join("daegeum.toml");
    let flags = ["--config", settings.to_str().unwrap()];
    let dev = Dev::start_with(directory, Kind::Sqlite, &flags, &FREE_PORTS[2..]).await;
    assert!(dev.shop.api.starts_with("http://127.0.0.2:"), "{}", dev.shop.api);
}

#[test]
fn every_taken_port_is_named_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [api, temporal, simulator] = held.each_ref().map(|listener| listener.local_addr().unwrap().port().to_string());
    let mut command = daegeum();
    command.arg("--data-dir").arg(directory.path());
    command.args(["dev", "--port", &api, "--temporal-port", &temporal, "--ui-port", "0", "--sim-port", &simulator]);
    let said = ended_badly(&mut command);
    for named in [&api, &temporal, &simulator] {
        assert!(said.contains(&format!("127.0.0.1:{named} ")), "{named} is not named: {said}");
    }
    assert!(said.contains("make dev ARGS=\"--port 0 --sim-port 0 --temporal-port 0\""), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_lost_in_a_race_is_chosen_anew() {
    let directory = tempfile::tempdir().unwrap();
    let cli = directory.path().join("temporal-that-comes-second");
    let marker = directory.path().join("came-second");
    let script = format!(
        "#!/bin/sh\nif [ ! -e '{marker}' ]; then\n  touch '{marker}'\n  \
         echo 'listen tcp 127.0.0.1:36041: bind: address already in use' >&2\n  exit 1\nfi\nexec '{cli}' \"$@\"\n",
        marker = marker.display(),
        cli = temporal_cli().display(),
    );
    std::fs::write(&cli, script).unwrap();
    std::fs::set_permissions(&cli, std::fs::Permissions::from_mode(0o700)).unwrap();
    let flags = ["--temporal-cli", cli.to_str().unwrap()];
    let dev = Dev::start_with(directory, Kind::Sqlite, &flags, &FREE_PORTS).await;
    assert!(marker.exists());
    dev.shop.create("on-the-second-try").await;
    until("the API can take work", || async {
        dev.shop.http.get(format!("{}/readyz", dev.shop.api)).send().await.unwrap().status() == 200
    })
    .await;
}

#[test]
fn what_is_wrong_is_told_with_its_reason() {
    let nowhere = tempfile::tempdir().unwrap();
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://user:hidden@{refused}/name");
    let said = ended_badly(daegeum().args(["--database-url", &url, "migrate", "status"]));
    assert_eq!(said.matches("Connection refused").count(), 1, "{said}");
    assert!(!said.contains("hidden"), "{said}");

    let said = ended_badly(daegeum().current_dir(&nowhere).arg("replay"));
    assert!(said.contains("at the root of the repository"), "{said}");
}

#[test]
fn the_list_of_keys_has_straight_columns_and_no_log_line_a_colour() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = daegeum();
        let Output { status, stdout, stderr } =
            command.arg("--data-dir").arg(directory.path()).args(["--log", "debug"]).args(arguments).output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert!(status.success() && !said.contains('\u{1b}'), "{said}");
        String::from_utf8(stdout).unwrap()
    };
    run(&["migrate", "up"]);
    run(&["keys", "create", "--scope", "read", "--name", "shop"]);
    let listed = run(&["keys", "list"]);
    let [header, key] = listed.lines().collect::<Vec<_>>()[..] else { panic!("{listed}") };
    for (column, value) in [("scope", "read"), ("name", "shop")] {
        assert_eq!(header.find(column), key.find(value), "{listed}");
    }
}
