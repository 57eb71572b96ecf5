//! What each command does. A command gives the text to print, or why it failed.

mod configuration;
mod password;
mod route;

use serde::Serialize;

use crate::cli::{Cli, Command, RouteCommand};
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
