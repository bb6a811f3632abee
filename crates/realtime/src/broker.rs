//! Node-to-node fan-out: none on a single node, or one Redis pub/sub channel.
//!
//! Invariant: the broker may lose, repeat and reorder packets. Every event carries its seq, feeds find holes, and the
//! log fills them. So nothing here is retried, and packets that do not fit into the queue are dropped.
//!
//! One channel for all nodes, not one per conversation: a node publishes each committed batch as one message, so
//! Redis handles one command per batch instead of one per event, and a conversation can be followed without a
//! subscription of its own. The price: every node reads every event's header, which costs a copy of a few hundred
//! bytes and one hash lookup.

use std::time::Duration;

use bytes::Bytes;
use deadpool_redis::redis::{self, AsyncCommands};
use deadpool_redis::{Config, Pool, Runtime};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::codec::{self, NodeId, Packet};
use crate::hub::Hub;
use crate::metrics::count;

/// Capacity of the publish queue, in packets; packets beyond it are dropped.
const QUEUE: usize = 8192;
/// Maximum packets per message.
const BATCH: usize = 512;

/// How often the subscription's connection is pinged.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Time limit for subscribing and for each ping; after it, Redis counts as gone.
const ANSWER: Duration = Duration::from_secs(3);

/// How a node reaches the other nodes.
#[derive(Clone)]
pub enum Broker {
    /// A single node: there are no others.
    Local,
    /// Through Redis.
    Redis(Redis),
}

/// See [`Broker::Redis`].
#[derive(Clone)]
pub struct Redis {
    pool: Pool,
    client: Box<redis::Client>,
    channel: String,
}

impl Redis {
    /// Prefixes `name` with the namespace of this cluster.
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.channel)
    }

    /// Runs a Lua script, which Redis executes atomically. `None` if Redis cannot run it now.
    pub async fn evaluate(&self, script: &str, keys: &[String], arguments: &[i64]) -> Option<i64> {
        let mut conn = self.pool.get().await.ok()?;
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
        command.query_async(&mut conn).await.ok()
    }
}

impl Broker {
    /// Creates the Redis connection pool; `namespace` separates clusters that share one Redis.
    pub fn redis(url: &str, namespace: &str) -> Result<Self, String> {
        let mut config = Config::from_url(url);
        config.pool = Some(deadpool_redis::PoolConfig::new(4));
        let pool = config.create_pool(Some(Runtime::Tokio1)).map_err(|error| error.to_string())?;
        let client = Box::new(redis::Client::open(url).map_err(|error| error.to_string())?);
        Ok(Self::Redis(Redis { pool, client, channel: format!("parlour:1:{namespace}") }))
    }

    /// Whether Redis replies to a ping within two seconds; always true on a single node.
    pub async fn is_reachable(&self) -> bool {
        let Self::Redis(redis) = self else {
            return true;
        };
        let ping = async {
            let mut conn = redis.pool.get().await.ok()?;
            redis::cmd("PING").query_async::<String>(&mut conn).await.ok()
        };
        matches!(tokio::time::timeout(Duration::from_secs(2), ping).await, Ok(Some(_)))
    }

    /// Starts the publish and subscribe tasks. Returns the queue for outgoing packets, or `None` on a single node.
    pub(crate) fn start(&self, hub: &Hub, node: NodeId) -> Option<mpsc::Sender<Packet>> {
        let Self::Redis(redis) = self else {
            return None;
        };
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(publish(redis.clone(), hub.clone(), node, receiver));
        tokio::spawn(subscribe(redis.clone(), hub.clone(), node));
        Some(sender)
    }
}

async fn publish(redis: Redis, hub: Hub, node: NodeId, mut packets: mpsc::Receiver<Packet>) {
    let mut batch = Vec::new();
    while packets.recv_many(&mut batch, BATCH).await > 0 {
        let message = codec::encode(node, &batch);
        batch.clear();
        let publish = async {
            let mut conn = redis.pool.get().await.map_err(|error| error.to_string())?;
            conn.publish::<_, _, ()>(&redis.channel, message.as_ref())
                .await
                .map_err(|error| error.to_string())
        };
        match tokio::time::timeout(Duration::from_secs(1), publish).await {
            Ok(Ok(())) => count(&hub.metrics().broker_published),
            failed => {
                count(&hub.metrics().broker_lost);
                let reason = failed
                    .map_or_else(|_| "timed out".to_owned(), |outcome| outcome.err().unwrap_or_default());
                tracing::warn!(reason, "could not publish; other nodes will read the log");
                // Drop what queued up in the meantime: the other nodes read the log anyway, and publishing it would
                // only delay newer events.
                tokio::time::sleep(Duration::from_millis(200)).await;
                while packets.try_recv().is_ok() {}
            }
        }
    }
}

async fn subscribe(redis: Redis, hub: Hub, node: NodeId) {
    let mut wait = Duration::from_millis(100);
    loop {
        match listen(&redis, &hub, node).await {
            Ok(()) => wait = Duration::from_millis(100),
            Err(error) => {
                tracing::warn!(%error, "subscription to redis ended");
                wait = (wait * 2).min(Duration::from_secs(2));
            }
        }
        count(&hub.metrics().broker_reconnects);
        tokio::time::sleep(wait).await;
    }
}

/// Receives until the connection ends or is found dead. Messages are handled without awaiting anything, so the
/// library's own buffer stays short.
async fn listen(redis: &Redis, hub: &Hub, node: NodeId) -> Result<(), redis::RedisError> {
    let subscribing = async {
        let mut pubsub = redis.client.get_async_pubsub().await?;
        pubsub.subscribe(&redis.channel).await?;
        Ok::<_, redis::RedisError>(pubsub)
    };
    let pubsub = in_time(subscribing).await?;
    // Catch up on what was published while this node was not subscribed.
    hub.check_all_heads();
    hub.greet();
    let (mut commands, mut messages) = pubsub.split();
    let hearing = async {
        while let Some(message) = messages.next().await {
            count(&hub.metrics().broker_received);
            // This node's own messages come back too.
            if codec::sender(message.get_payload_bytes()) == Some(node) {
                continue;
            }
            let payload: Vec<u8> = message.get_payload()?;
            match codec::decode(Bytes::from(payload)) {
                Some((sender, packets)) => {
                    packets.into_iter().for_each(|packet| hub.receive(sender, packet));
                }
                None => tracing::warn!("a message from another node could not be read"),
            }
        }
        Ok(())
    };
    // Without pings, a quiet channel and a dead peer look the same.
    let asking = async {
        loop {
            tokio::time::sleep(ASK_EVERY).await;
            in_time(commands.ping::<redis::Value>()).await?;
        }
    };
    tokio::select! {
        ended = hearing => ended,
        dead = asking => dead,
    }
}

async fn in_time<T>(
    asking: impl Future<Output = Result<T, redis::RedisError>>,
) -> Result<T, redis::RedisError> {
    tokio::time::timeout(ANSWER, asking)
        .await
        .map_err(|_| redis::RedisError::from((redis::ErrorKind::Io, "redis does not answer")))?
}
