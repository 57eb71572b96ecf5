//! Table `assemblies` in an embedded store on loopback, as template.yaml declares it.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const TABLE: &str = "assemblies";

/// A store on a free port, on threads of its own (its calls block).
pub(crate) fn serve() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()).await;
        });
    });
    told.recv_timeout(Duration::from_secs(30)).unwrap()
}

/// A client of the store at `address`.
pub(crate) fn client(address: SocketAddr) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(10));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .timeout_config(timeouts.build())
        .build();
    Client::from_conf(config)
}

/// The table.
pub(crate) async fn create_table(client: &Client) {
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let projection = Projection::builder()
        .projection_type(ProjectionType::Include)
        .non_key_attributes("version")
        .build();
    let index = GlobalSecondaryIndex::builder()
        .index_name("due")
        .key_schema(key("due_hour", KeyType::Hash))
        .key_schema(key("due_at", KeyType::Range))
        .projection(projection)
        .build()
        .unwrap();
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("key", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_hour", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_at", ScalarAttributeType::N))
        .key_schema(key("key", KeyType::Hash))
        .global_secondary_indexes(index)
        .send()
        .await
        .unwrap();
}

/// A way to the store that can lose answers: the request arrives, the connection breaks.
#[derive(Clone)]
pub(crate) struct Lossy {
    pub(crate) address: SocketAddr,
    lose: Arc<AtomicBool>,
}

impl Lossy {
    pub(crate) async fn before(store: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let lossy = Self {
            address: listener.local_addr().unwrap(),
            lose: Arc::new(AtomicBool::new(false)),
        };
        let lose = lossy.lose.clone();
        tokio::spawn(async move {
            while let Ok((customer, _)) = listener.accept().await {
                tokio::spawn(forward(customer, store, lose.clone()));
            }
        });
        lossy
    }

    /// The next answer is lost.
    pub(crate) fn lose_next(&self) {
        self.lose.store(true, Ordering::SeqCst);
    }

    /// True if one is still to be lost.
    pub(crate) fn is_losing(&self) -> bool {
        self.lose.load(Ordering::SeqCst)
    }
}

async fn forward(near: TcpStream, store: SocketAddr, lose: Arc<AtomicBool>) {
    let far = TcpStream::connect(store).await.unwrap();
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let requests = tokio::spawn(async move {
        tokio::io::copy(&mut near_read, &mut far_write).await.ok();
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = far_read.read(&mut buffer).await {
        if lose.swap(false, Ordering::SeqCst) {
            break;
        }
        if near_write.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    requests.abort();
}

/// A way to the store on which the first request gets this answer and does not arrive.
pub(crate) async fn answers_first(body: &'static str, store: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut customer, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        // The only request of its connection ends with its body's closing brace.
        while !request.ends_with(b"}") {
            assert_ne!(customer.read_buf(&mut request).await.unwrap(), 0);
        }
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        customer.write_all(answer.as_bytes()).await.unwrap();
        drop(customer);
        while let Ok((customer, _)) = listener.accept().await {
            tokio::spawn(forward(customer, store, Arc::default()));
        }
    });
    address
}
