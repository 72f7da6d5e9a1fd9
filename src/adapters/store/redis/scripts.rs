//! The scripts that run inside Redis, each whole or not at all.
//!
//! They take the prefix and the time as arguments and make the names of keys themselves,
//! which a Redis cluster does not allow: this is for a single node and its replicas.

use redis::{Script, ScriptInvocation};

macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(
            include_str!("lua/common.lua"),
            include_str!(concat!("lua/", $file))
        ))
    };
}

/// All of them; sent whole when Redis does not know one by its hash.
#[derive(Debug)]
pub(super) struct Scripts {
    prefix: String,
    open: Script,
    find: Script,
    replace: Script,
    page: Script,
    revoke: Script,
    finish: Script,
    sweep: Script,
    trim: Script,
}

/// Which one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    Open,
    Find,
    Replace,
    Page,
    Revoke,
    Finish,
    Sweep,
    Trim,
}

impl Scripts {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            open: script!("open.lua"),
            find: script!("find.lua"),
            replace: script!("replace.lua"),
            page: script!("page.lua"),
            revoke: script!("revoke.lua"),
            finish: script!("finish.lua"),
            sweep: script!("sweep.lua"),
            trim: script!("trim.lua"),
        }
    }

    /// A call with its first argument, the prefix.
    pub(super) fn call(&self, name: Name) -> ScriptInvocation<'_> {
        let script = match name {
            Name::Open => &self.open,
            Name::Find => &self.find,
            Name::Replace => &self.replace,
            Name::Page => &self.page,
            Name::Revoke => &self.revoke,
            Name::Finish => &self.finish,
            Name::Sweep => &self.sweep,
            Name::Trim => &self.trim,
        };
        script.arg(&self.prefix)
    }
}
