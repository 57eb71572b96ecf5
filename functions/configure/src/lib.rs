//! Lambda `configure`: the admin API. Validates the whole document, keeps every version, makes one
//! current; explains routes; tells and resolves doubts; drains providers; tells and redrives dead
//! letters; tells what happened to messages. `request` reads what was asked, `handler`, `doubts`,
//! `drain`, `letters` and `messages` answer it over narrow ports, `answer` turns results into HTTP. Who may call is IAM's matter (template.yaml).
#![forbid(unsafe_code)]

pub mod adapters;
pub mod answer;
pub mod doubts;
mod drain;
pub mod handler;
pub mod letters;
pub mod messages;
mod mo;
pub mod needs;
pub mod ports;
pub mod request;
