//! The served description of the API is held against the API by somebody who knows nothing else.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::{
    app::TestApp,
    process::{self, Process},
    tools,
};

/// The same requests each time. Another one: `CONTRACT_SEED=7 cargo test --test it contract::`.
const SEED: &str = "1";
/// Examples for each operation and kind of test; some 15 seconds on an idle machine.
const EXAMPLES: &str = "8";

#[test]
fn schemathesis_finds_nothing_that_the_description_does_not_say() {
    let Some(schemathesis) = tools::installed("schemathesis") else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Process::serve(&data);
    let (_, key, _) = process::run(&data, &["apikey", "create", "contract", "--scopes", "all"]);
    let seed = std::env::var("CONTRACT_SEED").unwrap_or_else(|_| SEED.into());
    println!("schemathesis with the seed {seed}");

    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis.toml");
    let mut command = Command::new(schemathesis);
    command.arg("--config-file").arg(config).arg("run").arg(format!("{}/api/v1/openapi.json", server.base));
    command.args(["--header", &format!("Authorization: Bearer {}", key.trim())]);
    command.args(["--seed", &seed, "--max-examples", EXAMPLES, "--no-shrink", "--no-color", "--warnings", "off"]);
    // It remembers between runs, in the folder it runs in.
    let output = command.current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Tested: 3"), "it tried what is described:\n{said}");
}

#[test]
fn every_operation_that_is_described_asks_for_a_key() {
    let app = TestApp::start_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]);
    let document = app.get("/openapi.json").expect(200).json();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] == Value::Null {
                continue;
            }
            asked += 1;
            let path = path.replace("{id}", "x").replace("{name}", "x.y").replace("{account}", "x");
            for key in ["", "Bearer hsk_wrong", "Basic eDp5"] {
                // Each operation from an address of its own: an address has sixty tries in a minute.
                let address = format!("203.0.113.{asked}");
                let mut headers = vec![("x-forwarded-for", address.as_str()), ("content-type", "application/json")];
                headers.extend((!key.is_empty()).then_some(("authorization", key)));
                let answer = app.request(&method.to_uppercase(), &path, &headers, Some(b"{}"));
                assert_eq!(answer.status, 401, "{method} {path} with {key:?}: {}", answer.text());
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{method} {path}");
                assert_eq!(answer.json()["code"], "unauthorized");
            }
        }
    }
    assert!(asked >= 30, "{asked} operations");
}

#[test]
fn a_bulk_resend_is_not_widened_by_an_empty_filter() {
    let app = TestApp::start();
    let body = serde_json::json!({"filter": {"webhook_id": "", "status": "failed"}});
    let problem = app.post("/bulk-resends", body).expect(422).json();
    assert_eq!(problem["errors"][0]["pointer"], "/filter/webhook_id");
    assert_eq!(problem["errors"][0]["message"], "Give it a value, or leave it out.");
    app.post("/bulk-resends", serde_json::json!({"filter": {"status": "failed", "http_status": 410}})).expect(200);
    app.post("/bulk-resends", serde_json::json!({"filter": {"account": 410}})).expect(422);
}
