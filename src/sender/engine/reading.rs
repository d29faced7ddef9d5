//! The engine's part that keeps the lanes' rows: pages asked for and read, and limits of memory.

use super::{Engine, READ_AGAIN_AFTER, ReadPage, Turn};
use crate::{
    domain::WebhookId,
    store::{Due, QueuePage},
};

/// Rows of each kind that a webhook may keep in memory when all together have too many.
const ROWS_WHEN_FULL: usize = 16;

impl Engine {
    pub(super) fn read_pages(&mut self, turn: &mut Turn) {
        while self.can_write && self.reads < self.options.reads_at_once.max(1) {
            let Some(webhook) = self.page_wanted.pop_front() else { return };
            let (limit, low) = (self.page_limit(), self.low_mark());
            let Some(lane) = self.lanes.get_mut(&webhook) else { continue };
            lane.wants_page = false;
            if !lane.settings.on || !lane.rows.runs_low(low) {
                continue;
            }
            self.last_ticket += 1;
            let after = lane.rows.begin_reading(self.last_ticket);
            self.reads += 1;
            turn.read.push(ReadPage { webhook, after, limit, ticket: self.last_ticket });
        }
    }

    pub(super) fn page_read(&mut self, asked: ReadPage, page: QueuePage) {
        self.reads = self.reads.saturating_sub(1);
        let bound = self.lane_bound();
        let Some(lane) = self.lanes.get_mut(&asked.webhook) else { return };
        let before = lane.rows.len();
        let hands = &mut self.hands;
        lane.rows.page_read(asked.ticket, page, bound, |row| hands.seen(*row));
        self.rows = self.rows - before + lane.rows.len();
        self.settle(asked.webhook);
    }

    pub(super) fn page_failed(&mut self, asked: ReadPage) {
        self.reads = self.reads.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(&asked.webhook) else { return };
        let before = lane.rows.len();
        lane.rows.reading_failed(asked.ticket);
        self.rows = self.rows - before + lane.rows.len();
        lane.wants_page = true;
        self.page_failed.push_back((self.now.plus(READ_AGAIN_AFTER), asked.webhook));
        self.settle(asked.webhook);
    }

    /// What is known of the queues may be wrong: every lane reads its own again.
    pub(super) fn read_all_anew(&mut self) {
        let mut webhooks: Vec<WebhookId> = self.lanes.keys().copied().collect();
        // Always in the same order, so that what happens follows from what has happened.
        webhooks.sort_unstable();
        for webhook in webhooks {
            if let Some(lane) = self.lanes.get_mut(&webhook) {
                lane.rows.forget();
            }
            self.settle(webhook);
        }
        self.rows = 0;
    }

    /// Takes in a row that is on disk.
    pub(super) fn add_row(&mut self, webhook: WebhookId, row: Due) {
        let bound = self.lane_bound();
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        if lane.settings.on {
            let before = lane.rows.len();
            lane.rows.add(row, bound);
            self.rows = self.rows - before + lane.rows.len();
        }
        self.settle(webhook);
    }

    fn lane_bound(&self) -> usize {
        if self.rows >= self.options.total_rows { ROWS_WHEN_FULL } else { self.options.lane_rows.max(1) }
    }

    /// A page and what is left when it is asked for fit in memory together, or the page would
    /// push out rows that had to be read again at once.
    fn page_limit(&self) -> usize {
        self.options.page_rows.min(self.lane_bound() / 2).max(1)
    }

    /// A lane with fewer rows than this reads on.
    pub(super) fn low_mark(&self) -> usize {
        (self.page_limit() / 2).max(1)
    }
}
