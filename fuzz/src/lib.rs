//! What must hold for every input, one file a fuzz target.
//!
//! Each `check` takes any bytes and panics where an invariant breaks. The fuzz targets call
//! them with bytes of libFuzzer's making; `tests/it/project/corpus.rs` includes this file and calls
//! them with every input under `corpus/`, so that the ordinary suite keeps what fuzzing found.
//!
//! The second opinion is never ours: naive models in these files, or another crate (`ring`
//! where we sign with `aws-lc-rs`, `url`, `serde_yaml`, `serde_json`).

pub mod chunks;
pub mod config;
pub mod cookie;
pub mod form;
pub mod gate;
pub mod h2_heads;
pub mod origin;
pub mod path;
pub mod refresh;
pub mod signing;
pub mod token;

/// Takes any bytes; panics where an invariant breaks.
pub type Check = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: [(&str, Check); 10] = [
    ("chunks", chunks::check),
    ("config", config::check),
    ("cookie", cookie::check),
    ("form", form::check),
    ("gate", gate::check),
    ("h2_heads", h2_heads::check),
    ("origin", origin::check),
    ("path", path::check),
    ("refresh", refresh::check),
    ("token", token::check),
];
