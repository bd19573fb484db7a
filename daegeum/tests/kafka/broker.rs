//! A broker of Apache Kafka in KRaft mode, on free ports and in a directory of its own.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    message::Headers as _,
};
use serde_json::Value;
use tempfile::TempDir;

/// How long the broker may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// The id of the cluster: 16 bytes in Base64.
const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
/// The partitions of each topic.
pub(crate) const PARTITIONS: i32 = 3;

/// A broker that is killed when the test ends, however it ends.
pub(crate) struct Broker {
    child: Child,
    directory: TempDir,
    pub(crate) address: String,
}

/// A message as a consumer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) event: Value,
}

impl Received {
    pub(crate) fn position(&self) -> u64 {
        self.event["position"].as_u64().unwrap()
    }
}

impl Broker {
    /// Starts a new broker.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [port, controller_port] = free_ports();
        let properties = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
             controller.listener.names=CONTROLLER\n\
             auto.create.topics.enable=false\n\
             log.dirs={}\n",
            directory.path().join("data").display()
        );
        std::fs::write(directory.path().join("properties"), properties).unwrap();
        let format = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config"];
        let formatted = java().args(format).arg(directory.path().join("properties")).output().unwrap();
        assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));
        let child = run(&directory);
        let broker = Self { child, directory, address: format!("127.0.0.1:{port}") };
        broker.answers();
        broker
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after a kill, with what it had.
    pub(crate) fn start_again(&mut self) {
        self.child = run(&self.directory);
        self.answers();
    }

    fn answers(&self) {
        let consumer = self.consumer();
        let began = Instant::now();
        while consumer.fetch_metadata(None, Duration::from_secs(1)).is_err() {
            assert!(began.elapsed() < PATIENCE, "the broker did not come up");
        }
    }

    fn consumer(&self) -> BaseConsumer {
        self.config().set("group.id", "tests").set("enable.auto.commit", "false").create().unwrap()
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    /// Makes a topic.
    pub(crate) async fn create(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let topic = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
        let made = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
        made.into_iter().for_each(|made| assert!(made.is_ok(), "{made:?}"));
    }

    /// Everything that a topic holds, each partition in its order.
    pub(crate) fn all(&self, topic: &str) -> Vec<Received> {
        let consumer = self.consumer();
        let (mut list, mut expected) = (TopicPartitionList::new(), 0);
        for partition in 0..PARTITIONS {
            let (low, high) = consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap();
            expected += usize::try_from(high - low).unwrap();
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut all, began) = (Vec::new(), Instant::now());
        while all.len() < expected {
            assert!(began.elapsed() < PATIENCE, "{} of {expected} messages were read", all.len());
            let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
            let message = message.unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let headers = message.headers().unwrap();
            all.push(Received {
                partition: message.partition(),
                key: text(message.key().unwrap()),
                headers: headers.iter().map(|header| (header.key.to_owned(), text(header.value.unwrap()))).collect(),
                event: serde_json::from_slice(message.payload().unwrap()).unwrap(),
            });
        }
        all
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of Kafka's jars, which `daegeum/tests/kafka/install` fetches.
fn java() -> Command {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.cache/kafka/bin/kafka-java");
    assert!(program.exists(), "Kafka is not here; run daegeum/tests/kafka/install");
    Command::new(program)
}

fn run(directory: &TempDir) -> Child {
    let log = std::fs::File::create(directory.path().join("log")).unwrap();
    java()
        .arg("kafka.Kafka")
        .arg(directory.path().join("properties"))
        .env("JAVA_TOOL_OPTIONS", "-Xmx256m")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Ports that were free a moment ago. Kafka has to be told its ports before it starts.
fn free_ports() -> [u16; 2] {
    let taken = [0; 2].map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    taken.map(|listener| listener.local_addr().unwrap().port())
}
