//! What stands in for DynamoDB: how much is in a table, and what.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::control;

/// How many items are in `table` of the store at `endpoint` (`http://host:port`).
///
/// # Errors
/// It does not answer, or there is no such table.
pub fn items(endpoint: &str, table: &str) -> anyhow::Result<u64> {
    let mut count = 0;
    pages(endpoint, &json!({"TableName": table, "Select": "COUNT"}), |page| {
        count += page["Count"].as_u64().context("a scan without a count")?;
        Ok(())
    })?;
    Ok(count)
}

/// All items of `table`, as DynamoDB writes them.
///
/// # Errors
/// It does not answer, or there is no such table.
pub fn all(endpoint: &str, table: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    pages(endpoint, &json!({"TableName": table, "ConsistentRead": true}), |page| {
        all.extend(page["Items"].as_array().context("a scan without items")?.iter().cloned());
        Ok(())
    })?;
    Ok(all)
}

fn pages(
    endpoint: &str,
    scan: &Value,
    mut take: impl FnMut(&Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let address = endpoint.trim_start_matches("http://");
    let mut scan = scan.clone();
    loop {
        let page = control::call(address, "DynamoDB_20120810.Scan", &scan)?;
        take(&page)?;
        scan["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
        if scan["ExclusiveStartKey"].is_null() {
            return Ok(());
        }
    }
}
