//! A machine whose clock is wrong from the start moves no money.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use crate::{
    database::Kind,
    roles::Roles,
    stack::{Process, until},
};

/// A Toss that tells a time and nothing else, at this address. It ends with the test program.
fn toss_at(date: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            let _ = client.read(&mut [0; 4_096]);
            let _ = write!(client, "HTTP/1.1 404 Not Found\r\ndate: {date}\r\ncontent-length: 0\r\n\r\n");
        }
    });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_nothing_that_moves_money_starts_with_a_clock_that_toss_contradicts() {
    let roles = Roles::start(Kind::Sqlite).await;
    for (date, direction) in
        [("Fri, 01 Jan 2021 00:00:00 GMT", "ahead of Toss's"), ("Fri, 01 Jan 2100 00:00:00 GMT", "behind Toss's")]
    {
        let toss = toss_at(date);
        for role in ["worker", "serve"] {
            let mut command = roles.command(&["--listen", "127.0.0.1:0", role]);
            let refused = command.env("TOSS_BASE_URL", &toss).output().unwrap();
            let told = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && told.contains(direction), "{role}: {told}");
            assert!(told.contains("at most 30 s are allowed"), "{told}");
        }
    }
    // A Toss that is away at the start stops nothing.
    let mut command = roles.command(&["worker"]);
    let _worker = Process::start(command.env("TOSS_BASE_URL", "http://127.0.0.1:1"), &roles.log("worker"));
    let log = roles.log("worker");
    until("it polls", || async { std::fs::read_to_string(&log).unwrap().contains("polling the task queue") }).await;
}
