//! Clients that have lost every broker find them again.
//!
//! librdkafka forgets all brokers when metadata names none, as it does for a moment after an outage in which all were
//! fenced, and then never connects again (its issue 5301, open in 2.12). So each client is asked for
//! metadata now and then; one that gets none is told the bootstrap brokers anew, which does no harm
//! while Kafka is away.

use std::ffi::CString;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::bindings::{
    rd_kafka_brokers_add, rd_kafka_metadata, rd_kafka_metadata_destroy, rd_kafka_resp_err_t,
};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka::types::RDKafka;

/// How often all clients are asked, one after the other: after an outage one may stand still for so long,
/// and for [`PATIENCE_MS`] for each that does.
const EVERY: Duration = Duration::from_secs(10);
/// For the answer to one question.
const PATIENCE_MS: i32 = 1_000;

/// All clients of this process that are watched. While there is one, a thread looks after them.
static CLIENTS: Mutex<Clients> = Mutex::new(Clients { watched: Vec::new(), has_thread: false });

struct Clients {
    watched: Vec<Watched>,
    has_thread: bool,
}

#[derive(Clone)]
struct Watched {
    client: Weak<dyn Native>,
    bootstrap: CString,
}

/// A client of librdkafka.
trait Native: Send + Sync {
    fn native(&self) -> *mut RDKafka;
}

impl<C: ConsumerContext + 'static> Native for BaseConsumer<C> {
    fn native(&self) -> *mut RDKafka {
        self.client().native_ptr()
    }
}

impl<C: ProducerContext + 'static> Native for BaseProducer<C> {
    fn native(&self) -> *mut RDKafka {
        self.client().native_ptr()
    }
}

impl<C: ClientContext + 'static> Native for AdminClient<C> {
    fn native(&self) -> *mut RDKafka {
        self.inner().native_ptr()
    }
}

/// A consumer that finds its brokers again.
///
/// # Errors
/// A setting is wrong.
pub fn consumer<C: ConsumerContext + 'static>(
    config: &ClientConfig,
    context: C,
) -> KafkaResult<Arc<BaseConsumer<C>>> {
    let consumer = Arc::new(config.create_with_context(context)?);
    watch(config, &consumer);
    Ok(consumer)
}

/// A producer that finds its brokers again.
pub(super) fn producer<C: ProducerContext + 'static>(
    config: &ClientConfig,
    context: C,
) -> KafkaResult<Arc<BaseProducer<C>>> {
    let producer = Arc::new(config.create_with_context(context)?);
    watch(config, &producer);
    Ok(producer)
}

/// Kafka's administration, which finds its brokers again.
pub(super) fn admin<C: ClientContext + 'static>(
    config: &ClientConfig,
    context: C,
) -> KafkaResult<Arc<AdminClient<C>>> {
    let admin = Arc::new(config.create_with_context(context)?);
    watch(config, &admin);
    Ok(admin)
}

fn watch<N: Native + 'static>(config: &ClientConfig, client: &Arc<N>) {
    let bootstrap = config.get("bootstrap.servers").unwrap_or_default();
    // What has a zero octet is no address: the client could not be made.
    let Ok(bootstrap) = CString::new(bootstrap) else { return };
    let client: Arc<dyn Native> = client.clone();
    let mut clients = lock();
    clients.watched.push(Watched { client: Arc::downgrade(&client), bootstrap });
    if !clients.has_thread {
        let started = thread::Builder::new().name("kafka watch".to_owned()).spawn(look_after);
        match started {
            Ok(_) => clients.has_thread = true,
            Err(error) => tracing::warn!(event = "kafka_not_watched", %error),
        }
    }
}

/// Until no client is left.
fn look_after() {
    loop {
        thread::sleep(EVERY);
        let watched = {
            let mut clients = lock();
            clients.watched.retain(|it| it.client.strong_count() > 0);
            if clients.watched.is_empty() {
                clients.has_thread = false;
                return;
            }
            clients.watched.clone()
        };
        for Watched { client, bootstrap } in watched {
            if let Some(client) = client.upgrade()
                && !knows_brokers(&*client)
            {
                remind(&*client, &bootstrap);
            }
        }
    }
}

/// Asks for the topics that the client uses. Also false while Kafka is away.
#[allow(unsafe_code, reason = "the binding asks for one topic or for all there are")]
fn knows_brokers(client: &dyn Native) -> bool {
    let mut told = ptr::null();
    // SAFETY: the client lives; `told` is set on success, is read before, and destroyed once.
    unsafe {
        let answer =
            rd_kafka_metadata(client.native(), 0, ptr::null_mut(), &raw mut told, PATIENCE_MS);
        if answer != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || told.is_null() {
            return false;
        }
        let knows = (*told).broker_cnt > 0;
        rd_kafka_metadata_destroy(told);
        knows
    }
}

#[allow(unsafe_code, reason = "the binding does not have it")]
fn remind(client: &dyn Native, bootstrap: &CString) {
    // SAFETY: the client lives, and librdkafka copies the string.
    let added = unsafe { rd_kafka_brokers_add(client.native(), bootstrap.as_ptr()) };
    tracing::warn!(event = "kafka_brokers_told_again", brokers = added);
}

fn lock() -> MutexGuard<'static, Clients> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}
