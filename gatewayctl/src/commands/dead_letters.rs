//! `dead-letters list`, `dead-letters redrive`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use wire::admin_api::{Letter, LetterList, REDRIVE_MAX, RedriveBody, Redriven};

use super::{said, table};
use crate::cli::{ListLetters, Redrive};
use crate::client::Client;
use crate::failure::Failure;
use crate::times::{self, Since};

pub(super) async fn list(
    client: &Client,
    asked: &ListLetters,
    json: bool,
) -> Result<String, Failure> {
    let ListLetters { topic, since, limit } = asked;
    let list = letters(client, topic.as_deref(), *since, *limit).await?;
    said(json, &list, |list| listed(list, *since))
}

/// What was chosen by --topic is listed first, so that exactly that is redriven which was agreed
/// to.
pub(super) async fn redrive(
    client: &Client,
    asked: &Redrive,
    json: bool,
) -> Result<String, Failure> {
    let (ids, more) = match (&asked.topic, asked.since) {
        (Some(topic), Some(since)) => {
            let list = letters(client, Some(topic), since, asked.limit).await?;
            if !list.letters.is_empty() && !asked.yes {
                agreed(&list, topic, since, json)?;
            }
            (list.letters.into_iter().map(|letter| letter.id).collect(), list.more)
        }
        _ => (asked.ids.clone(), false),
    };
    let mut redriven = 0;
    for chunk in ids.chunks(REDRIVE_MAX) {
        let body = RedriveBody { ids: chunk.to_vec() };
        let answered = client.post::<Redriven>("/dead-letters/redrive", &body).await;
        redriven += answered.map_err(|failure| after(failure, redriven))?.redriven;
    }
    let done = serde_json::json!({ "redriven": redriven, "more": more });
    said(json, &done, |_| match more {
        true => format!("{redriven} redriven; there are more: redrive with a later --since"),
        false => format!("{redriven} redriven"),
    })
}

async fn letters(
    client: &Client,
    topic: Option<&str>,
    since: Since,
    limit: usize,
) -> Result<LetterList, Failure> {
    let parameters = [
        ("topic", topic.map(str::to_owned)),
        ("since_ms", Some(since.unix_ms.to_string())),
        ("limit", Some(limit.to_string())),
    ];
    client.ask("/dead-letters", &parameters).await
}

/// Asks a person; a program has to say --yes.
fn agreed(list: &LetterList, topic: &str, since: Since, json: bool) -> Result<(), Failure> {
    let (count, since) = (list.letters.len(), times::shown(since.unix_ms));
    let what = format!("{count} records of {topic} since {since} would be redriven");
    let refused = |why: &str| Err(Failure::Unusable(format!("{what}: {why}")));
    if json || !std::io::stdin().is_terminal() {
        return refused("say --yes to do it; nothing was done");
    }
    let mut answer = String::new();
    let asked = write!(std::io::stderr(), "{what}; do it? [y/N] ");
    let read = asked.and_then(|()| std::io::stdin().lock().read_line(&mut answer));
    match read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        true => Ok(()),
        false => refused("nothing was done"),
    }
}

/// A failure after some were redriven already.
fn after(failure: Failure, redriven: usize) -> Failure {
    let also = |what: String| match redriven {
        0 => what,
        _ => format!("{what} ({redriven} records were redriven before that)"),
    };
    match failure {
        Failure::Refused(mut problem) => {
            problem.title = also(problem.title);
            Failure::Refused(problem)
        }
        Failure::Unreachable(why) => Failure::Unreachable(also(why)),
        other => other,
    }
}

fn listed(list: &LetterList, since: Since) -> String {
    let mut text = match list.letters.is_empty() {
        true => format!("no dead letters since {}", times::shown(since.unix_ms)),
        false => table(&rows(&list.letters)),
    };
    if list.unreadable > 0 {
        text.push_str(&format!("\n\n{} records are no dead letters", list.unreadable));
    }
    if list.more {
        let last = list.letters.last().map(|letter| times::shown(letter.at_ms));
        let since = last.map(|last| format!("--since {last} or ")).unwrap_or_default();
        text.push_str(&format!("\n\nthere are more: {since}a larger --limit"));
    }
    text
}

fn rows(letters: &[Letter]) -> Vec<[String; 6]> {
    let heading = ["id", "time", "read from", "by", "octets", "reason"];
    let row = |letter: &Letter| {
        let lasting = if letter.redrivable { "" } else { " (cannot be redriven)" };
        [
            letter.id.clone(),
            times::shown(letter.at_ms),
            format!("{}/{}/{}", letter.topic, letter.partition, letter.offset),
            letter.by.clone(),
            format!("{}+{}", letter.key_octets, letter.value_octets),
            format!("{}{lasting}", letter.reason),
        ]
    };
    std::iter::once(heading.map(str::to_owned)).chain(letters.iter().map(row)).collect()
}
