//! Lambda `record`: settings, clients, run.

use std::io::Write as _;

use platform::function::{Shell, serve};
use platform::kafka::KafkaSettings;
use platform::settings::exit_on_error;
use record::handler::{BY, Handler};
use record::settings::Environment;
use record::store::DynamoStore;
use serde_json::value::RawValue;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let environment = exit_on_error(Environment::read());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let handler = Handler {
        store: DynamoStore::new(platform::aws::dynamodb().await, environment.table),
        shell: Shell::new(BY, &kafka, environment.publish_timeout)?,
        form: environment.form,
        lines: environment.lines,
        write_out,
    };
    serve(async |event: &RawValue| handler.handle(&serde_json::from_str(event.get())?).await).await
}

/// Whoever reads the stream has it at least once: lines that cannot be written are no reason to record
/// their events again.
fn write_out(lines: &str) {
    if let Err(error) = std::io::stdout().lock().write_all(lines.as_bytes()) {
        tracing::error!(event = "lines_not_written", %error);
    }
}
