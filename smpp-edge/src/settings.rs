//! Settings of the edge, from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use platform::settings::{SettingError, optional, or, required};

use crate::deliveries::Tables;

/// Everything that is set from outside; customers are in the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where customers bind without TLS; none: TLS only.
    pub listen: Option<SocketAddr>,
    /// Where customers bind with TLS.
    pub tls: Option<TlsSettings>,
    /// Where the load balancer asks whether we are well.
    pub health: SocketAddr,
    /// Expect the PROXY protocol v2 on every connection (behind an NLB that sends it).
    pub proxy_protocol: bool,
    /// Connections of one address that have not bound yet; more are closed at once.
    pub unbound_per_address: usize,
    /// Connections of all addresses; more are closed at once.
    pub connections_max: usize,
    /// Table with the configuration.
    pub config_table: String,
    /// Tables of who is bound where, and of what waits.
    pub tables: Tables,
    /// Consumer group that the edge's nodes share `edge-deliveries` in.
    pub group: String,
    /// Table of what happened to messages.
    pub messages_table: String,
    /// Table of messages that wait for their time.
    pub scheduled_table: String,
    /// URL of the queue of times that have come.
    pub releases_queue: String,
    /// Our name in bind responses.
    pub system_id: String,
    /// Longest validity, hours; topics keep messages for four days more.
    pub validity_max_h: u32,
    /// Silence of a bound customer after which it is asked whether it is there.
    pub enquire_link: Duration,
    /// How long a submit that left for Kafka and was not answered is retried; then the customer is
    /// told `ESME_RSYSERR`.
    pub publish_retry: Duration,
    /// Time from SIGTERM to the end of the last connection.
    pub drain: Duration,
}

/// The TLS listener.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// Where.
    pub listen: SocketAddr,
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

impl Settings {
    /// Reads and checks them.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn from_environment() -> Result<Self, SettingError> {
        Ok(Self {
            listen: optional("SMPP_LISTEN", "address:port for customers without TLS")?,
            tls: tls()?,
            health: required("HEALTH_LISTEN", "address:port for the load balancer's health check")?,
            proxy_protocol: or(
                "PROXY_PROTOCOL",
                "true if the load balancer sends the PROXY protocol v2",
                false,
            )?,
            unbound_per_address: or(
                "UNBOUND_PER_ADDRESS_MAX",
                "connections of one address that have not bound",
                64,
            )?,
            connections_max: or("CONNECTIONS_MAX", "connections at once", 20_000)?,
            config_table: required("TABLE_CONFIG", "name of the table with the configuration")?,
            tables: Tables {
                binds: required("TABLE_CUSTOMER_BINDS", "name of the table of who is bound where")?,
                nodes: required("TABLE_EDGE_NODES", "name of the table of the edge's nodes")?,
                mailboxes: required("TABLE_MAILBOXES", "name of the table of what waits")?,
            },
            group: or("EDGE_GROUP", "consumer group of the edge's nodes", "smpp-edge".to_owned())?,
            messages_table: required(
                "TABLE_MESSAGES",
                "name of the table of what happened to messages",
            )?,
            scheduled_table: required(
                "TABLE_SCHEDULED",
                "name of the table of messages that wait for their time",
            )?,
            releases_queue: required("QUEUE_RELEASES", "URL of the queue of times that have come")?,
            system_id: or("SYSTEM_ID", "our system_id in bind responses", "gateway".to_owned())?,
            validity_max_h: or("VALIDITY_MAX_H", "longest validity in hours", 72)?,
            enquire_link: Duration::from_secs(or(
                "ENQUIRE_LINK_S",
                "seconds of silence until enquire_link; load balancers cut at 350",
                30,
            )?),
            publish_retry: Duration::from_secs(or(
                "PUBLISH_RETRY_S",
                "seconds for which a submit that Kafka does not answer is retried",
                30,
            )?),
            drain: Duration::from_secs(or("DRAIN_S", "seconds from SIGTERM to exit", 100)?),
        })
    }
}

fn tls() -> Result<Option<TlsSettings>, SettingError> {
    let Some(listen) = optional("SMPP_TLS_LISTEN", "address:port for customers with TLS")? else {
        return Ok(None);
    };
    Ok(Some(TlsSettings {
        listen,
        certificate: required("SMPP_TLS_CERTIFICATE", "file with the certificate chain, PEM")?,
        key: required("SMPP_TLS_KEY", "file with the certificate's key, PEM")?,
    }))
}
