//! The people of the tests, and how the configuration spells them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

/// Alice's password.
pub const ALICE_PASSWORD: &str = "wonderland";
/// Bob's password.
pub const BOB_PASSWORD: &str = "builder";

/// A user as the configuration has it.
#[derive(Clone, Debug)]
pub struct User {
    /// Stable id.
    pub id: String,
    /// Typed at login.
    pub username: String,
    /// Display name.
    pub name: String,
    /// Clear text; the configuration gets the hash.
    pub password: String,
    /// What rules ask for.
    pub roles: Vec<String>,
    /// Further `key: value` pairs, flow style.
    pub extra: String,
}

impl User {
    /// Somebody without roles.
    pub fn new(id: &str, username: &str, name: &str, password: &str) -> Self {
        Self {
            id: id.into(),
            username: username.into(),
            name: name.into(),
            password: password.into(),
            roles: Vec::new(),
            extra: String::new(),
        }
    }

    /// The administrator.
    pub fn alice() -> Self {
        let mut alice = Self::new("1001", "alice", "Alice Example", ALICE_PASSWORD);
        alice.roles.push("admin".into());
        alice
    }

    /// The user without roles.
    pub fn bob() -> Self {
        Self::new("1002", "bob", "Bob Builder", BOB_PASSWORD)
    }

    /// The same person with a further key.
    #[must_use]
    pub fn with(mut self, extra: &str) -> Self {
        self.extra = format!("{}, {extra}", self.extra);
        self
    }

    /// The same person with another password.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = password.into();
        self
    }

    fn yaml(&self) -> String {
        format!(
            "  - {{ id: {:?}, username: {:?}, name: {:?}, password_hash: {:?}, roles: {:?}{} }}\n",
            self.id,
            self.username,
            self.name,
            hash(&self.password),
            self.roles,
            self.extra,
        )
    }
}

/// The `users:` section for these people.
pub fn section(users: &[User]) -> String {
    let lines: String = users.iter().map(User::yaml).collect();
    format!("users:\n{lines}")
}

/// A cheap argon2id hash of a password, the same one every time.
pub fn hash(password: &str) -> String {
    static HASHES: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);
    let mut hashes = HASHES.lock().unwrap();
    hashes
        .entry(password.into())
        .or_insert_with(|| {
            let params = Params::new(8, 1, 1, None).unwrap();
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_with_salt(password.as_bytes(), b"doorward-it-salt")
                .unwrap()
                .to_string()
        })
        .clone()
}
