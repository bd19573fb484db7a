//! A machine whose clock is wrong from the start moves no money.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use crate::{database::Kind, roles::Roles, stack::Process};

/// How long a process may take to refuse its start.
const START_TIME: Duration = Duration::from_secs(20);

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
            let log = roles.log(&format!("refused-{role}"));
            let mut refused = Process::start(command.env("TOSS_BASE_URL", &toss), &log);
            assert!(!refused.wait(START_TIME), "{role} began");
            let told = std::fs::read_to_string(&log).unwrap();
            assert!(told.contains(direction), "{role}: {told}");
            assert!(told.contains("at most 30 s are allowed"), "{told}");
        }
    }
    // A Toss that is away at the start stops nothing.
    let mut command = roles.command(&["worker"]);
    let mut worker = Process::start(command.env("TOSS_BASE_URL", "http://127.0.0.1:1"), &roles.log("worker"));
    worker.says("daegeum worker: polling the task queue").await.unwrap();
}
