//! A disk that is slow or fails, a clock that steps, a panic in a thread of choice: around
//! the real program, through a library between it and the system (`faults.c`), and changed
//! while it runs.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use super::{Builder, TempDir};

/// The size of the file, as in `faults.c`.
const SIZE: u64 = 80;
const THREAD: u64 = 64;

/// What the program is to suffer.
#[derive(Debug)]
pub struct Faults {
    control: File,
    dir: TempDir,
    library: PathBuf,
}

impl Faults {
    /// None yet.
    pub fn new() -> Self {
        let dir = TempDir::new();
        let library = dir.join("faults.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/faults.c");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .args([source, "-ldl", "-lpthread"])
            .output()
            .expect("a C compiler is needed to build the gateway too");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "faults.c: {said}");
        let control = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(dir.join("control"))
            .unwrap();
        control.set_len(SIZE).unwrap();
        Self {
            control,
            dir,
            library,
        }
    }

    /// Puts the library before the program that this starts.
    #[must_use]
    pub fn around(&self, builder: Builder) -> Builder {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        builder
            .env("LD_PRELOAD", &text(self.library.clone()))
            .env("FAULTS_CONTROL", &text(self.dir.join("control")))
    }

    /// Sets the wall clock off by so many seconds.
    pub fn clock(&self, seconds: i64) {
        self.set(0, seconds * 1_000_000_000);
    }

    /// Has the next thread of this name panic that reads the wall clock.
    pub fn panic(&self, thread: &str) {
        let mut name = [0; 16];
        name[..thread.len()].copy_from_slice(thread.as_bytes());
        self.control.write_all_at(&name, THREAD).unwrap();
        self.set(1, 1);
    }

    /// Has each sync of the store take so much longer.
    pub fn slow_syncs(&self, millis: i64) {
        self.set(2, millis);
    }

    /// Has each sync of the store fail with this errno; 0 ends that.
    pub fn failing_syncs(&self, errno: i64) {
        self.set(3, errno);
    }

    /// Has each write into the store fail with this errno; 0 ends that.
    pub fn failing_writes(&self, errno: i64) {
        self.set(4, errno);
    }

    /// How many syncs of the store there were.
    pub fn syncs(&self) -> i64 {
        self.number(5)
    }

    fn set(&self, place: u64, number: i64) {
        let bytes = number.to_ne_bytes();
        self.control.write_all_at(&bytes, place * 8).unwrap();
    }

    fn number(&self, place: u64) -> i64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, place * 8).unwrap();
        i64::from_ne_bytes(bytes)
    }
}
