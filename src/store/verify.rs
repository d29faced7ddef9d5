//! Does what is written together agree? `hookstead doctor` asks, and so does every simulated crash.

use std::collections::BTreeMap;

use redb::{ReadTransaction, ReadableTable};

use super::{Store, fail::Fail, order, record::decode, seal, tables::*, tags};
use crate::domain::{Attempt, Delivery, Event, Problem, Status, WebhookId};

/// Disagreements reported; the rest are only counted.
const MOST_REPORTED: usize = 100;

impl Store {
    /// Compares every table with every other. An empty list means that they agree.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn verify(&self) -> Result<Vec<String>, Problem> {
        let states = self.inner.states().clone();
        let keys = self.inner.shared().seal;
        self.read(|transaction| {
            let mut found = Disagreements::default();
            let counted = deliveries(transaction, &mut found)?;
            attempts(transaction, &mut found)?;
            seal::verify(transaction, &keys, |line| found.add(line))?;
            for (webhook, (waiting, missed, success, failed)) in counted {
                let state = states.get(&webhook).copied().unwrap_or_default();
                let kept = (state.waiting, state.missed);
                if kept != (waiting, missed) {
                    found.add(format!("{webhook}: counts {kept:?} (waiting, missed), has {:?}", (waiting, missed)));
                }
                // What was forgotten stays counted, so these may only be greater.
                if state.success < success || state.failed < failed {
                    found.add(format!("{webhook}: counts fewer finished deliveries than it has"));
                }
            }
            Ok(found.into_lines())
        })
    }
}

#[derive(Default)]
struct Disagreements {
    lines: Vec<String>,
    more: usize,
}

impl Disagreements {
    fn add(&mut self, line: String) {
        if self.lines.len() < MOST_REPORTED {
            self.lines.push(line);
        } else {
            self.more += 1;
        }
    }

    fn into_lines(mut self) -> Vec<String> {
        if self.more > 0 {
            self.lines.push(format!("and {} more", self.more));
        }
        self.lines
    }
}

type Counts = BTreeMap<WebhookId, (u64, u64, u64, u64)>;

fn deliveries(transaction: &ReadTransaction, found: &mut Disagreements) -> Result<Counts, Fail> {
    let events = transaction.open_table(EVENTS)?;
    let bodies = transaction.open_table(BODIES)?;
    let table = transaction.open_table(DELIVERIES)?;
    let queue = transaction.open_table(QUEUE)?;
    let mut counts = Counts::new();
    let (mut pending, mut behind, mut in_order, mut of_events) = (0, 0, 0, 0);
    let mut tagged = BTreeMap::<_, u32>::new();
    for row in events.iter()? {
        let event: Event = decode(row?.1.value())?;
        if bodies.get(event.id.0)?.is_none() {
            found.add(format!("{}: has no body", event.id));
        }
        let mut fan_out = 0;
        for row in table.range(event.id.0..event.id.deliveries_end().0)? {
            let delivery: Delivery = decode(row?.1.value())?;
            fan_out += 1;
            let (waiting, missed, success, failed) = counts.entry(delivery.webhook).or_default();
            match delivery.status {
                Status::Pending => {
                    *waiting += 1;
                    *missed += u64::from(delivery.missed);
                    pending += 1;
                    let due = delivery.due.unwrap_or_default().as_millis();
                    if delivery.behind {
                        behind += 1;
                        if delivery.due.is_some() || delivery.order.is_none() {
                            found.add(format!("{}: waits for another and is due", delivery.id));
                        }
                    } else if queue.get((delivery.webhook.0, due, delivery.id.0))?.is_none() {
                        found.add(format!("{}: is pending and not in the queue", delivery.id));
                    }
                }
                Status::Success if !event.test => *success += 1,
                Status::Failed if !event.test => *failed += 1,
                _ => {}
            }
            if let Some(tag) = delivery.order {
                in_order += 1;
                if event.ordering_key.as_ref().map(|key| key.tag()) != Some(tag) {
                    found.add(format!("{}: keeps the order of another key", delivery.id));
                }
            }
            for (kind, value) in tags::fixed(&event, &delivery).into_iter().chain(tags::changing(&delivery)) {
                *tagged.entry((kind, value, tags::block(delivery.id.0))).or_default() += 1;
            }
        }
        if fan_out != event.webhooks_matched {
            found.add(format!("{}: was for {} webhooks, has {fan_out} deliveries", event.id, event.webhooks_matched));
        }
        of_events += u64::from(fan_out);
    }
    let lengths = [
        ("deliveries", count(&table)?, of_events),
        ("bodies", count(&bodies)?, count(&events)?),
        ("rows in the queue", count(&queue)?, pending - behind),
    ];
    for (what, has, wants) in lengths {
        if has != wants {
            found.add(format!("there are {has} {what}, and should be {wants}"));
        }
    }
    order::verify(transaction, in_order, |line| found.add(line))?;
    index(transaction, tagged, found)?;
    Ok(counts)
}

/// Compares the index of the log with what it should count.
fn index(
    transaction: &ReadTransaction,
    mut expected: BTreeMap<(u8, u64, tags::Block), u32>,
    found: &mut Disagreements,
) -> Result<(), Fail> {
    for row in transaction.open_table(LOG_BLOCKS)?.iter()? {
        let (key, count) = row?;
        let (key, count) = (key.value(), count.value());
        let has = expected.remove(&key).unwrap_or(0);
        if has != count {
            found.add(format!("the log's index counts {count} of kind {} in block {:x}, has {has}", key.0, key.2));
        }
    }
    for (key, has) in expected {
        found.add(format!("the log's index lacks {has} of kind {} in block {:x}", key.0, key.2));
    }
    Ok(())
}

fn attempts(transaction: &ReadTransaction, found: &mut Disagreements) -> Result<(), Fail> {
    let deliveries = transaction.open_table(DELIVERIES)?;
    let attempts = transaction.open_table(ATTEMPTS)?;
    let mut expected = 0;
    for row in deliveries.iter()? {
        let delivery: Delivery = decode(row?.1.value())?;
        if delivery.only_attempt.is_some() {
            continue;
        }
        expected += u64::from(delivery.attempts);
        for number in 1..=delivery.attempts {
            match attempts.get((delivery.id.0, number))? {
                Some(bytes) if decode::<Attempt>(bytes.value())?.number == number => {}
                _ => found.add(format!("{}: attempt {number} is missing", delivery.id)),
            }
        }
    }
    if count(&attempts)? != expected {
        found.add(format!("there are {} attempts, and should be {expected}", count(&attempts)?));
    }
    Ok(())
}

fn count<K: redb::Key + 'static, V: redb::Value + 'static>(table: &redb::ReadOnlyTable<K, V>) -> Result<u64, Fail> {
    Ok(redb::ReadableTableMetadata::len(table)?)
}
