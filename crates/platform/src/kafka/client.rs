//! Settings that every Kafka client shares: where the brokers are and how to authenticate.

use std::error::Error;

use anyhow::Context as _;
use aws_config::Region;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::settings::{self, SettingError};

/// Where the brokers are and how safe topics have to be.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    bootstrap: String,
    iam_region: Option<String>,
    /// One local broker is accepted; never set on AWS.
    pub allow_single_broker: bool,
}

impl KafkaSettings {
    /// From `KAFKA_BOOTSTRAP` (plain text), or `KAFKA_CLUSTER_ARN` (MSK, TLS, IAM), and
    /// `KAFKA_ALLOW_SINGLE_BROKER`.
    ///
    /// # Errors
    /// A setting is missing or wrong, or MSK does not answer.
    pub async fn from_environment() -> anyhow::Result<Self> {
        let allow_single_broker = settings::or(
            "KAFKA_ALLOW_SINGLE_BROKER",
            "true only on one machine: topics without replication are accepted",
            false,
        )?;
        let bootstrap: Option<String> =
            settings::optional("KAFKA_BOOTSTRAP", "host:port of the brokers, comma-separated")?;
        if let Some(bootstrap) = bootstrap {
            return Ok(Self { bootstrap, iam_region: None, allow_single_broker });
        }
        let arn: String = settings::optional("KAFKA_CLUSTER_ARN", "ARN of the MSK cluster")?
            .ok_or(SettingError::Missing {
                name: "KAFKA_BOOTSTRAP or KAFKA_CLUSTER_ARN",
                meaning: "the brokers, or the ARN of the MSK cluster",
            })?;
        let shared = crate::aws::shared_config().await;
        let region = shared.region().context("AWS_REGION is not set")?.to_string();
        let brokers = aws_sdk_kafka::Client::new(&shared)
            .get_bootstrap_brokers()
            .cluster_arn(&arn)
            .send()
            .await
            .context("MSK does not tell the brokers of KAFKA_CLUSTER_ARN")?;
        let bootstrap = brokers
            .bootstrap_broker_string_sasl_iam()
            .context("the MSK cluster has no IAM listener; enable IAM authentication on it")?
            .to_owned();
        Ok(Self { bootstrap, iam_region: Some(region), allow_single_broker })
    }

    /// Plain-text brokers, for tests and tools.
    #[must_use]
    pub fn local(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned(), iam_region: None, allow_single_broker: true }
    }

    /// What every client starts from. Short time-outs: a dead broker is noticed within seconds.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("socket.timeout.ms", "3000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "500")
            .set("retry.backoff.ms", "50")
            .set("retry.backoff.max.ms", "300")
            .set("topic.metadata.refresh.fast.interval.ms", "50")
            .set("topic.metadata.refresh.interval.ms", "5000");
        if self.iam_region.is_some() {
            config.set("security.protocol", "SASL_SSL").set("sasl.mechanism", "OAUTHBEARER");
        }
        config
    }

    /// An idempotent producer's settings: `acks=all`, retried until `delivery_timeout_ms`.
    #[must_use]
    pub fn producer(&self, linger_ms: u32, delivery_timeout_ms: u32) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("request.timeout.ms", "2000")
            .set("linger.ms", linger_ms.to_string())
            .set("delivery.timeout.ms", delivery_timeout_ms.to_string())
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "131072")
            .set("batch.num.messages", "10000");
        config
    }

    /// The callbacks' context: tokens for IAM.
    #[must_use]
    pub fn context(&self) -> Context {
        Context {
            iam_region: self.iam_region.clone(),
            runtime: tokio::runtime::Handle::try_current().ok(),
        }
    }
}

/// Callbacks of a client: logs, and tokens where MSK wants IAM.
#[derive(Debug, Clone)]
pub struct Context {
    iam_region: Option<String>,
    runtime: Option<tokio::runtime::Handle>,
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(event = "kafka_trouble", %error, reason);
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let region = self.iam_region.clone().ok_or("IAM is not configured")?;
        let runtime = self.runtime.as_ref().ok_or("no runtime to sign with")?;
        let signed =
            runtime.block_on(aws_msk_iam_sasl_signer::generate_auth_token(Region::new(region)));
        let (token, lifetime_ms) = signed.map_err(|error| error.to_string())?;
        Ok(OAuthToken { token, principal_name: String::new(), lifetime_ms })
    }
}

impl ConsumerContext for Context {}
