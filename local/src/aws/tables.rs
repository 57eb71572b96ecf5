//! Tables of the template, made in the local store.

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, LocalSecondaryIndex,
    Projection, TimeToLiveSpecification,
};

use crate::template::{Index, KeyPart, Table};

/// Makes the tables that are not there yet.
///
/// # Errors
/// The store does not answer or refuses.
pub async fn create(client: &Client, tables: &[Table]) -> anyhow::Result<()> {
    for table in tables {
        create_one(client, table).await.with_context(|| format!("table {}", table.name))?;
    }
    Ok(())
}

async fn create_one(client: &Client, table: &Table) -> anyhow::Result<()> {
    let attributes: Result<Vec<_>, _> = table
        .attributes
        .iter()
        .map(|(name, kind)| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(kind.as_str().into())
                .build()
        })
        .collect();
    let indexes: anyhow::Result<Vec<_>> = table.indexes.iter().map(index).collect();
    let local: anyhow::Result<Vec<_>> = table.local_indexes.iter().map(local_index).collect();
    let made = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes?))
        .set_key_schema(Some(key(&table.key)?))
        .set_global_secondary_indexes(Some(indexes?).filter(|indexes| !indexes.is_empty()))
        .set_local_secondary_indexes(Some(local?).filter(|indexes| !indexes.is_empty()))
        .send()
        .await;
    match made {
        Err(error)
            if error.as_service_error().is_some_and(|it| it.is_resource_in_use_exception()) =>
        {
            return Ok(());
        }
        made => made.context("is not made")?,
    };
    let Some(attribute) = &table.ttl else { return Ok(()) };
    let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build()?;
    let update = client.update_time_to_live().table_name(&table.name);
    update.time_to_live_specification(ttl).send().await.context("gets no time to live")?;
    Ok(())
}

fn key(parts: &[KeyPart]) -> anyhow::Result<Vec<KeySchemaElement>> {
    let part = |part: &KeyPart| {
        KeySchemaElement::builder()
            .attribute_name(&part.attribute)
            .key_type(part.kind.as_str().into())
            .build()
    };
    Ok(parts.iter().map(part).collect::<Result<_, _>>()?)
}

fn index(index: &Index) -> anyhow::Result<GlobalSecondaryIndex> {
    let built = GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key(&index.key)?))
        .projection(projection(index))
        .build();
    Ok(built?)
}

fn local_index(index: &Index) -> anyhow::Result<LocalSecondaryIndex> {
    let built = LocalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key(&index.key)?))
        .projection(projection(index))
        .build();
    Ok(built?)
}

fn projection(index: &Index) -> Projection {
    let included = Some(index.included.clone()).filter(|names| !names.is_empty());
    Projection::builder()
        .projection_type(index.projection.as_str().into())
        .set_non_key_attributes(included)
        .build()
}
