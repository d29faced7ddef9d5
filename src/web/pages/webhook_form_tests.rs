use super::*;
use crate::domain::{EventType, built_in};

fn types() -> Vec<Arc<EventTypeInfo>> {
    built_in().into_iter().map(Arc::new).collect()
}

fn read(body: &str) -> Typed {
    Typed::read(&Fields::parse(body.as_bytes()).unwrap())
}

fn mean(body: &str) -> Result<Meant, Vec<(String, String)>> {
    read(body)
        .mean(&types(), &CustomHeaders::default())
        .map_err(|errors| errors.of_fields.into_iter().map(|error| (error.field, error.message)).collect())
}

const GOOD: &str = "request_url=https://hooks.example.com/crm&choice=selected&event=contact.created";

#[test]
fn a_filled_form_means_a_webhook() {
    let body = format!(
        "{GOOD}&description=+ERP+sync+&secret=whsec_MDEyMzQ1Njc4OWFiY2RlZg&category=Conversation&event=message.received\
         &header_name_0=X-Env&header_value_0=prod&header_name_1=&header_value_1=&header_name_2=X-Api-Key\
         &header_value_2=k&header_hide_2=yes&timeout_s=2.5&max_in_flight=4&rate_per_second=&retry_schedule=5+s,+1+h"
    );
    let meant = mean(&body).unwrap();
    assert_eq!(meant.request_url.as_str(), "https://hooks.example.com/crm");
    assert_eq!(meant.description, "ERP sync");
    assert_eq!(meant.secret.unwrap().as_str(), "whsec_MDEyMzQ1Njc4OWFiY2RlZg");
    assert_eq!(meant.selection.patterns(), ["conversation.*", "message.*", "contact.created"]);
    let headers: Vec<_> = meant.headers.iter().map(|h| (h.name.as_str(), h.value.as_str(), h.hidden)).collect();
    assert_eq!(headers, [("X-Env", "prod", false), ("X-Api-Key", "k", true)]);
    assert_eq!((meant.timeout_ms, meant.max_in_flight, meant.rate_per_second), (Some(2_500), Some(4), None));
    assert_eq!(meant.retry_schedule.unwrap().to_seconds(), [5, 3_600]);
}

#[test]
fn every_fault_is_named_at_its_field() {
    let everything = "request_url=&choice=selected&secret=short&header_name_0=&header_value_0=&header_name_1=X+Api\
                      &header_value_1=a&header_name_2=Host&header_value_2=b&timeout_s=0&max_in_flight=65\
                      &rate_per_second=x&retry_schedule=soon";
    let fields: Vec<_> = mean(everything).unwrap_err().into_iter().map(|(field, _)| field).collect();
    assert_eq!(
        fields,
        [
            "request_url",
            "secret",
            "events",
            "header_name_1",
            "header_name_2",
            "timeout_s",
            "max_in_flight",
            "rate_per_second",
            "retry_schedule"
        ]
    );
    for (body, field, message) in [
        ("request_url=&choice=every", "request_url", "Enter the Request URL."),
        (
            "request_url=hooks.example.com/x&choice=every",
            "request_url",
            "Start the Request URL with https://. Did you mean https://hooks.example.com/x?",
        ),
        ("request_url=https://a.example&choice=selected", "events", "Select at least one event."),
        (
            "request_url=https://a.example&choice=every&header_name_0=A&header_value_0=1&header_name_1=a&header_value_1=2",
            "header_name_1",
            "“a” is there twice. Keep one.",
        ),
        (
            "request_url=https://a.example&choice=every&header_name_0=A&header_value_0=1%0A2",
            "header_value_0",
            "A header value must be one line.",
        ),
    ] {
        assert_eq!(mean(body).unwrap_err(), [(field.to_owned(), message.to_owned())], "{body}");
    }
}

#[test]
fn a_hidden_value_that_is_left_alone_is_kept() {
    let hidden = |name: &str, value: &str| CustomHeader { name: name.into(), value: value.into(), hidden: true };
    let before = CustomHeaders::parse(vec![hidden("X-Api-Key", "old"), hidden("X-Other", "other")]).unwrap();
    let edit = |rows: &str| {
        let meant = read(&format!("{GOOD}&{rows}")).mean(&types(), &before).map_err(|_| "faults").unwrap();
        meant.headers.iter().map(|header| format!("{}={}", header.name, header.value)).collect::<Vec<_>>()
    };
    let row = "header_name_0=X-Api-Key&header_kept_0=X-Api-Key&header_hide_0=yes&header_value_0=";
    assert_eq!(edit(row), ["X-Api-Key=old"]);
    assert_eq!(edit(&format!("{row}new")), ["X-Api-Key=new"]);
    assert_eq!(edit(&row.replace("name_0=X-Api-Key", "name_0=X-Renamed")), ["X-Renamed=old"]);
    assert_eq!(edit("header_name_0=X-Env&header_kept_0=No-Such&header_value_0="), ["X-Env="]);
}

#[test]
fn small_buttons_change_the_form_and_keep_the_rest() {
    let body = format!("{GOOD}&secret=+x+&header_name_0=A&header_value_0=1&header_name_1=B&header_value_1=2");
    let secret = || Secret::generate([7; 32]);
    let press = |button: &str| {
        let mut typed = read(&body);
        let pressed = typed.press(button, secret);
        (pressed, typed)
    };
    assert_eq!(press("add_header").1.headers.len(), 3);
    let (_, removed) = press("remove_0");
    assert_eq!(removed.headers.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["B"]);
    assert!(press("generate").1.secret.starts_with("whsec_"));
    assert_eq!(press("trim_secret").1.secret, "x");
    assert_eq!(press("remove_99").1.headers.len(), 2);
    assert!(!press("save").0 && !press("").0 && !press("remove_x").0);
}

#[test]
fn a_category_is_its_first_words_unless_they_are_shared() {
    let mut types = types();
    assert_eq!(patterns_of("Conversation", &types), ["conversation.*", "message.*"]);
    let mut other = (*types[0]).clone();
    other.name = EventType::parse("message.flagged").unwrap();
    other.category = "Moderation".into();
    types.push(Arc::new(other));
    assert_eq!(patterns_of("Conversation", &types), ["conversation.*", "message.received"]);
    assert!(covers("ticket.*", "ticket.created") && !covers("ticket.*", "tickets.created"));
}
