//! One configuration version, made for routing.

use std::sync::Arc;

use domain::config::Document;
use domain::message::Priority;
use domain::mo::opt_out::Customers;
use domain::routing::Router;
use wire::topics::provider_outgoing;

/// One version, made for routing.
#[derive(Debug)]
pub struct Configuration {
    /// The routing table.
    pub router: Router,
    /// Customers of whose handsets the wishes are read.
    pub opt_outs: Customers,
    /// Per outlet of the router and priority: the name of the topic.
    topics: Vec<[Arc<str>; Priority::ALL.len()]>,
}

impl Configuration {
    /// Compiles a document.
    #[must_use]
    pub fn compile(document: &Document) -> Self {
        let router = Router::compile(document);
        let of = |outlet: &domain::routing::Outlet| {
            Priority::ALL.map(|priority| provider_outgoing(&outlet.provider, priority).into())
        };
        let topics = router.outlets().iter().map(of).collect();
        Self { router, opt_outs: Customers::of(document), topics }
    }

    /// The topic of an outlet's queue.
    #[must_use]
    pub fn topic(&self, outlet: usize, priority: Priority) -> Arc<str> {
        self.topics[outlet][priority as usize].clone()
    }
}
