use super::*;

/// The status kind, the code and the detail of what is refused.
fn refused(body: &[u8]) -> (ProblemKind, &'static str, String) {
    let problem = Object::from_body(body).expect_err(&String::from_utf8_lossy(body));
    (problem.kind, problem.code, problem.detail)
}

/// The pointers and codes of the faults, in order.
fn faults<T>(read: Read<T>) -> Vec<(String, &'static str)> {
    read.err().expect("faults").into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

fn object(text: &str) -> Object<'_> {
    Object::from_body(text.as_bytes()).expect("an object")
}

#[test]
fn what_is_no_json_is_400_and_says_where_without_repeating_it() {
    for (body, place) in [
        (&b"{"[..], "ends too early at line 1, column 1"),
        (b"   ", "ends too early at line 1, column 3"),
        (b"{\"data\":{\"card\":\"4111", "ends too early at line 1, column 21"),
        (b"{\"a\":1,\n\"b\":x4111}", "is not JSON at line 2, column 5"),
        (b"{\"a\":1,}", "is not JSON at line 1, column 8"),
        (b"{'a':1}", "is not JSON at line 1, column 2"),
        (b"{\"a\":01}", "is not JSON at line 1, column 7"),
        (b"{\"a\":+1}", "is not JSON at line 1, column 6"),
        (b"{\"a\":1.}", "is not JSON at line 1, column 8"),
        (b"{\"a\":.5}", "is not JSON at line 1, column 6"),
        (b"{\"a\":NaN}", "is not JSON at line 1, column 6"),
        (b"{\"a\":Infinity}", "is not JSON at line 1, column 6"),
        (b"{\"a\":True}", "is not JSON at line 1, column 6"),
        (b"{\"a\":\"\x01\"}", "is not JSON at line 1"),
        (b"{\"a\":\"\\x41\"}", "is not JSON at line 1"),
        (b"{\"a\":1} // no", "is not JSON at line 1, column 9"),
        (b"{\"a\":1}{}", "is not JSON at line 1, column 8"),
        (b"{\"a\" 1}", "is not JSON at line 1, column 6"),
        (b"{a:1}", "is not JSON at line 1, column 2"),
        (b"[1,]", "is not JSON at line 1, column 4"),
        (b"{\0\"\0a\0\"\0", "is not JSON at line 1, column 2"),
    ] {
        let (kind, code, detail) = refused(body);
        let shown = String::from_utf8_lossy(body);
        assert_eq!((kind, code), (ProblemKind::NotUnderstood, "malformed_json"), "{shown}");
        assert!(detail.contains(place), "{shown}: {detail}");
        assert!(!detail.contains("4111"), "{detail}");
    }
    assert_eq!(refused(b"").2, "The body is empty. Send a JSON object.");
}

#[test]
fn only_utf_8_without_a_mark_is_read() {
    assert_eq!(refused(b"\xef\xbb\xbf{}").1, "malformed_json");
    assert!(refused(b"\xef\xbb\xbf{}").2.contains("byte order mark"));
    for bad in [&b"\xff\xfe{\0}\0"[..], b"{\"a\":\"caf\xe9\"}", b"\xed\xa0\x80", b"{\"a\":\"\xc0\xaf\"}"] {
        assert_eq!((refused(bad).0, refused(bad).1), (ProblemKind::NotUnderstood, "not_utf8"));
    }
}

#[test]
fn json_that_is_no_object_is_422() {
    for body in ["[\"a\",{}]", "null", "1", " \"x\"", "true", "[]"] {
        let (kind, code, detail) = refused(body.as_bytes());
        assert_eq!((kind, code), (ProblemKind::Invalid, "invalid"), "{body}");
        assert!(detail.contains("object"), "{detail}");
    }
}

#[test]
fn a_key_that_is_there_twice_is_400_however_it_is_written() {
    for body in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#] {
        let problem = Object::from_body(body.as_bytes()).unwrap_err();
        assert_eq!((problem.kind, problem.code), (ProblemKind::NotUnderstood, "malformed_json"));
        assert_eq!((problem.faults[0].pointer.as_str(), problem.faults[0].code), ("/a", "duplicate_key"));
    }
}

#[test]
fn a_member_keeps_its_bytes_whatever_is_in_it() {
    for data in [
        "12345678901234567890123",
        "1.10",
        "-0",
        "1e-400",
        "1E400",
        r#"{"b":1,"a":2,"b":3}"#,
        r#""\ud800""#,
        "\"\u{202E}\u{FEFF}\\u0000😀\"",
        "[ 1 , 2\t]",
        "null",
    ] {
        let body = format!("{{\"data\":\n {data} }}");
        let read = object(&body).read(|input| input.required("data", any)).unwrap();
        assert_eq!(read.get(), data);
    }
}

#[test]
fn nesting_costs_no_stack() {
    for depth in [129, 1_000, 100_000] {
        let body = format!("{{\"data\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let read = object(&body).read(|input| input.required("data", any)).unwrap();
        assert_eq!(read.get().len(), 2 * depth);
        assert_eq!(refused(&body.as_bytes()[..depth]).1, "malformed_json");
        assert_eq!(refused("[".repeat(depth).as_bytes()).1, "malformed_json");
    }
}

#[test]
fn every_fault_comes_at_once_and_points_to_its_member() {
    let read =
        object(r#"{"nmae":"x","count":"3","list":["a",1,{}],"inner":{"on":1,"~/":0},"on":null}"#).read(|input| {
            input.required("name", text);
            input.required("count", whole_number(1..=9));
            input.optional("list", list(text));
            input.optional("inner", super::object(|inner| inner.required("on", yes_or_no)));
            input.changed("on", yes_or_no);
            Some(())
        });
    let expected = [
        ("/name", "missing"),
        ("/count", "wrong_type"),
        ("/list/1", "wrong_type"),
        ("/list/2", "wrong_type"),
        ("/inner/on", "wrong_type"),
        ("/inner/~0~1", "unknown_key"),
        ("/on", "not_removable"),
        ("/nmae", "unknown_key"),
    ];
    assert_eq!(faults(read), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn an_unknown_member_is_met_with_the_name_that_was_meant() {
    let read = object(r#"{"nmae":"x"}"#).read(|input| Some(input.optional("name", text)));
    assert_eq!(read.unwrap_err()[0].message, "There is no member “nmae” here. Did you mean name?");
    let long = format!("{{\"{}\":1}}", "k".repeat(10_000));
    let read = object(&long).read(|input| Some(input.optional("name", text)));
    assert!(read.unwrap_err()[0].message.len() < 200);
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    let read = |body: &'static str| object(body).read(|input| Some(input.nullable("n", whole_number(1..=9)))).unwrap();
    assert_eq!((read("{}"), read(r#"{"n":null}"#), read(r#"{"n":3}"#)), (None, Some(None), Some(Some(3))));
    let optional = |body: &'static str| object(body).read(|input| Some(input.optional("n", text))).unwrap();
    assert_eq!((optional("{}"), optional(r#"{"n":null}"#)), (None, None));
}

#[test]
fn numbers_are_whole_and_in_range() {
    for bad in ["0", "10", "-1", "1.0", "1e0", "99999999999999999999999"] {
        let body = format!(r#"{{"n":{bad}}}"#);
        let read = object(&body).read(|input| input.required("n", whole_number(1..=9)));
        assert_eq!(faults(read), [("/n".to_owned(), "out_of_range")], "{bad}");
    }
}

#[test]
fn half_a_surrogate_pair_is_no_text() {
    let read = object(r#"{"name":"\ud800"}"#).read(|input| input.required("name", text));
    assert_eq!(faults(read), [("/name".to_owned(), "not_unicode")]);
}

#[test]
fn what_cannot_be_set_is_named() {
    let read = object(r#"{"id":"x"}"#).read(|input| {
        input.read_only(&["id"], "Leave it out.");
        Some(())
    });
    assert_eq!(faults(read), [("/id".to_owned(), "read_only")]);
}
