//! What is made in the local account before anything runs: tables of the template. (The queues' part
//! makes its queues itself.)

mod tables;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};

pub use tables::create as create_tables;

/// Keys that open nothing; the SDKs want some.
const KEY: &str = "local";

/// Where the account's services are.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// Region.
    pub region: String,
    /// DynamoDB, e.g. `http://127.0.0.1:8000`.
    pub store: String,
    /// SQS.
    pub queues: String,
}

impl Endpoints {
    /// A client of the store.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .endpoint_url(&self.store)
            .credentials_provider(Credentials::new(KEY, KEY, None, None, "local"))
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// A client of the queues.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .endpoint_url(&self.queues)
            .credentials_provider(Credentials::new(KEY, KEY, None, None, "local"))
            .build();
        aws_sdk_sqs::Client::from_conf(config)
    }

    /// What the SDKs read from the environment, in functions and services.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        [
            ("AWS_REGION", self.region.as_str()),
            ("AWS_DEFAULT_REGION", &self.region),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.store),
            ("AWS_ENDPOINT_URL_SQS", &self.queues),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}
