//! What stands in for DynamoDB: how much is in a table.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::control;

/// Items in `table` of the store at `endpoint` (`http://host:port`).
///
/// # Errors
/// It does not answer, or there is no such table.
pub fn items(endpoint: &str, table: &str) -> anyhow::Result<u64> {
    let address = endpoint.trim_start_matches("http://");
    let (mut count, mut from) = (0, Value::Null);
    loop {
        let mut scan = json!({"TableName": table, "Select": "COUNT"});
        if !from.is_null() {
            scan["ExclusiveStartKey"] = from;
        }
        let page = control::call(address, "DynamoDB_20120810.Scan", &scan)?;
        count += page["Count"].as_u64().context("a scan without a count")?;
        from = page["LastEvaluatedKey"].clone();
        if from.is_null() {
            return Ok(count);
        }
    }
}
