//! The PostgreSQL server behind an address, for a test that stands between the server and a process.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// How the name of a directory begins that stands in an address in place of a host: the server listens on a socket
/// file.
const DIRECTORY: &str = "%2F";
/// The socket file in that directory.
const SOCKET_FILE: &str = ".s.PGSQL.5432";

/// The server that an address names.
pub struct Server {
    place: String,
}

/// A connection to the server.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

impl Server {
    /// The server of the database at an address.
    pub fn of(address: &str) -> Self {
        Self { place: parts(address).place.to_owned() }
    }

    /// Connects to the server.
    pub async fn connect(&self) -> Box<dyn Connection> {
        if self.place.starts_with(DIRECTORY) {
            let file = format!("{}/{SOCKET_FILE}", self.place.replace(DIRECTORY, "/"));
            Box::new(UnixStream::connect(file).await.unwrap())
        } else {
            Box::new(TcpStream::connect(&self.place).await.unwrap())
        }
    }
}

/// The address of the same database behind a port of this machine.
pub fn behind(address: &str, port: u16) -> String {
    let Parts { credentials, name, .. } = parts(address);
    format!("postgres://{credentials}@127.0.0.1:{port}/{name}")
}

struct Parts<'a> {
    credentials: &'a str,
    place: &'a str,
    name: &'a str,
}

fn parts(address: &str) -> Parts<'_> {
    let (_, rest) = address.split_once("://").unwrap();
    let (server, name) = rest.rsplit_once('/').unwrap();
    let (credentials, place) = server.rsplit_once('@').unwrap_or(("postgres", server));
    Parts { credentials, place, name }
}
