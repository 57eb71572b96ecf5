//! The tables of deliveries against an embedded DynamoDB: binds, nodes, leases, mailboxes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    LocalSecondaryIndex, Projection, ProjectionType, ScalarAttributeType,
};
use domain::address::Address;
use domain::id::{CustomerId, DeliveryId, MessageId, PartId};
use domain::receipts::MessageState;
use platform::deliveries::{
    Bind, BindWrite, Binds, DELIVERY_KEPT_MS, EdgeNode, LeaseAnswer, Leases, Mailboxes, Parked,
    Presence as _,
};
use wire::V;
use wire::assembly_deadlines::due_hour;
use wire::customer_deliveries::{CustomerDelivery, Delivered, Receipt};

const NOW_MS: u64 = 1_760_000_000_000;

fn serve() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()).await;
        });
    });
    told.recv_timeout(Duration::from_secs(30)).unwrap()
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

/// The tables as template.yaml declares them.
async fn tables() -> Client {
    use KeyType::{Hash, Range};
    use ScalarAttributeType::{N, S};
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", serve()))
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"));
    let client = Client::from_conf(config.build());
    let table = |name: &str| {
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest)
    };
    let binds = table("binds")
        .attribute_definitions(attribute("customer", S))
        .attribute_definitions(attribute("bind", S))
        .key_schema(key("customer", Hash))
        .key_schema(key("bind", Range));
    binds.send().await.unwrap();
    let nodes =
        table("nodes").attribute_definitions(attribute("node", S)).key_schema(key("node", Hash));
    nodes.send().await.unwrap();
    let all = Projection::builder().projection_type(ProjectionType::All).build();
    let keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let waiting = LocalSecondaryIndex::builder()
        .index_name("waiting")
        .key_schema(key("customer", Hash))
        .key_schema(key("waiting", Range))
        .projection(all);
    let due = GlobalSecondaryIndex::builder()
        .index_name("due")
        .key_schema(key("due_hour", Hash))
        .key_schema(key("due_at", Range))
        .projection(keys);
    let mailboxes = table("mailboxes")
        .attribute_definitions(attribute("customer", S))
        .attribute_definitions(attribute("id", S))
        .attribute_definitions(attribute("waiting", S))
        .attribute_definitions(attribute("due_hour", S))
        .attribute_definitions(attribute("due_at", N))
        .key_schema(key("customer", Hash))
        .key_schema(key("id", Range))
        .local_secondary_indexes(waiting.build().unwrap())
        .global_secondary_indexes(due.build().unwrap());
    mailboxes.send().await.unwrap();
    client
}

fn bind(customer: &str, bind: &str) -> Bind {
    Bind { customer: customer.into(), bind: bind.into(), node: "a".into(), until_ms: NOW_MS }
}

fn delivery(customer: &str, n: u16) -> CustomerDelivery {
    let [high, low] = n.to_be_bytes();
    let part = PartId::new(NOW_MS, [high, low, 0, 0, 0, 0, 0, 0, 0, 0]);
    let address = |number: &str| Address { ton: 1, npi: 1, number: number.into() };
    CustomerDelivery {
        v: V,
        id: part.delivery("delivered"),
        customer: customer.into(),
        message: MessageId::from(part),
        what: Delivered::Receipt(Receipt {
            part,
            source: address("4670"),
            destination: address("4671"),
            state: MessageState::Delivered,
            is_final: true,
            error: "000".into(),
            network_error: None,
            accepted_ms: NOW_MS,
            done_ms: NOW_MS,
        }),
        at_ms: NOW_MS + u64::from(n),
        hops: 0,
    }
}

fn parked(customer: &str, n: u16) -> Parked {
    Parked { delivery: delivery(customer, n), not_before_ms: 0, tries: 0 }
}

fn acme() -> CustomerId {
    "acme".into()
}

async fn waiting(mailboxes: &Mailboxes, lease: u64) -> Vec<u16> {
    let found = mailboxes.fetch(&acme(), lease, None, 1_000, NOW_MS).await.unwrap();
    let number = |at_ms: u64| u16::try_from(at_ms - NOW_MS).unwrap();
    found.mails.iter().map(|mail| number(mail.delivery.at_ms)).collect()
}

fn id(n: u16) -> DeliveryId {
    delivery("acme", n).id
}

#[tokio::test]
async fn binds_and_nodes_are_found_until_they_are_removed_by_their_own_name() {
    let client = tables().await;
    let binds = Binds::new(client.clone(), "binds".into(), "nodes".into());
    let many: Vec<_> = (0..60).map(|n| BindWrite::Put(bind("acme", &format!("a-{n}")))).collect();
    binds.write(&many).await.unwrap();
    binds.write(&[BindWrite::Put(bind("beta", "a-99"))]).await.unwrap();
    // The lease of a drainer is no bind.
    let leases = Leases::new(client, "binds".into());
    leases.take(&acme(), "me", NOW_MS, NOW_MS + 1_000).await.unwrap();
    let both = [acme(), "beta".into(), "gamma".into()];
    let found = binds.binds(&both, true).await.unwrap();
    assert_eq!(found[&acme()].len(), 60);
    assert_eq!(found[&CustomerId::from("beta")], [bind("beta", "a-99")]);
    assert_eq!(found[&CustomerId::from("gamma")], []);

    let removal = BindWrite::Remove(acme(), "a-7".into());
    binds.write(std::slice::from_ref(&removal)).await.unwrap();
    binds.write(&[removal]).await.unwrap();
    assert_eq!(binds.binds(&[acme()], true).await.unwrap()[&acme()].len(), 59);

    let node = EdgeNode { node: "a".into(), partitions: vec![3, 1], until_ms: NOW_MS };
    let idle = EdgeNode { node: "b".into(), partitions: Vec::new(), until_ms: NOW_MS };
    binds.put_node(&node).await.unwrap();
    binds.put_node(&idle).await.unwrap();
    let mut found = binds.nodes(true).await.unwrap();
    found.sort_by(|one, other| one.node.cmp(&other.node));
    assert_eq!(found, [node, idle.clone()]);
    binds.remove_node("a").await.unwrap();
    assert_eq!(binds.nodes(true).await.unwrap(), [idle]);
}

#[tokio::test]
async fn one_holds_the_lease_until_it_ends_and_the_next_has_a_higher_number() {
    let leases = Leases::new(tables().await, "binds".into());
    let take = |holder: &'static str, now_ms: u64| {
        let leases = leases.clone();
        async move { leases.take(&acme(), holder, now_ms, now_ms + 10_000).await.unwrap() }
    };
    let LeaseAnswer::Taken(first) = take("one", NOW_MS).await else { panic!() };
    assert_eq!((first.number, first.until_ms), (NOW_MS, NOW_MS + 10_000));
    let held = LeaseAnswer::Held { until_ms: NOW_MS + 10_000 };
    assert_eq!(take("two", NOW_MS + 11_999).await, held, "clocks differ");
    assert!(leases.renew(&first, NOW_MS + 20_000).await.unwrap());
    assert!(matches!(take("two", NOW_MS + 12_000).await, LeaseAnswer::Held { .. }));

    leases.release(&first).await.unwrap();
    let LeaseAnswer::Taken(second) = take("two", NOW_MS).await else { panic!() };
    assert_eq!(second.number, first.number + 1, "also within a millisecond");
    assert!(!leases.renew(&first, NOW_MS + 99_000).await.unwrap(), "lost");
    leases.release(&first).await.unwrap();
    assert!(matches!(take("three", NOW_MS).await, LeaseAnswer::Held { .. }), "not theirs to give");
}

#[tokio::test]
async fn what_is_parked_is_there_once_waits_in_order_and_done_is_done() {
    let mailboxes = Mailboxes::new(tables().await, "mailboxes".into());
    assert!(!mailboxes.has_mail(&acme()).await.unwrap());
    let many: Vec<_> = (0..100).rev().map(|n| parked("acme", n)).collect();
    mailboxes.park(&many).await.unwrap();
    mailboxes.park(&many).await.unwrap();
    mailboxes.park(&[parked("acme", 5)]).await.unwrap();
    mailboxes.park(&[parked("beta", 6)]).await.unwrap();
    assert!(mailboxes.has_mail(&acme()).await.unwrap());
    assert_eq!(waiting(&mailboxes, 1).await, (0..100).collect::<Vec<_>>());

    let done: Vec<_> = (0..99).map(|n| (acme(), id(n))).collect();
    mailboxes.done(&done, NOW_MS).await.unwrap();
    assert_eq!(waiting(&mailboxes, 1).await, [99]);
    // Parked again by a run that comes late, it stays done.
    mailboxes.park(&many).await.unwrap();
    mailboxes.park(&[parked("acme", 5)]).await.unwrap();
    assert_eq!(waiting(&mailboxes, 2).await, [99]);
    mailboxes.done(&[(acme(), id(99))], NOW_MS).await.unwrap();
    assert!(!mailboxes.has_mail(&acme()).await.unwrap());
    assert!(mailboxes.has_mail(&"beta".into()).await.unwrap(), "another's is untouched");
}

#[tokio::test]
async fn a_fetch_goes_on_where_the_last_one_stopped() {
    let mailboxes = Mailboxes::new(tables().await, "mailboxes".into());
    let many: Vec<_> = (0..25).map(|n| parked("acme", n)).collect();
    mailboxes.park(&many).await.unwrap();
    let mut after = None;
    let mut found = Vec::new();
    loop {
        let page = mailboxes.fetch(&acme(), 1, after.as_deref(), 10, NOW_MS).await.unwrap();
        found.extend(page.mails.iter().map(|mail| mail.delivery.at_ms - NOW_MS));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_older_leases_claim_is_taken_over_and_a_newer_ones_respected() {
    let mailboxes = Mailboxes::new(tables().await, "mailboxes".into());
    mailboxes.park(&[parked("acme", 1), parked("acme", 2)]).await.unwrap();
    assert_eq!(waiting(&mailboxes, 5).await, [1, 2]);
    assert_eq!(waiting(&mailboxes, 5).await, [1, 2], "a repeat finds its own claims");
    assert_eq!(waiting(&mailboxes, 6).await, [1, 2]);
    assert_eq!(waiting(&mailboxes, 5).await, [0_u16; 0]);
    // Put off by the old one: not its to say any more.
    mailboxes.put_off(&acme(), id(1), 5, NOW_MS + 1_000, 1).await.unwrap();
    assert_eq!(waiting(&mailboxes, 6).await, [1, 2]);
    mailboxes.put_off(&acme(), id(1), 6, NOW_MS + 1_000, 1).await.unwrap();
    let found = mailboxes.fetch(&acme(), 6, None, 10, NOW_MS).await.unwrap();
    assert_eq!((found.mails.len(), found.later_ms), (1, Some(NOW_MS + 1_000)));
    let later = mailboxes.fetch(&acme(), 6, None, 10, NOW_MS + 1_000).await.unwrap();
    assert_eq!((later.mails.len(), later.mails[0].tries), (2, 1));
}

#[tokio::test]
async fn what_waits_too_long_is_found_by_its_hour_until_it_is_done() {
    let mailboxes = Mailboxes::new(tables().await, "mailboxes".into());
    mailboxes.park(&[parked("acme", 1), parked("beta", 2)]).await.unwrap();
    let due_ms = NOW_MS + 1 + DELIVERY_KEPT_MS;
    let hour = due_hour(due_ms);
    let early = mailboxes.due(&hour, due_ms, 10).await.unwrap();
    assert_eq!(early, [(acme(), id(1))]);
    let both = mailboxes.due(&hour, due_ms + 1, 10).await.unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(mailboxes.get(&both).await.unwrap().len(), 2);
    mailboxes.done(&early, NOW_MS).await.unwrap();
    assert_eq!(mailboxes.get(&both).await.unwrap(), [delivery("beta", 2)]);
    assert_eq!(mailboxes.due(&hour, due_ms + 1, 10).await.unwrap().len(), 1);
}
