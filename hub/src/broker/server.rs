//! The library's broker, set up for what this one carries.

use std::io;
use std::num::NonZeroU16;
use std::sync::mpsc;
use std::time::Duration;

use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::{Builder, Listener};
use rmqtt::server::MqttServer;

use super::access::AccessHook;
use super::{BrokerConfig, BrokerStartError};

/// Connections the kernel holds until they are accepted. When a hub restarts, its whole region
/// dials within a second or two; the kernel's own limit may cap this lower.
const PENDING_MAX: i32 = 4_096;

/// Handshakes under way at once. Enough for a whole region dialling, few enough that each ends
/// within [`HANDSHAKE_TIME_MAX`] on two threads.
const HANDSHAKES_MAX: usize = 512;

/// How long a client may take over its handshake, so that a silent one does not hold a place.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// Messages held for one client that reads slower than others write. The hub's own client gets
/// the uplink of thousands of agents in bursts: this is several messages from each of them.
const QUEUE_MESSAGES_MAX: usize = 20_000;

/// Messages sent to one client and not yet acknowledged. The library's 16 would tie the hub's
/// rate to its round trips; more than this only moves the queue into the client.
const UNACKNOWLEDGED_MAX: NonZeroU16 = NonZeroU16::new(512).expect("512 is not zero");

/// How long a session outlives its connection, for clients that ask for it. Ours never do: what
/// they missed they repair themselves.
const SESSION_TIME_MAX: Duration = Duration::from_secs(10);

/// Never: messages end with their session, and within one an acknowledged message must not vanish
/// because its reader was slow.
const MESSAGE_TIME_MAX: Duration = Duration::ZERO;

/// Never: on a connection that holds TCP loses nothing, so resending would only make duplicates.
const RESEND_AFTER: Duration = Duration::ZERO;

/// Filters one client may subscribe to. Ours need fewer than ten; the rest is for people looking.
const SUBSCRIPTIONS_MAX: usize = 80;

/// Levels in a topic. Ours have six; a deep one costs memory in the routing tree.
const TOPIC_LEVELS_MAX: usize = 16;

/// Bytes in a client's id: a prefix and a name, with room to spare.
const CLIENT_ID_BYTES_MAX: usize = 256;

/// `_open` comes last because arguments are dropped last: when it is gone, so is the socket.
pub(super) async fn serve(
    config: BrokerConfig,
    listening: mpsc::SyncSender<Result<(), BrokerStartError>>,
    _open: mpsc::Sender<()>,
) {
    let listener = match bind(&config) {
        Ok(listener) => listener,
        Err(error) => {
            // Nobody waits any longer if this fails, so there is nobody to tell.
            let _ = listening.send(Err(error));
            return;
        }
    };
    let server = MqttServer::new(context(&config).await).listener(listener).build();
    if listening.send(Ok(())).is_err() {
        return;
    }
    // Not `start`: that ends the whole process on an error.
    if let Err(error) = server.run().await {
        tracing::error!(listen = %config.listen, error = format!("{error:#}"), "the broker ended");
    }
}

fn bind(config: &BrokerConfig) -> Result<Listener, BrokerStartError> {
    let listen = config.listen;
    let bound = Builder::new()
        .name("headland")
        .laddr(listen)
        .backlog(PENDING_MAX)
        .reuseaddr(Some(true))
        .nodelay(true)
        // The library asks its hook about a client without a user name only if it does not admit
        // such clients itself, and the hook must see every will. It admits them instead.
        .allow_anonymous(false)
        .allow_zero_keepalive(false)
        // Despite its name only the length of the queue for handshakes.
        .max_connections(config.connections_max)
        .max_handshaking_limit(HANDSHAKES_MAX)
        .handshake_timeout(HANDSHAKE_TIME_MAX)
        .max_packet_size(config.packet_bytes_max)
        .max_inflight(UNACKNOWLEDGED_MAX)
        .max_mqueue_len(QUEUE_MESSAGES_MAX)
        .message_expiry_interval(MESSAGE_TIME_MAX)
        .message_retry_interval(RESEND_AFTER)
        .session_expiry_interval(SESSION_TIME_MAX)
        .max_session_expiry_interval(SESSION_TIME_MAX)
        .max_subscriptions(SUBSCRIPTIONS_MAX)
        .max_topic_levels(TOPIC_LEVELS_MAX)
        .max_clientid_len(CLIENT_ID_BYTES_MAX)
        .bind();
    bound.map_err(|error| match error.downcast::<io::Error>() {
        Ok(source) if source.kind() == io::ErrorKind::AddrInUse => BrokerStartError::AddressInUse { listen },
        Ok(source) => BrokerStartError::Listen { listen, source },
        Err(other) => BrokerStartError::Listen {
            listen,
            source: io::Error::other(other),
        },
    })
}

async fn context(config: &BrokerConfig) -> ServerContext {
    let context = ServerContext::new()
        // It would turn clients away whenever the machine is busy, and they would come back at
        // once, to a machine that is busier.
        .busy_check_enable(false)
        .mqtt_max_sessions(isize::try_from(config.connections_max).unwrap_or(isize::MAX))
        .build()
        .await;
    let register = context.extends.hook_mgr().register();
    for asked in [
        Type::ClientAuthenticate,
        Type::MessagePublishCheckAcl,
        Type::ClientSubscribeCheckAcl,
    ] {
        register.add(asked, Box::new(AccessHook)).await;
    }
    register.start().await;
    context
}
