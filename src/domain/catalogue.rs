//! The event types there are: the built-in seven, and what is known of each type.

use serde::{Deserialize, Serialize};

use super::{EventType, MaskedFields};

/// What is known of an event type. Operators can add types of their own in the same form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTypeInfo {
    /// The name in the API.
    pub name: EventType,
    /// The name on pages, such as `Contact created`.
    pub label: String,
    /// The group on pages, such as `Contact`. Not always the first segment of the name:
    /// `message.received` stands under `Conversation`.
    pub category: String,
    /// One sentence that says when it happens.
    pub description: String,
    /// An example of its content, as JSON, byte for byte as it was given.
    pub example: Option<String>,
    /// The JSON Schema of its content, byte for byte as it was given.
    pub schema: Option<String>,
    /// Whether it comes with the product and cannot be changed.
    pub built_in: bool,
    /// Whether it is no longer offered; webhooks that selected it still get it.
    pub retired: bool,
    /// Fields of its payloads that are not shown.
    #[serde(default)]
    pub masked: MaskedFields,
    /// Whether the payload of an event is deleted once it has arrived everywhere.
    #[serde(default)]
    pub forget_after_success: bool,
}

macro_rules! built_in {
    ($category:literal, $name:literal, $label:literal, $description:literal) => {
        EventTypeInfo {
            name: EventType::parse($name).expect("a test reads every built-in name"),
            label: $label.to_owned(),
            category: $category.to_owned(),
            description: $description.to_owned(),
            example: Some(
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/examples/", $name, ".json")).to_owned(),
            ),
            schema: None,
            built_in: true,
            retired: false,
            masked: MaskedFields::default(),
            forget_after_success: false,
        }
    };
}

/// The types that come with the product, in the order of the pages.
pub fn built_in() -> Vec<EventTypeInfo> {
    vec![
        built_in!("Contact", "contact.created", "Contact created", "Triggered when a new contact is created."),
        built_in!("Contact", "contact.updated", "Contact updated", "Triggered when an existing contact is updated."),
        built_in!("Ticket", "ticket.created", "Ticket created", "Triggered when a new ticket is created."),
        built_in!("Ticket", "ticket.updated", "Ticket updated", "Triggered when an existing ticket is updated."),
        built_in!(
            "Conversation",
            "conversation.created",
            "Conversation created",
            "Triggered when a new conversation is created."
        ),
        built_in!(
            "Conversation",
            "conversation.updated",
            "Conversation updated",
            "Triggered when an existing conversation is updated."
        ),
        built_in!("Conversation", "message.received", "Message received", "Triggered when a new message is received."),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn seven_types_in_three_categories() {
        let shown: Vec<String> =
            built_in().iter().map(|info| format!("{} › {} {}", info.category, info.label, info.name)).collect();
        assert_eq!(
            shown,
            [
                "Contact › Contact created contact.created",
                "Contact › Contact updated contact.updated",
                "Ticket › Ticket created ticket.created",
                "Ticket › Ticket updated ticket.updated",
                "Conversation › Conversation created conversation.created",
                "Conversation › Conversation updated conversation.updated",
                "Conversation › Message received message.received",
            ]
        );
    }

    #[test]
    fn each_example_is_the_data_of_the_sample_body_byte_for_byte() {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        for info in built_in() {
            let path = format!("{}/tests/fixtures/payloads/product/{}.json", env!("CARGO_MANIFEST_DIR"), info.name);
            let text = std::fs::read_to_string(&path).expect(&path);
            let body: Body = serde_json::from_str(&text).expect("a sample body");
            assert_eq!(info.example.as_deref(), Some(body.data.get()), "{}", info.name);
        }
    }

    #[test]
    fn a_type_is_the_same_after_a_record() {
        for info in built_in() {
            let record = rmp_serde::to_vec(&info).expect("a record");
            assert_eq!(rmp_serde::from_slice::<EventTypeInfo>(&record).expect("the same"), info);
        }
    }
}
