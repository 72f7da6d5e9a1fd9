//! A login from the name that was typed to the session: what was proved, and what is owed.
//!
//! | stage | what comes | next |
//! |---|---|---|
//! | a name was claimed; owes the password | right, and the name's user may sign in | nothing is owed |
//! | | wrong, or nobody's name, or a disabled user's | refused |
//! | nothing is owed | the user of this moment, the same as before | [`Complete`] |
//! | | gone, disabled or changed meanwhile | refused |
//!
//! Anything out of this order is refused. Pure: checking a password, counting attempts and
//! opening the session is the work of others, and each step says what it needs to know.
//!
//! Only the last stage can make a session ([`super::issue::new_session`]), and only this file
//! can make the last stage. So a login that is half done is no session with a flag that
//! somebody must look at; it is nothing yet.
//!
//! ```
//! use doorward::auth::login_flow::{Checked, Complete, LoginFailure, LoginFlow, Proof};
//! use doorward::auth::policy::Policy;
//! use doorward::domain::id::Username;
//!
//! fn sign_in(policy: &Policy, name: &Username, today: &Policy) -> Result<Complete, LoginFailure> {
//!     let flow = LoginFlow::begin(policy, name);
//!     let flow = flow.advance(Proof::Password(Checked::Right))?;
//!     flow.complete(today)
//! }
//! ```
//!
//! There is no other way:
//!
//! ```compile_fail,E0451
//! use std::sync::Arc;
//! use doorward::auth::login_flow::Complete;
//! use doorward::auth::principal::Principal;
//!
//! fn forge(principal: Arc<Principal>) -> Complete {
//!     Complete { principal }
//! }
//! ```
//!
//! ```compile_fail,E0308
//! use doorward::auth::issue::new_session;
//! use doorward::auth::policy::Policy;
//! use doorward::auth::principal::Principal;
//! use doorward::auth::stored::Device;
//! use doorward::domain::time::Timestamp;
//!
//! fn open(policy: &Policy, principal: &Principal, device: &Device, now: Timestamp) {
//!     let _ = new_session(policy, principal, false, device, now, [0; 10]);
//! }
//! ```

use std::sync::Arc;

use super::denial::Denial;
use super::policy::Policy;
use super::ports::Resolved;
use super::principal::Principal;
use crate::domain::id::Username;

/// A login under way.
#[derive(Debug)]
#[must_use = "a login that nobody completes opens no session"]
pub struct LoginFlow(Stage);

#[derive(Debug)]
enum Stage {
    /// Owes the password.
    Claimed(Claimant),
    /// Owes nothing: the user as they were when it was proved.
    Proved(Arc<Principal>),
}

/// Whom a name stands for.
#[derive(Debug)]
enum Claimant {
    Nobody,
    Disabled,
    User(Arc<Principal>),
}

/// What a person can be asked to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// That they know the password.
    Password,
}

/// An answer to what is owed, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Whether the password that was typed is the user's.
    Password(Checked),
}

/// How an answer was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It proves what was asked.
    Right,
    /// It does not.
    Wrong,
}

impl From<bool> for Checked {
    fn from(is_right: bool) -> Self {
        match is_right {
            true => Self::Right,
            false => Self::Wrong,
        }
    }
}

/// Why a login does not go on. Outside all of them look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LoginFailure {
    /// Nobody has this name.
    UnknownUser,
    /// Its user may not sign in, whatever the password.
    Disabled,
    /// The password is another.
    WrongPassword,
    /// The user was removed, disabled or changed since the password was proved.
    Changed,
    /// Something is owed yet, or what came was not.
    OutOfTurn,
}

impl LoginFailure {
    /// For the audit log. Stable.
    pub fn reason(self) -> &'static str {
        self.into()
    }
}

impl From<LoginFailure> for Denial {
    fn from(_unsaid: LoginFailure) -> Self {
        Self::BadCredentials
    }
}

/// A login of which everything was proved, and whose user is as they were then. Good for one
/// session.
#[derive(Debug)]
#[must_use = "somebody has signed in and gets no session"]
pub struct Complete {
    principal: Arc<Principal>,
}

impl Complete {
    /// Who has signed in.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }
}

impl LoginFlow {
    /// Somebody says that this is their name. Takes as long for a name that nobody has.
    pub fn begin(policy: &Policy, name: &Username) -> Self {
        let claimant = match policy.directory.by_name(name) {
            None => Claimant::Nobody,
            // A disabled user has no principal.
            Some(user) => match policy.resolve(user.identity.id.as_str()) {
                Resolved::Gone => Claimant::Disabled,
                Resolved::Known(principal) => Claimant::User(principal),
            },
        };
        Self(Stage::Claimed(claimant))
    }

    /// What is to be proved next; `None`: nothing.
    pub const fn owes(&self) -> Option<Factor> {
        match self.0 {
            Stage::Claimed(_) => Some(Factor::Password),
            Stage::Proved(_) => None,
        }
    }

    /// Takes the answer to what is owed.
    ///
    /// # Errors
    /// Why the login is over. A wrong answer is not forgiven here: the next attempt begins
    /// anew.
    pub fn advance(self, proof: Proof) -> Result<Self, LoginFailure> {
        let Proof::Password(checked) = proof;
        match (self.0, checked) {
            (Stage::Claimed(Claimant::User(user)), Checked::Right) => Ok(Self(Stage::Proved(user))),
            (Stage::Claimed(Claimant::User(_)), Checked::Wrong) => Err(LoginFailure::WrongPassword),
            (Stage::Claimed(Claimant::Disabled), _) => Err(LoginFailure::Disabled),
            (Stage::Claimed(Claimant::Nobody), _) => Err(LoginFailure::UnknownUser),
            (Stage::Proved(_), _) => Err(LoginFailure::OutOfTurn),
        }
    }

    /// Looks the user up once more, in the policy of this moment: a reload while the password
    /// was being checked may have disabled them or changed it, and the cut-off of their
    /// sessions lies before the creation of this one.
    ///
    /// # Errors
    /// [`LoginFailure::Changed`] if they are no longer who proved it;
    /// [`LoginFailure::OutOfTurn`] if something is owed.
    pub fn complete(self, today: &Policy) -> Result<Complete, LoginFailure> {
        let Stage::Proved(then) = self.0 else {
            return Err(LoginFailure::OutOfTurn);
        };
        let then = &then.user;
        match today.resolve(then.identity.id.as_str()) {
            Resolved::Known(principal)
                if principal.user.password_hash == then.password_hash
                    && principal.user.token_version == then.token_version =>
            {
                Ok(Complete { principal })
            }
            Resolved::Known(_) | Resolved::Gone => Err(LoginFailure::Changed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Checked::{Right, Wrong};
    use super::*;
    use crate::auth::directory::{PasswordHash, User};
    use crate::auth::test_support::{policy_with, user};

    fn people() -> Vec<User> {
        let mut gone = user("2", "bob", &[]);
        gone.disabled = true;
        vec![user("1", "alice", &["staff"]), gone]
    }

    fn begin(name: &str) -> LoginFlow {
        let policy = policy_with(people(), |_| {});
        LoginFlow::begin(&policy, &Username::canonical(name))
    }

    #[test]
    fn only_the_right_password_of_somebody_who_may_sign_in_is_a_proof() {
        for (name, answers, expected) in [
            ("alice", &[][..], Ok(Some(Factor::Password))),
            ("nobody", &[], Ok(Some(Factor::Password))),
            ("bob", &[], Ok(Some(Factor::Password))),
            ("alice", &[Right], Ok(None)),
            ("Alice", &[Right], Ok(None)),
            ("alice", &[Wrong], Err("wrong_password")),
            ("bob", &[Right], Err("disabled")),
            ("bob", &[Wrong], Err("disabled")),
            ("nobody", &[Right], Err("unknown_user")),
            ("nobody", &[Wrong], Err("unknown_user")),
            ("alice", &[Right, Right], Err("out_of_turn")),
            ("alice", &[Right, Wrong], Err("out_of_turn")),
        ] {
            let outcome = answers
                .iter()
                .try_fold(begin(name), |flow, &answer| {
                    flow.advance(Proof::Password(answer))
                })
                .map(|flow| flow.owes())
                .map_err(LoginFailure::reason);
            assert_eq!(outcome, expected, "{name} after {answers:?}");
        }
    }

    #[test]
    fn a_session_needs_the_whole_flow_and_the_same_user_at_its_end() {
        let changed = |change: fn(&mut User)| {
            let mut users = people();
            change(users.first_mut().unwrap());
            users
        };
        let renamed = changed(|alice| {
            alice.identity.username = Username::canonical("carol");
            alice.identity.roles = vec!["admin".into()];
        });
        for (name, answer, today, expected) in [
            ("as before", Some(Right), people(), Ok(())),
            (
                "of another name, and other roles",
                Some(Right),
                renamed,
                Ok(()),
            ),
            (
                "of another password",
                Some(Right),
                changed(|alice| alice.password_hash = PasswordHash::new("other")),
                Err(LoginFailure::Changed),
            ),
            (
                "signed out by the operator",
                Some(Right),
                changed(|alice| alice.token_version = 1),
                Err(LoginFailure::Changed),
            ),
            (
                "disabled",
                Some(Right),
                changed(|alice| alice.disabled = true),
                Err(LoginFailure::Changed),
            ),
            ("removed", Some(Right), vec![], Err(LoginFailure::Changed)),
            (
                "somebody else of that name",
                Some(Right),
                changed(|alice| alice.identity.id = crate::domain::id::UserId::new("9")),
                Err(LoginFailure::Changed),
            ),
            ("not asked", None, people(), Err(LoginFailure::OutOfTurn)),
        ] {
            let flow = begin("alice");
            let flow = match answer {
                Some(answer) => flow.advance(Proof::Password(answer)).unwrap(),
                None => flow,
            };
            let today = policy_with(today, |_| {});
            let outcome = flow.complete(&today).map(|complete| {
                let is_todays = &today.principals["1"];
                assert!(Arc::ptr_eq(complete.principal(), is_todays), "{name}");
            });
            assert_eq!(outcome, expected, "{name}");
        }
    }

    #[test]
    fn outside_all_failures_look_the_same() {
        for failure in [
            LoginFailure::UnknownUser,
            LoginFailure::Disabled,
            LoginFailure::WrongPassword,
            LoginFailure::Changed,
            LoginFailure::OutOfTurn,
        ] {
            assert_eq!(Denial::from(failure), Denial::BadCredentials);
        }
    }
}
