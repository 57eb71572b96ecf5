//! scratch: three ways of writing
use std::collections::HashMap;
use std::time::Instant;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue as A, BatchStatementRequest, Put, TransactWriteItem};
use futures_util::stream::{self, StreamExt as _};
#[path = "../tests/support/mod.rs"]
mod support;

fn item(key: &str) -> HashMap<String, A> {
    HashMap::from([
        ("key".into(), A::S(key.into())),
        ("version".into(), A::N("1".into())),
        ("writer".into(), A::S("0123456789abcdef0123456789abcdef".into())),
        ("v".into(), A::N("1".into())),
        ("finished".into(), A::B(Blob::new(vec![7; 58]))),
        ("ttl".into(), A::N("1760000000".into())),
    ])
}
fn key(prefix: &str, n: usize) -> String { format!("acme|12:5.0.sender name|11:1.1.46700{prefix}{n:06}|Udh16{n}/3") }

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = support::client(support::serve());
    support::create_table(&client).await;
    let total = 9_000usize;
    for at_once in [4, 16, 32] {
        let start = Instant::now();
        stream::iter(0..total).map(|n| {
            let client = client.clone();
            async move {
                client.put_item().table_name("assemblies").set_item(Some(item(&key(&format!("p{at_once}"), n))))
                    .condition_expression("attribute_not_exists(#key) OR (#version = :next AND #writer = :writer)")
                    .expression_attribute_names("#key", "key").expression_attribute_names("#version", "version").expression_attribute_names("#writer", "writer")
                    .expression_attribute_values(":next", A::N("1".into())).expression_attribute_values(":writer", A::S("x".into()))
                    .send().await.unwrap();
            }
        }).buffer_unordered(at_once).collect::<Vec<_>>().await;
        eprintln!("put {at_once}: {:.0}/s", total as f64 / start.elapsed().as_secs_f64());
    }
    for (chunk, at_once) in [(25, 2), (100, 1), (100, 2)] {
        let start = Instant::now();
        stream::iter((0..total).step_by(chunk)).map(|n| {
            let client = client.clone();
            async move {
                let items = (n..n + chunk).map(|n| {
                    let put = Put::builder().table_name("assemblies").set_item(Some(item(&key(&format!("t{chunk}{at_once}"), n))))
                    .condition_expression("attribute_not_exists(#key) OR (#version = :next AND #writer = :writer)")
                    .expression_attribute_names("#key", "key").expression_attribute_names("#version", "version").expression_attribute_names("#writer", "writer")
                    .expression_attribute_values(":next", A::N("1".into())).expression_attribute_values(":writer", A::S("x".into())).build().unwrap();
                    TransactWriteItem::builder().put(put).build()
                }).collect();
                client.transact_write_items().set_transact_items(Some(items)).send().await.unwrap();
            }
        }).buffer_unordered(at_once).collect::<Vec<_>>().await;
        eprintln!("transact {chunk}x{at_once}: {:.0}/s", total as f64 / start.elapsed().as_secs_f64());
    }
    for at_once in [1, 2, 4] {
        let start = Instant::now();
        stream::iter((0..total).step_by(25)).map(|n| {
            let client = client.clone();
            async move {
                let statements = (n..n + 25).map(|n| {
                    let i = item(&key(&format!("s{at_once}"), n));
                    BatchStatementRequest::builder()
                        .statement("INSERT INTO \"assemblies\" VALUE {'key':?,'version':?,'writer':?,'v':?,'finished':?,'ttl':?}")
                        .set_parameters(Some(["key","version","writer","v","finished","ttl"].iter().map(|k| i[*k].clone()).collect()))
                        .build().unwrap()
                }).collect();
                let out = client.batch_execute_statement().set_statements(Some(statements)).send().await.unwrap();
                for r in out.responses() { assert!(r.error().is_none(), "{r:?}"); }
            }
        }).buffer_unordered(at_once).collect::<Vec<_>>().await;
        eprintln!("partiql insert 25x{at_once}: {:.0}/s", total as f64 / start.elapsed().as_secs_f64());
        let start = Instant::now();
        stream::iter((0..total).step_by(25)).map(|n| {
            let client = client.clone();
            async move {
                let statements = (n..n + 25).map(|n| {
                    let i = item(&key(&format!("s{at_once}"), n));
                    BatchStatementRequest::builder()
                        .statement("UPDATE \"assemblies\" SET version=? SET writer=? SET v=? SET finished=? SET \"ttl\"=? REMOVE due_at REMOVE due_hour REMOVE state WHERE \"key\"=? AND version=?")
                        .set_parameters(Some(["version","writer","v","finished","ttl","key","version"].iter().map(|k| i[*k].clone()).collect()))
                        .build().unwrap()
                }).collect();
                let out = client.batch_execute_statement().set_statements(Some(statements)).send().await.unwrap();
                for r in out.responses() { assert!(r.error().is_none(), "{r:?}"); }
            }
        }).buffer_unordered(at_once).collect::<Vec<_>>().await;
        eprintln!("partiql update 25x{at_once}: {:.0}/s", total as f64 / start.elapsed().as_secs_f64());
    }
    let keys: Vec<String> = (0..total).map(|n| key("p16", n)).collect();
    for at_once in [1, 4] {
    let start = Instant::now();
    stream::iter(keys.chunks(100)).map(|keys| { let client = client.clone(); async move {
        let k = aws_sdk_dynamodb::types::KeysAndAttributes::builder().consistent_read(true)
            .set_keys(Some(keys.iter().map(|k| HashMap::from([("key".to_owned(), A::S(k.clone()))])).collect())).build().unwrap();
        client.batch_get_item().request_items("assemblies", k).send().await.unwrap();
    }}).buffer_unordered(at_once).collect::<Vec<_>>().await;
    eprintln!("batch get x{at_once} (found): {:.0}/s", total as f64 / start.elapsed().as_secs_f64());
    }
}
