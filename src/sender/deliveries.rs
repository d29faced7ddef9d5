//! The store as the sender sees it.

use super::engine::LaneSettings;
use crate::{
    domain::{DeliveryId, Problem, Timestamp, WebhookId},
    store::{AttemptRecord, Due, Parcel, QueuePage},
};

/// Where deliveries come from and attempts go to. Called from several threads; what reads may
/// block for a disk, `record` may not.
pub trait Deliveries: Send + Sync {
    /// Every webhook that is on.
    fn webhooks_on(&self) -> Result<Vec<WebhookId>, Problem>;

    /// How a webhook is to be served; `None` if it is deleted or was never there.
    fn lane_settings(&self, webhook: WebhookId) -> Result<Option<LaneSettings>, Problem>;

    /// At most `limit` rows of a webhook's queue behind `after`, oldest due first, as one commit
    /// left them.
    fn queue_page(&self, webhook: WebhookId, after: Option<Due>, limit: usize) -> Result<QueuePage, Problem>;

    /// All that the request of a delivery is made of, whether or not its webhook is on. `None` only
    /// if the delivery's row in the queue is not the one for `due` any more: the sender then
    /// forgets the row.
    fn parcel(&self, delivery: DeliveryId, due: Timestamp) -> Result<Option<Parcel>, Problem>;

    /// Hands attempts over to be recorded. Does not wait: a notice says when each is recorded, or
    /// that nothing can be written.
    fn record(&self, attempts: Vec<AttemptRecord>);
}
