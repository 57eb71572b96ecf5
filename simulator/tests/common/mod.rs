//! An SMSC and a load in one process, on loopback.

use std::{net::SocketAddr, time::Duration};

use simulator::{
    esme::Account,
    load::{
        self,
        back::Answers,
        flow::Manner,
        ledger::Expected,
        plan::{Mix, Plan},
        template::Content,
    },
    smsc::{self, Smsc, hub::Credentials, settings::Settings},
};
use smpp::pdu::BindMode;

pub(crate) const RUN: u32 = 7;

pub(crate) fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

pub(crate) fn smsc_options(settings: Settings) -> smsc::Options {
    smsc::Options {
        listen: loopback(),
        control: None,
        credentials: Credentials { system_id: "customer".into(), password: "secret".into() },
        settings,
        numbers: true,
        record: None,
        tls: None,
    }
}

pub(crate) async fn smsc(settings: Settings) -> Smsc {
    smsc::start(smsc_options(settings)).await.expect("a free port")
}

pub(crate) fn account(smsc: &Smsc) -> Account {
    Account {
        target: smsc.address.to_string(),
        tls: None,
        system_id: "customer".into(),
        password: "secret".into(),
        mode: BindMode::Transceiver,
    }
}

/// As many messages of one part, as fast as it goes.
pub(crate) fn load(smsc: &Smsc, connections: u32, messages: u64) -> load::Options {
    load::Options {
        account: account(smsc),
        plan: Plan {
            connections,
            messages: Some(messages),
            parts: 1,
            long_ppm: 1_000_000,
            spread: false,
            mix: Mix::default(),
            rate_per_s: None,
        },
        content: Content {
            run: RUN,
            source: "Load".into(),
            destinations: vec!["447700".into()],
            text_octets: 100,
            registered_delivery: 0,
            parts: 1,
        },
        manner: Manner {
            window: 50,
            patience: Duration::from_secs(10),
            retries_max: 0,
            outcomes: false,
            deliveries: false,
            answers: Answers::default(),
        },
        duration: None,
        deadline: Duration::from_secs(30),
        reconnect: false,
        outcomes: None,
        deliveries: None,
        also: Vec::new(),
        receivers: 0,
        expected: Expected::default(),
        receipts: None,
    }
}
