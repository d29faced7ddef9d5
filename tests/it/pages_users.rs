//! Users: who may look, who may change, and how people are added, signed out and removed.

use std::time::Duration;

use hookstead::control::{self, Ask};

use crate::{
    app::TestApp,
    browser::{Browser, EMAIL, PASSWORD, READER, between},
};

/// The address of somebody's page, from the list.
fn page_of(admin: &Browser, email: &str) -> String {
    let list = admin.get("/system/users").expect(200).text();
    let list = list.split("<main").nth(1).expect("a page has a main part");
    let before = list.split(&format!("<bdi>{email}</bdi>")).next().expect("they are in the list");
    let start = before.rfind("/system/users/").expect("a link leads to them");
    between(&before[start..], "", "\"").unwrap().to_owned()
}

#[test]
fn an_admin_adds_somebody_who_may_only_look() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let list = admin.get("/system/users").expect(200).text();
    assert!(list.contains(EMAIL) && list.contains("you") && list.contains("1 session"), "{list}");
    let form = admin.get("/system/users/new").expect(200).text();
    let fields = [("email", "no email"), ("password", "short"), ("role", "read-only")];
    let refused = admin.post("/system/users/new", &form, &fields).expect(422).text();
    assert!(refused.contains("Enter an email address") && refused.contains("at least 12 characters"), "{refused}");
    assert!(!refused.contains("short\""), "a password is not sent back");
    admin.post("/system/users/new", &form, &[("email", "x@y"), ("role", "root")]).expect(422);
    let fields = [("email", " Reader@ACME.example "), ("password", PASSWORD), ("role", "read-only")];
    let added = admin.follow(admin.post("/system/users/new", &form, &fields));
    assert!(added.contains("User added.") && added.contains(READER) && added.contains("Signed in nowhere."), "{added}");
    let again = admin.get("/system/users/new").expect(200).text();
    let taken = admin.post("/system/users/new", &again, &fields).expect(409).text();
    assert!(taken.contains("There is a user with this email already."));

    let reader = Browser::new(&app);
    reader.sign_in_as(READER, PASSWORD).expect(303);
    let page = reader.get("/integration/webhook").expect(200).text();
    assert!(!page.contains("+ Add") && !page.contains("API keys") && !page.contains("Audit log"), "{page}");
    let told = reader.get("/system/users").expect(403).text();
    assert!(told.contains("You can look but not change. Ask an admin."), "{told}");
    let mark = reader.get("/account").expect(200).text();
    let told = reader.post("/system/pause", &mark, &[("reason", "because")]).expect(403).text();
    assert!(told.contains("You can look but not change. Ask an admin."));
    assert!(app.app().service().pause().is_none());
}

#[test]
fn a_new_role_counts_from_the_next_page_on() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let reader = Browser::read_only(&app);
    reader.get("/developers/api-keys").expect(403);
    let address = page_of(&admin, READER);
    let page = admin.get(&address).expect(200).text();
    let changed = admin.follow(admin.post(&format!("{address}/role"), &page, &[("role", "admin")]));
    assert!(changed.contains("Role saved."));
    reader.get("/developers/api-keys").expect(200);
    admin.post(&format!("{address}/role"), &page, &[("role", "root")]).expect(400);
}

#[test]
fn the_last_admin_stays() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    Browser::read_only(&app);
    let address = page_of(&admin, EMAIL);
    let page = admin.get(&address).expect(200).text();
    let words = "This is the last admin. Make somebody else an admin first.";
    assert!(admin.post(&format!("{address}/role"), &page, &[("role", "read-only")]).expect(409).text().contains(words));
    let page = admin.get(&format!("{address}/delete")).expect(200).text();
    assert!(admin.post(&format!("{address}/delete"), &page, &[]).expect(409).text().contains(words));
    admin.get("/system/users").expect(200);

    let reader = page_of(&admin, READER);
    let page = admin.get(&reader).expect(200).text();
    admin.post(&format!("{reader}/role"), &page, &[("role", "admin")]).expect(303);
    admin.post(&format!("{address}/delete"), &page, &[]).expect(303);
    let gone = admin.get("/system/users").expect(303);
    assert!(gone.header("location").unwrap().starts_with("/sign-in"), "whoever removes themselves is out");
}

#[test]
fn sessions_are_listed_and_ended_one_by_one_or_all_together() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let (phone, desk) = (Browser::read_only(&app), Browser::new(&app));
    desk.sign_in_as(READER, PASSWORD).expect(303);
    app.advance(Duration::from_secs(600));
    desk.get("/integration/webhook").expect(200);
    // What is written later is written after the note of that use.
    app.publish("contact.created", "1");

    let address = page_of(&admin, READER);
    let page = admin.get(&address).expect(200).text();
    let end = |page: &str| between(page, &format!(r#"action="{address}/sessions/"#), "/end\"").map(str::to_owned);
    assert_eq!(page.matches("/end\"").count(), 2, "{page}");
    assert!(page.contains("127.0.0.1") && page.contains("ureq"), "address and browser");
    // The latest use is first, so the first button ends the desk's.
    let desks = end(&page).expect("a button for each session");
    let ended = admin.follow(admin.post(&format!("{address}/sessions/{desks}/end"), &page, &[]));
    assert!(ended.contains("Sessions ended;") && ended.matches("/end\"").count() == 1, "{ended}");
    let (phone_in, desk_in) = (phone.get("/account").status, desk.get("/account").status);
    assert_eq!([phone_in, desk_in].iter().filter(|status| **status == 200).count(), 1);
    admin.post(&format!("{address}/sessions/{desks}/end"), &page, &[]).expect(404);

    desk.sign_in_as(READER, PASSWORD);
    admin.post(&format!("{address}/sign-out"), &page, &[]).expect(303);
    phone.get("/account").expect(303);
    desk.get("/account").expect(303);
}

#[test]
fn everybody_sees_to_their_own_sessions_and_to_no_others() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let (here, there) = (Browser::read_only(&app), Browser::new(&app));
    there.sign_in_as(READER, PASSWORD).expect(303);
    let page = here.get("/account").expect(200).text();
    assert!(page.contains("this browser") && page.matches("/end\"").count() == 1, "{page}");
    let admins = admin.get(&page_of(&admin, EMAIL)).expect(200).text();
    assert!(!admins.contains("/end\""), "nobody ends the session they are in by mistake");

    // The id of another's session opens nothing.
    let other = Browser::new(&app);
    other.sign_in(PASSWORD).expect(303);
    let admins = admin.get(&page_of(&admin, EMAIL)).expect(200).text();
    let foreign = between(&admins, "/sessions/", "/end\"").unwrap().to_owned();
    here.post(&format!("/account/sessions/{foreign}/end"), &page, &[]).expect(404);
    other.get("/account").expect(200);

    let left = here.follow(here.post("/account/sign-out-elsewhere", &page, &[]));
    assert!(left.contains("Sessions ended;") && !left.contains("/end\""), "{left}");
    there.get("/account").expect(303);
    admin.get("/account").expect(200);
}

#[test]
fn a_new_password_signs_out_every_other_browser() {
    let app = TestApp::start();
    let here = Browser::signed_in(&app);
    let there = Browser::new(&app);
    there.sign_in(PASSWORD).expect(303);
    let old = here.cookie("hookstead_session").unwrap();
    let page = here.get("/account/password").expect(200).text();
    let post = |current: &str, password: &str| {
        here.post("/account/password", &page, &[("current", current), ("password", password)])
    };
    let wrong = post("not my password", "a new long password").expect(422).text();
    assert!(wrong.contains("This is not your password."), "{wrong}");
    assert!(post(PASSWORD, "short").expect(422).text().contains("at least 12 characters"));
    let changed = here.follow(post(PASSWORD, "a new long password"));
    assert!(changed.contains("Password changed."), "{changed}");
    assert_ne!(here.cookie("hookstead_session").unwrap(), old, "a new session");
    there.get("/account").expect(303);
    there.set_cookie("hookstead_session", &old);
    there.get("/account").expect(303);
    there.sign_in(PASSWORD).expect(422);
    there.sign_in("a new long password").expect(303);
}

#[test]
fn an_admin_sets_a_password_and_the_command_line_ends_every_session() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let reader = Browser::read_only(&app);
    let address = page_of(&admin, READER);
    let page = admin.get(&address).expect(200).text();
    let short = admin.post(&format!("{address}/password"), &page, &[("password", "short")]).expect(422).text();
    assert!(short.contains("at least 12 characters"));
    reader.get("/account").expect(200);
    admin.post(&format!("{address}/password"), &page, &[("password", "a new long password")]).expect(303);
    reader.get("/account").expect(303);
    reader.sign_in_as(READER, "a new long password").expect(303);

    let execute = |ask: Ask| control::execute(app.app().service(), ask);
    let told = execute(Ask::SignOutAll { email: Some(READER.to_owned()) }).unwrap();
    assert_eq!(told, ["Every session of one user has ended."]);
    reader.get("/account").expect(303);
    admin.get("/account").expect(200);
    execute(Ask::SignOutAll { email: None }).unwrap();
    admin.get("/account").expect(303);
    let listed = execute(Ask::ListAdmins).unwrap();
    assert!(listed[0].starts_with("admin@acme.example  admin  password only"), "{listed:?}");
    assert!(listed[1].starts_with("reader@acme.example  read-only  password only"), "{listed:?}");
    assert_eq!(execute(Ask::SignOutAll { email: Some("x@y".into()) }).unwrap_err(), "There is no such user.");
}

/// Every link and every button on a page of somebody who may only look leads somewhere.
#[test]
fn pages_of_somebody_who_may_only_look_have_no_dead_ends() {
    let world = crate::console::World::of("plain");
    let app = &world.app;
    Browser::signed_in(app);
    let reader = Browser::read_only(app);
    let mut seen = 0;
    for (name, path) in world.pages() {
        let answer = reader.get(&path);
        if answer.status == 403 {
            assert!(answer.text().contains("You can look but not change. Ask an admin."), "{name}");
            continue;
        }
        let page = answer.text();
        seen += 1;
        for attribute in ["href=\"", "action=\"", "formaction=\""] {
            for link in page.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"))
            {
                if !link.starts_with('/') || link.starts_with("/assets/") {
                    continue;
                }
                let status = reader.get(&link).status;
                assert_ne!(status, 403, "{name}: {link}");
                // A form's address that takes no GET is a button.
                let own = ["/sign-out", "/account"].iter().any(|known| link.starts_with(known));
                assert!(status != 405 || own, "{name} has a button {link}");
            }
        }
    }
    assert!(seen >= 25, "{seen} pages");
}
