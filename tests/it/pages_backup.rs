//! System › Backup: making one, downloading it, and those that are made by the clock.

use std::{fs, time::Duration};

use hookstead::store::{RestoreOptions, Store, restore};

use crate::{
    app::{Answer, TestApp, wait_until},
    browser::Browser,
    process::options,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn page(browser: &Browser) -> String {
    browser.get("/system/backup").expect(200).text()
}

/// Presses the button, and waits until the list has one more.
fn make(browser: &Browser) -> String {
    let before = page(browser);
    let answer: Answer = browser.post("/system/backup", &before, &[]);
    assert_eq!(answer.header("location"), Some("/system/backup"), "{}", answer.text());
    assert!(browser.follow(answer).contains("A backup is being made. It is in the list once it is whole."));
    let files = |page: &str| page.matches("Download backup").count();
    wait_until(|| files(&page(browser)) > files(&before) && !page(browser).contains("data-progress")).unwrap();
    page(browser)
}

fn first_file(page: &str) -> String {
    crate::browser::between(page, r#"<a class="button slim" href=""#, r#"" download"#).unwrap().to_owned()
}

#[test]
fn a_backup_is_made_downloaded_and_can_be_restored() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let event = app.publish("contact.created", r#"{"name":"Ada"}"#);
    let empty = page(&browser);
    for words in ["personal data", "None yet.", "never: backup.every_hours is not set", "<dd>never</dd>"] {
        assert!(empty.contains(words), "{words}: {empty}");
    }
    let shown = make(&browser);
    let data_dir = app.folder.path().join("data").display().to_string();
    let restores = format!("hookstead restore {data_dir}/backups/hookstead-");
    assert!(shown.contains(&restores) && shown.contains("--replace --pause-sending"), "{restores}: {shown}");
    assert!(browser.get("/system").text().contains(" (0 s ago) · <a href=\"/system/backup\">Backup</a>"));

    let at = format!("hookstead_last_backup_seconds {}", app.now().as_seconds());
    assert!(app.request("GET", "/metrics", &[], None).text().contains(&at), "{at}");

    let address = first_file(&shown);
    let answer = browser.get(&address).expect(200);
    let name = address.rsplit('/').next().unwrap();
    let stored = fs::read(app.folder.path().join("data/backups").join(name)).unwrap();
    assert_eq!(answer.header("content-length"), Some(&*stored.len().to_string()));
    assert_eq!(answer.header("content-disposition"), Some(&*format!("attachment; filename=\"{name}\"")));
    assert!(answer.body == stored);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("downloaded");
    fs::write(&file, &answer.body).unwrap();
    let directory = folder.path().join("data");
    let opening = options(&app.folder.path().join("data"));
    let key_file = opening.key_file.clone();
    let options = RestoreOptions { replace: false, key_file, pause: None, cache_bytes: 1 << 20, now: app.now() };
    restore(&fs::File::open(&file).unwrap(), &directory, options, &mut |_| true).unwrap();
    let store = Store::open(&directory, opening).unwrap();
    assert!(store.event(event["id"].as_str().unwrap().parse().unwrap()).unwrap().is_some());
    store.stop();

    for wrong in ["/system/backup/hookstead-20200101T000000Z.backup", "/system/backup/..%2Fhookstead.redb"] {
        browser.get(wrong).expect(404);
    }
    let stranger = Browser::new(&app).get(&address);
    assert!(stranger.status == 303 && stranger.header("location").unwrap().starts_with("/sign-in"));
}

#[test]
fn a_failure_is_on_the_pages_until_a_backup_succeeds() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let folder = app.folder.path().join("data/backups");
    fs::write(&folder, "in the way").unwrap();
    browser.post("/system/backup", &page(&browser), &[]).expect(303);
    wait_until(|| browser.get("/system").text().contains("The last backup failed")).unwrap();
    let shown = page(&browser);
    assert!(shown.contains(" failed: ") && shown.contains("The folder cannot be read"), "{shown}");
    fs::remove_file(&folder).unwrap();
    app.advance(Duration::from_secs(1));
    let shown = make(&browser);
    assert!(!shown.contains(" failed: ") && !browser.get("/system").text().contains("failed 1"), "{shown}");
}

#[test]
fn backups_are_made_by_the_clock_and_the_newest_are_kept() {
    let app = TestApp::start_with(|config| {
        config.backup.every_hours = 6;
        config.backup.keep = 2;
    });
    let browser = Browser::signed_in(&app);
    let count = || page(&browser).matches("Download backup").count();
    let is_calm = || !page(&browser).contains("data-progress");
    wait_until(|| count() == 1 && is_calm()).expect("the first one is due at once");
    let first = first_file(&page(&browser));
    assert!(page(&browser).contains("every 6 h (backup.every_hours)"));
    assert!(browser.get("/system").text().contains("Last backup: 0 s ago"));
    app.advance(5 * HOUR);
    wait_until(|| browser.get("/system").text().contains("Last backup: 5 h")).unwrap();
    assert_eq!(count(), 1, "none is due yet");
    app.advance(HOUR);
    wait_until(|| count() == 2 && is_calm()).unwrap();
    app.advance(6 * HOUR);
    wait_until(|| first_file(&page(&browser)) > first && !page(&browser).contains(&first)).expect("the oldest goes");
    assert_eq!(count(), 2);
}
