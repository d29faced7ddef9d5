//! What only the server's state says about the input of the API.

use crate::{
    domain::{CustomHeaders, EventType, Fault, RetrySchedule, Selection, TargetUrl},
    service::Service,
};

/// What only the server's state says about values that are right by themselves. Asked while a body
/// is read, so that every fault of the input is named at once.
pub trait Rules {
    /// Why events of that type cannot be published.
    fn event_type(&self, _event_type: &EventType) -> Vec<Fault> {
        Vec::new()
    }

    /// Why nothing may be sent there.
    fn target(&self, _url: &TargetUrl) -> Vec<Fault> {
        Vec::new()
    }

    /// Why that cannot be selected.
    fn selection(&self, _selection: &Selection) -> Vec<Fault> {
        Vec::new()
    }

    /// Why a webhook cannot have those headers.
    fn headers(&self, _headers: &CustomHeaders) -> Vec<Fault> {
        Vec::new()
    }

    /// Why a webhook cannot have that schedule.
    fn schedule(&self, _schedule: &RetrySchedule) -> Vec<Fault> {
        Vec::new()
    }
}

impl Rules for Service {
    fn event_type(&self, event_type: &EventType) -> Vec<Fault> {
        self.check_event_type(event_type).err().into_iter().collect()
    }

    fn target(&self, url: &TargetUrl) -> Vec<Fault> {
        self.check_target(url)
    }

    fn selection(&self, selection: &Selection) -> Vec<Fault> {
        self.check_selection(selection)
    }

    fn headers(&self, headers: &CustomHeaders) -> Vec<Fault> {
        self.check_headers(headers).into_iter().collect()
    }

    fn schedule(&self, schedule: &RetrySchedule) -> Vec<Fault> {
        self.check_schedule(schedule).into_iter().collect()
    }
}

/// No rules besides the values' own, where only names of members matter.
#[cfg(test)]
impl Rules for () {}
