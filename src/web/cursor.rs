//! Cursors of lists: opaque to callers, a place in the list for us.
//!
//! A cursor is a position, not a permission: the filter and the caller's account are applied again
//! on every page. The check sum only tells a cursor of ours from one that was cut, mixed up or
//! made up, so that a mistake is named instead of giving a surprising page.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::domain::{Cursor, DeliveryId, EventId, Problem, ProblemKind};

const VERSION: u8 = 1;
const SUM_BYTES: usize = 4;

/// An id whose lists have cursors.
pub trait Listed: Copy {
    /// Tells this list's cursors from those of others.
    const LIST: u8;
    /// The id as a number.
    fn number(self) -> u128;
    /// The id of that number.
    fn from_number(number: u128) -> Self;
}

impl Listed for DeliveryId {
    const LIST: u8 = b'l';

    fn number(self) -> u128 {
        self.0
    }

    fn from_number(number: u128) -> Self {
        DeliveryId(number)
    }
}

impl Listed for EventId {
    const LIST: u8 = b'e';

    fn number(self) -> u128 {
        self.0
    }

    fn from_number(number: u128) -> Self {
        EventId(number)
    }
}

/// A cursor as text.
pub fn encode<Id: Listed>(cursor: Cursor<Id>) -> String {
    let (direction, id) = match cursor {
        Cursor::OlderThan(id) => (b'o', id),
        Cursor::NewerThan(id) => (b'n', id),
    };
    let mut bytes = vec![VERSION, Id::LIST, direction];
    bytes.extend_from_slice(&id.number().to_be_bytes());
    bytes.extend_from_slice(&sum(&bytes));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`encode`] wrote for the same kind of list.
///
/// # Errors
/// `bad_cursor` (400) for anything else.
pub fn decode<Id: Listed>(text: &str) -> Result<Cursor<Id>, Problem> {
    read(text).ok_or_else(|| {
        let detail = "This cursor is not one of this list. Begin again without it.";
        Problem::new(ProblemKind::NotUnderstood, "bad_cursor", detail)
    })
}

fn read<Id: Listed>(text: &str) -> Option<Cursor<Id>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (content, end) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
    if sum(content) != end {
        return None;
    }
    let &[VERSION, list, direction, ref number @ ..] = content else { return None };
    let id = Id::from_number(u128::from_be_bytes(number.try_into().ok()?));
    match direction {
        _ if list != Id::LIST => None,
        b'o' => Some(Cursor::OlderThan(id)),
        b'n' => Some(Cursor::NewerThan(id)),
        _ => None,
    }
}

fn sum(content: &[u8]) -> [u8; SUM_BYTES] {
    let hash = Sha256::digest(content);
    std::array::from_fn(|index| hash[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        for cursor in [Cursor::OlderThan(DeliveryId(7 << 80)), Cursor::NewerThan(DeliveryId(u128::MAX))] {
            let text = encode(cursor);
            assert_eq!(decode(&text), Ok(cursor));
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
        }
    }

    #[test]
    fn what_is_no_cursor_of_this_list_is_refused() {
        let good = encode(Cursor::OlderThan(DeliveryId(7 << 80)));
        let of_events = encode(Cursor::OlderThan(EventId(7 << 80)));
        let changed = format!("{}A", &good[..good.len() - 1]);
        for bad in
            ["", "1", "x y", &good[1..], &good[..20], &format!("{good}="), &changed, &of_events, &"A".repeat(9_999)]
        {
            assert_eq!(decode::<DeliveryId>(bad).unwrap_err().code, "bad_cursor", "{bad}");
        }
    }
}
