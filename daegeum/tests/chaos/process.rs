//! Programs as they are started, and started again.

use std::{
    fs::OpenOptions,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rand::Rng;

/// Below the ports from which outgoing connections take theirs: a process must find its port free again.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Variables of the environment.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// What is started, with which arguments and variables.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Environment,
}

impl Program {
    pub(crate) fn new(path: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Self { path: path.into(), arguments, environment: Environment::new() }
    }

    pub(crate) fn with(mut self, environment: &Environment) -> Self {
        self.environment.extend_from_slice(environment);
        self
    }

    /// Starts the program in the directory. What it prints goes to `NAME.log` there, behind what is in it.
    pub(crate) fn spawn(&self, name: &str, directory: &Path) -> io::Result<Child> {
        let output = OpenOptions::new().create(true).append(true).open(directory.join(format!("{name}.log")))?;
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Ctrl-C is for the supervisor alone.
        command.process_group(0).current_dir(directory);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()
    }
}

/// Free ports of this machine, each another one.
pub(crate) fn free_ports<const N: usize>() -> [SocketAddr; N] {
    let mut held = Vec::new();
    while held.len() < N {
        let port = rand::rng().random_range(PORTS);
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    std::array::from_fn(|index: usize| held[index].local_addr().unwrap())
}
