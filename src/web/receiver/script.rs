//! How the test receiver answers.

use std::time::Duration;

/// The longest delay; no sender of ours waits longer.
pub const MOST_DELAY_S: u32 = 60;
/// Most characters of an answer's body.
pub const MOST_BODY_CHARS: usize = 4_000;
/// Most answers that fail first.
pub const MOST_FAILURES: u32 = 1_000;
/// Statuses to choose from.
pub const STATUSES: [u16; 19] =
    [200, 201, 202, 204, 301, 302, 307, 400, 401, 403, 404, 410, 413, 422, 429, 500, 502, 503, 504];

/// How it answers, until somebody says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The status; `None` drops the connection instead.
    pub status: Option<u16>,
    /// How long it waits before, in seconds.
    pub delay_s: u32,
    /// The body.
    pub body: String,
    /// `Retry-After` in seconds, where one is sent.
    pub retry_after_s: Option<u32>,
    /// So many of the next answers are 500 instead, then 200.
    pub failures_left: u32,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The status; `None` drops the connection instead.
    pub status: Option<u16>,
    /// How long to wait before.
    pub delay: Duration,
    /// Headers of its own.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Default for Script {
    fn default() -> Self {
        Script { status: Some(200), delay_s: 0, body: "ok".to_owned(), retry_after_s: None, failures_left: 0 }
    }
}

impl Script {
    /// The preset of that name: one for each kind of trouble that the log has words for.
    pub fn preset(name: &str) -> Option<Script> {
        let plain = Script::default();
        Some(match name {
            "200" => plain,
            "500" => Script { status: Some(500), body: "Something broke here.".to_owned(), ..plain },
            "503" => Script {
                status: Some(503),
                body: "Busy, come back later.".to_owned(),
                retry_after_s: Some(30),
                ..plain
            },
            "410" => Script { status: Some(410), body: "This address is gone for good.".to_owned(), ..plain },
            "301" => Script { status: Some(301), body: "Moved.".to_owned(), ..plain },
            "slow" => Script { delay_s: 20, ..plain },
            "drop" => Script { status: None, ..plain },
            _ => return None,
        })
    }

    /// The next answer.
    pub fn next_answer(&mut self) -> Given {
        let delay = Duration::from_secs(self.delay_s.min(MOST_DELAY_S).into());
        if self.failures_left > 0 {
            self.failures_left -= 1;
            return Given { status: Some(500), delay, headers: Vec::new(), body: "Not yet.".to_owned() };
        }
        let mut headers = Vec::new();
        if let Some(status @ (301 | 302 | 307)) = self.status {
            let path = if status == 301 { "in" } else { "elsewhere" };
            headers.push(("location", format!("https://www.example.com/{path}")));
        }
        headers.extend(self.retry_after_s.map(|seconds| ("retry-after", seconds.to_string())));
        Given { status: self.status, delay, headers, body: self.body.clone() }
    }
}

impl Given {
    /// The answer in a few words.
    pub fn words(&self) -> String {
        let what = self.status.map_or("connection dropped".to_owned(), |status| status.to_string());
        match self.delay.as_secs() {
            0 => what,
            seconds => format!("{what} after {seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fails_as_often_as_it_was_told_and_then_answers() {
        let mut script = Script { failures_left: 2, ..Script::default() };
        let statuses: Vec<_> = (0..4).map(|_| script.next_answer().status).collect();
        assert_eq!(statuses, [Some(500), Some(500), Some(200), Some(200)]);
    }

    #[test]
    fn each_preset_is_a_trouble_of_its_own() {
        let words: Vec<_> = ["200", "500", "503", "410", "301", "slow", "drop"]
            .map(|name| Script::preset(name).unwrap().next_answer())
            .iter()
            .map(|given| (given.words(), given.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            words,
            [
                ("200".to_owned(), vec![]),
                ("500".to_owned(), vec![]),
                ("503".to_owned(), vec!["retry-after"]),
                ("410".to_owned(), vec![]),
                ("301".to_owned(), vec!["location"]),
                ("200 after 20 s".to_owned(), vec![]),
                ("connection dropped".to_owned(), vec![]),
            ]
        );
        assert_eq!(Script::preset("999"), None);
    }
}
