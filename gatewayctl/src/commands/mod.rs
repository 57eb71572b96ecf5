//! What each command does. A command gives the text to print, or why it failed.

mod configuration;
mod dead_letters;
mod doubts;
mod messages;
mod mo;
mod password;
mod provider;
mod route;

use serde::Serialize;

use crate::cli::{
    Cli, Command, DeadLettersCommand, DoubtsCommand, MoCommand, ProviderCommand, RouteCommand,
};
use crate::client::Client;
use crate::failure::Failure;

/// Runs a command; what it has to say, as text or JSON.
///
/// # Errors
/// [`Failure`].
pub async fn run(cli: &Cli) -> Result<String, Failure> {
    let client = || Client::new(&cli.gateway);
    match &cli.command {
        Command::Validate(files) => configuration::check(files, cli.json),
        Command::Plan(files) => configuration::plan(&client()?, files, cli.json).await,
        Command::Apply(apply) => configuration::apply(&client()?, apply, cli.json).await,
        Command::Show { version } => configuration::show(&client()?, *version, cli.json).await,
        Command::Schema => configuration::schema(),
        Command::HashPassword => password::hash(std::io::stdin().lock(), cli.json),
        Command::Route(RouteCommand::Explain(asked)) => {
            route::explain(&client()?, asked, cli.json).await
        }
        Command::Mo(MoCommand::Explain(asked)) => mo::explain(&client()?, asked, cli.json).await,
        Command::Provider(ProviderCommand::Drain { provider }) => {
            provider::drain(&client()?, provider, cli.json).await
        }
        Command::Doubts(DoubtsCommand::List(asked)) => {
            doubts::list(&client()?, asked, cli.json).await
        }
        Command::Doubts(DoubtsCommand::Resolve(asked)) => {
            doubts::resolve(&client()?, asked, cli.json).await
        }
        Command::DeadLetters(DeadLettersCommand::List(asked)) => {
            dead_letters::list(&client()?, asked, cli.json).await
        }
        Command::DeadLetters(DeadLettersCommand::Redrive(asked)) => {
            dead_letters::redrive(&client()?, asked, cli.json).await
        }
        Command::Message(asked) => messages::one(&client()?, asked, cli.json).await,
        Command::Messages(asked) => messages::many(&client()?, asked, cli.json).await,
    }
}

/// `value` as JSON if that is wanted, else what `text` makes of it.
fn said<T: Serialize>(
    json: bool,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<String, Failure> {
    if json { pretty(value) } else { Ok(text(value)) }
}

fn pretty<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::Unusable(error.to_string()))
}

/// Rows as lines with aligned columns; the first row is their heading.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
