//! What a broker on one machine is told. Lean: little memory, no idle work, quick groups.

use std::fmt::Write as _;
use std::path::Path;

/// Where one node listens. Ids count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Node id.
    pub id: u32,
    /// For clients, loopback.
    pub port: u16,
    /// For the quorum, loopback.
    pub controller_port: u16,
}

/// All for one machine; memory, threads, waits (figures: bench/README.md).
const LEAN: &str = "\
num.network.threads=1
num.io.threads=2
background.threads=2
group.coordinator.threads=1
log.cleaner.dedupe.buffer.size=2097152
log.cleaner.io.buffer.size=65536
metadata.max.idle.interval.ms=0
group.coordinator.append.linger.ms=0
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
unclean.leader.election.enable=false
group.min.session.timeout.ms=500
group.consumer.min.session.timeout.ms=500
group.consumer.session.timeout.ms=2000
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=300
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=1
share.coordinator.state.topic.num.partitions=1
";

/// A dead broker or controller is noticed within seconds.
const QUICK_TO_NOTICE: &str = "\
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
controller.quorum.request.timeout.ms=1000
controller.quorum.election.backoff.max.ms=300
replica.lag.time.max.ms=2000
replica.fetch.wait.max.ms=200
replica.socket.timeout.ms=1500
";

/// `server.properties` of one of `nodes`.
#[must_use]
pub fn server_properties(node: Node, nodes: &[Node], data: &Path) -> String {
    let voters: Vec<_> =
        nodes.iter().map(|it| format!("{}@127.0.0.1:{}", it.id, it.controller_port)).collect();
    let Node { id, port, controller_port } = node;
    let (replicas, in_sync) = if nodes.len() >= 3 { (3, 2) } else { (1, 1) };
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id={id}\n\
         controller.quorum.voters={}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n\
         min.insync.replicas={in_sync}\n\
         default.replication.factor={replicas}\n",
        voters.join(","),
        data.display(),
    );
    for topic in ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{topic}.replication.factor={replicas}");
    }
    for topic in ["transaction.state.log", "share.coordinator.state.topic"] {
        let _ = writeln!(text, "{topic}.min.isr={in_sync}");
    }
    text.push_str(LEAN);
    if nodes.len() > 1 {
        text.push_str(QUICK_TO_NOTICE);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: u32) -> Vec<Node> {
        (1..=count).map(|id| Node { id, port: 9000, controller_port: 9100 }).collect()
    }

    #[test]
    fn one_broker_replicates_once_and_three_keep_two_in_sync() {
        let data = Path::new("data");
        let one = server_properties(nodes(1)[0], &nodes(1), data);
        assert!(one.contains("offsets.topic.replication.factor=1\n"));
        // Its session is waited for when it comes again after it was killed.
        assert!(!one.contains("broker.session.timeout.ms"));
        let three = server_properties(nodes(3)[1], &nodes(3), data);
        assert!(three.contains("node.id=2\n"));
        assert!(three.contains("min.insync.replicas=2\n"));
        assert!(three.contains("broker.session.timeout.ms=1500\n"));
        assert!(three.contains("1@127.0.0.1:9100,2@127.0.0.1:9100,3@127.0.0.1:9100\n"));
    }
}
