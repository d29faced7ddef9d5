//! A browser without a script: it follows links, fills in the forms that pages show, and keeps
//! cookies. What it cannot do, an admin without JavaScript cannot do either.

use std::cell::RefCell;

use hookstead::control::{self, Ask};

use crate::app::{Answer, TestApp};

pub const EMAIL: &str = "admin@acme.example";
pub const PASSWORD: &str = "correct horse battery";
/// Somebody who may only look.
pub const READER: &str = "reader@acme.example";

pub struct Browser<'a> {
    app: &'a TestApp,
    cookies: RefCell<Vec<(String, String)>>,
}

impl<'a> Browser<'a> {
    /// Somebody who has never been here.
    pub fn new(app: &'a TestApp) -> Browser<'a> {
        Browser { app, cookies: RefCell::default() }
    }

    /// The first admin, signed in.
    pub fn signed_in(app: &'a TestApp) -> Browser<'a> {
        let browser = Browser::new(app);
        let token = app.app().service().setup_token().expect("there is no admin yet").to_owned();
        let page = browser.get(&format!("/setup?token={token}")).expect(200).text();
        let fields = [("token", token.as_str()), ("email", EMAIL), ("password", PASSWORD)];
        browser.post("/setup", &page, &fields).expect(303);
        browser.sign_in(PASSWORD).expect(303);
        browser
    }

    /// Somebody with the role `read-only`, signed in. There must be an admin.
    pub fn read_only(app: &'a TestApp) -> Browser<'a> {
        let ask =
            Ask::CreateAdmin { email: READER.to_owned(), password: PASSWORD.to_owned(), role: "read-only".to_owned() };
        control::execute(app.app().service(), ask).unwrap();
        let browser = Browser::new(app);
        browser.sign_in_as(READER, PASSWORD).expect(303);
        browser
    }

    pub fn sign_in(&self, password: &str) -> Answer {
        self.sign_in_as(EMAIL, password)
    }

    pub fn sign_in_as(&self, email: &str, password: &str) -> Answer {
        let page = self.get("/sign-in").expect(200).text();
        self.post("/sign-in", &page, &[("email", email), ("password", password), ("stay", "yes")])
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// With headers of its own.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, None)
    }

    /// Sends the form of `page` with these fields.
    pub fn post(&self, path: &str, page: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, &mark(page), fields, &[])
    }

    /// Sends a form with this mark and headers of its own.
    pub fn post_with(&self, path: &str, mark: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("form", mark).extend_pairs(fields);
        let mut all = vec![("content-type", "application/x-www-form-urlencoded"), ("origin", "null")];
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        all.extend(headers);
        self.send("POST", path, &all, Some(form.finish().as_bytes()))
    }

    /// Shows the page that an answer leads to.
    #[track_caller]
    pub fn follow(&self, answer: Answer) -> String {
        let answer = answer.expect(303);
        let path = answer.header("location").expect("a redirect says where").to_owned();
        self.get(&path).expect(200).text()
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().retain(|(known, _)| known != name);
        self.cookies.borrow_mut().push((name.to_owned(), value.to_owned()));
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let cookies: Vec<_> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut all = headers.to_vec();
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        let path = path.split('#').next().unwrap_or(path);
        let answer = self.app.request(method, path, &all, body);
        for (_, line) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name and a value");
            match rest.contains("Max-Age=0") {
                true => self.cookies.borrow_mut().retain(|(known, _)| known != name),
                false => self.set_cookie(name, value),
            }
        }
        answer
    }
}

/// The mark of the forms on a page.
#[track_caller]
pub fn mark(page: &str) -> String {
    between(page, r#"name="form" value=""#, "\"").expect("the page has a form").to_owned()
}

/// What stands between two texts, the first time.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)?;
    Some(&text[start..start + end])
}

/// The tags of a page in their order, without what is in them: its structure.
pub fn tags(page: &str) -> Vec<String> {
    let names = page.split('<').skip(1).map(|tag| {
        tag.chars()
            .take_while(|character| character.is_ascii_alphanumeric() || matches!(character, '/' | '!'))
            .collect()
    });
    names.collect()
}
