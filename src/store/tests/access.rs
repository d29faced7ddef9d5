//! People, sessions and the audit log.

use super::*;
use crate::domain::{AuditFilter, Problem, Role, Session, User, UserId};

impl World {
    fn user(&self, number: u128, role: Role) -> User {
        User {
            id: UserId(number),
            email: format!("user{number}@acme.example"),
            password_hash: String::new(),
            created_at: self.now,
            password_changed_at: self.now,
            role,
            second_factor: None,
        }
    }

    fn add(&self, number: u128, role: Role) -> Answer<()> {
        self.done(self.store.create_user(self.user(number, role), false, self.audit()))
    }

    fn sign_in(&self, user: u128, hash: u8) {
        let session = Session {
            user: UserId(user),
            created_at: self.now,
            expires_at: self.now.plus(Duration::from_secs(86_400)),
            last_seen_at: Some(self.now.plus(Duration::from_secs(u64::from(hash)))),
            address: None,
            browser: String::new(),
        };
        self.done(self.store.create_session([hash; 32], session, None, self.audit())).unwrap();
    }

    fn numbers(&self) -> Vec<u64> {
        let page = self.store.audit(&AuditFilter::default(), None, 1_000).unwrap();
        page.entries.into_iter().map(|(number, _)| number).collect()
    }
}

#[test]
fn an_admin_is_there_first_and_last() {
    let world = World::new();
    let told = |answer: Answer<()>| answer.unwrap_err().detail;
    assert_eq!(told(world.add(1, Role::ReadOnly)), "There is no admin yet. Add one first.");
    assert!(!world.store.has_user(), "the set-up link still works");
    world.add(2, Role::Admin).unwrap();
    world.add(1, Role::ReadOnly).unwrap();
    let last = "This is the last admin. Make somebody else an admin first.";
    assert_eq!(told(world.done(world.store.delete_user(UserId(2), world.audit()))), last);
    let change = |number: u128, role: Role| {
        let update: UserUpdate = Box::new(move |user: &mut User| {
            user.role = role;
            Ok(())
        });
        world.done(world.store.update_user(UserId(number), update, EndSessions::None, world.audit())).map(drop)
    };
    assert_eq!(told(change(2, Role::ReadOnly)), last);
    change(1, Role::Admin).unwrap();
    change(2, Role::ReadOnly).unwrap();
    world.done(world.store.delete_user(UserId(2), world.audit())).unwrap();
    assert_eq!(world.store.users().unwrap().len(), 1);
    let before = world.numbers().len();
    assert_eq!(change(2, Role::Admin).unwrap_err(), Problem::not_found("user"));
    assert_eq!(world.numbers().len(), before, "what was refused is not in the audit log");
}

#[test]
fn a_person_has_fifty_sessions_and_the_one_used_least_lately_ends_for_another() {
    let world = World::new();
    world.add(1, Role::Admin).unwrap();
    world.add(2, Role::Admin).unwrap();
    world.sign_in(2, 200);
    (0..51).for_each(|hash| world.sign_in(1, hash));
    assert_eq!(world.store.session([0; 32]).unwrap(), None);
    assert!(world.store.session([1; 32]).unwrap().is_some() && world.store.session([50; 32]).unwrap().is_some());
    let keep_one: UserUpdate = Box::new(|_| Ok(()));
    let end = EndSessions::AllBut([7; 32]);
    world.done(world.store.update_user(UserId(1), keep_one, end, world.audit())).unwrap();
    let left: Vec<u8> = world.store.sessions().unwrap().iter().map(|(hash, _)| hash[0]).collect();
    assert_eq!(left, [7, 200], "nobody else's ended");
}

#[test]
fn old_entries_go_and_no_number_is_given_out_twice() {
    let mut world = World::new();
    for _ in 0..10 {
        world.now = world.now.plus(Duration::from_secs(1));
        world.done(world.store.write_audit(world.audit())).unwrap();
    }
    assert_eq!(world.numbers(), (0..10).rev().collect::<Vec<_>>());
    let forget = |before: Timestamp, most: u64| world.done(world.store.forget_audit(before, most)).unwrap();
    assert!(!forget(world.now.minus(Duration::from_secs(6)), 1_000), "there is no more to forget");
    assert_eq!(world.numbers(), [9, 8, 7, 6, 5, 4, 3]);
    forget(Timestamp::from_millis(0), 4);
    assert_eq!(world.numbers(), [9, 8, 7, 6]);
    forget(world.now.plus(Duration::from_secs(1)), 1_000);
    assert_eq!(world.numbers(), [9], "the newest stays");
    world.done(world.store.write_audit(world.audit())).unwrap();
    assert_eq!(world.numbers(), [10, 9]);
    let filter = AuditFilter { since: Some(world.now.plus(Duration::from_secs(1))), ..AuditFilter::default() };
    assert!(world.store.audit(&filter, None, 10).unwrap().entries.is_empty());
    let page = world.store.audit(&AuditFilter::default(), None, 1).unwrap();
    assert_eq!((page.entries[0].0, page.next), (10, Some(10)));
    assert_eq!(world.store.audit(&AuditFilter::default(), page.next, 1).unwrap().entries[0].0, 9);
}
