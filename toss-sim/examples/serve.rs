//! The simulator by itself: `cargo run -p toss-sim --example serve [address] [webhook url …]`.

use tokio::net::TcpListener;
use toss_sim::Options;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9090".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("Toss simulator at http://{}", listener.local_addr()?);
    let options = Options { webhook_urls: arguments.collect(), ..Options::default() };
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without the signal there is no other way to be asked: serve until killed.
            std::future::pending::<()>().await;
        }
    };
    toss_sim::serve(listener, options, interrupted).await
}
