//! Reads from the store what the engine wants to know, on a thread of its own, so that a slow disk
//! does not hold up what is in memory already.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{
    deliveries::Deliveries,
    engine::{Input, ReadPage},
    runner::Mail,
    transport::Transport,
};
use crate::{
    domain::{Problem, Timestamp, WebhookId},
    system::{Clock, Inbox},
};

/// How long after a failure a question about a webhook is asked again. (The engine itself asks
/// again for pages.)
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What the engine wants to know.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// Which webhooks are on, each with its settings.
    WebhooksOn,
    /// How a webhook is to be served.
    Settings(WebhookId),
    /// A part of a queue.
    Page(ReadPage),
    /// Nothing more: end the thread.
    End,
}

/// Answers questions by mail, in the order they were asked, until the end.
pub(super) fn run(
    questions: &Inbox<Question>,
    mail: &Inbox<Mail>,
    deliveries: &dyn Deliveries,
    transport: &dyn Transport,
    clock: &dyn Clock,
) {
    let mut again: Vec<Question> = Vec::new();
    let mut again_at: Option<Timestamp> = None;
    loop {
        let mut asked = questions.drain_or_wait(clock, again_at);
        if again_at.is_some_and(|at| at <= clock.now()) {
            again_at = None;
            // In front: a newer question about the same webhook is answered after it.
            asked.splice(..0, again.drain(..));
        }
        for question in asked {
            let answered = catch_unwind(AssertUnwindSafe(|| answer(question, deliveries, transport)));
            match answered.unwrap_or_else(|_| Err(Problem::internal())) {
                Ok(Some(inputs)) => mail.extend(inputs.into_iter().map(Mail::Input)),
                Ok(None) => return,
                Err(problem) => {
                    tracing::error!(?question, problem = problem.detail, "The sender cannot read from the store.");
                    if let Question::Page(asked) = question {
                        mail.push(Mail::Input(Input::PageFailed(asked)));
                    } else {
                        again.push(question);
                        again_at.get_or_insert(clock.now().plus(ASK_AGAIN_AFTER));
                    }
                }
            }
        }
    }
}

/// The answer to one question; nothing to the last.
fn answer(
    question: Question,
    deliveries: &dyn Deliveries,
    transport: &dyn Transport,
) -> Result<Option<Vec<Input>>, Problem> {
    Ok(Some(match question {
        Question::WebhooksOn => {
            let webhooks = deliveries.webhooks_on()?;
            let settings = |webhook| Ok(Input::Webhook(webhook, deliveries.lane_settings(webhook)?));
            webhooks.into_iter().map(settings).collect::<Result<_, Problem>>()?
        }
        Question::Settings(webhook) => {
            let settings = deliveries.lane_settings(webhook)?;
            if !settings.as_ref().is_some_and(|settings| settings.on) {
                transport.forget(webhook);
            }
            vec![Input::Webhook(webhook, settings)]
        }
        Question::Page(asked) => {
            let page = deliveries.queue_page(asked.webhook, asked.after, asked.limit)?;
            vec![Input::PageRead { asked, page }]
        }
        Question::End => return Ok(None),
    }))
}
