//! For people: the decision, and for every other route the reason why it was not chosen.
//!
//! It looks at the document row by row, without the router's structures, so that the two check
//! each other (the property test of this module).

use std::cmp::Reverse;
use std::fmt;

use super::{Decision, Query, Router};
use crate::config::{Conditions, Document, Route, senders_match};

/// What [`explain`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation<'a> {
    /// The decision, as routing makes it.
    pub decision: Decision<'a>,
    /// Every route, the chosen one first, then those that came close, the most specific first.
    pub candidates: Vec<Candidate<'a>>,
}

/// A route and what spoke for or against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Name of the route.
    pub route: &'a str,
    /// What became of it.
    pub verdict: Verdict<'a>,
}

/// Why a route was chosen or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It applies.
    Chosen {
        /// The prefix that matched; empty: any destination.
        prefix: &'a str,
    },
    /// Its conditions hold, but another route is more specific.
    LessSpecific {
        /// The route that is.
        than: &'a str,
        /// In what.
        because: &'static str,
    },
    /// It names other customers.
    OtherCustomer,
    /// The destination begins with none of its prefixes.
    OtherDestination,
    /// It names other senders.
    OtherSender,
    /// The message was accepted outside its hours.
    OutsideHours,
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen { prefix: "" } => f.write_str("chosen: applies to any destination"),
            Self::Chosen { prefix } => write!(f, "chosen: longest prefix {prefix}"),
            Self::LessSpecific { than, because } => write!(f, "{than} {because}"),
            Self::OtherCustomer => f.write_str("is for other customers"),
            Self::OtherDestination => f.write_str("none of its prefixes matches"),
            Self::OtherSender => f.write_str("is for other senders"),
            Self::OutsideHours => f.write_str("outside its hours"),
        }
    }
}

/// Explains what `router`, compiled from `document`, does with a message.
#[must_use]
pub fn explain<'a>(
    document: &'a Document,
    router: &'a Router,
    query: &Query<'_>,
) -> Explanation<'a> {
    let mut judged: Vec<(&Route, Result<Rank<'a>, Verdict<'a>>)> =
        document.routes.iter().map(|route| (route, rank(route, query))).collect();
    // Stable: routes of one rank stay in the document's order (rule 5).
    judged.sort_by_key(|(_, rank)| rank.as_ref().map_or((1, None), |rank| (0, Some(rank.key()))));
    let best = judged.first().and_then(|(route, rank)| Some((*route, *rank.as_ref().ok()?)));
    let candidates = judged
        .into_iter()
        .enumerate()
        .map(|(place, (route, rank))| Candidate {
            route: &route.id,
            verdict: match (rank, best) {
                (Err(why), _) => why,
                (Ok(rank), Some((than, better))) if place > 0 => {
                    Verdict::LessSpecific { than: &than.id, because: better.beats(&rank) }
                }
                (Ok(rank), _) => Verdict::Chosen { prefix: rank.prefix },
            },
        })
        .collect();
    Explanation { decision: router.decide(query), candidates }
}

/// How specific a route is for a message (rules 1 to 4).
#[derive(Debug, Clone, Copy)]
struct Rank<'a> {
    prefix: &'a str,
    customer: bool,
    sender: bool,
    hours: bool,
}

type Key = (Reverse<usize>, Reverse<bool>, Reverse<bool>, Reverse<bool>);

impl Rank<'_> {
    fn key(&self) -> Key {
        let Self { prefix, customer, sender, hours } = *self;
        (Reverse(prefix.len()), Reverse(customer), Reverse(sender), Reverse(hours))
    }

    fn beats(&self, other: &Self) -> &'static str {
        if self.prefix.len() != other.prefix.len() {
            "has a longer prefix"
        } else if self.customer != other.customer {
            "names the customer"
        } else if self.sender != other.sender {
            "names the sender"
        } else if self.hours != other.hours {
            "has hours"
        } else {
            "stands first in the document"
        }
    }
}

fn rank<'a>(route: &'a Route, query: &Query<'_>) -> Result<Rank<'a>, Verdict<'a>> {
    let Conditions { customers, destinations, senders, hours } = &route.when;
    if !customers.is_empty() && !customers.contains(query.customer) {
        return Err(Verdict::OtherCustomer);
    }
    let matching = destinations.iter().filter(|prefix| query.destination.starts_with(*prefix));
    let prefix = match matching.max_by_key(|prefix| prefix.len()) {
        Some(prefix) => prefix.as_str(),
        None if destinations.is_empty() => "",
        None => return Err(Verdict::OtherDestination),
    };
    if !senders_match(senders, query.sender) {
        return Err(Verdict::OtherSender);
    }
    let open = hours.as_ref().and_then(crate::config::Hours::window);
    if open.is_some_and(|window| !window.contains(query.accepted_ms)) {
        return Err(Verdict::OutsideHours);
    }
    Ok(Rank {
        prefix,
        customer: !customers.is_empty(),
        sender: !senders.is_empty(),
        hours: hours.is_some(),
    })
}
