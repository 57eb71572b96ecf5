//! Lambda `configure`: the admin API. Validates the whole document, keeps every version, makes one
//! current; explains routes. `request` reads what was asked, `handler` answers it over narrow
//! ports, `answer` turns results into HTTP. Who may call is IAM's matter (template.yaml).
#![forbid(unsafe_code)]

pub mod adapters;
pub mod answer;
pub mod handler;
pub mod needs;
pub mod ports;
pub mod request;
