//! What goes on in the background must not end in silence: a gateway whose sweep, whose
//! watch over files or whose ear for other gateways has died goes on answering, and is
//! wrong a little more every minute.

use std::time::Duration;

use tokio::task::JoinSet;

/// Before what panicked begins again. A guess: short beside what it does, long enough
/// for a panic that comes every time not to fill the log.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// Runs a task to its end, and begins it again each time it panics. It ends with this
/// future too.
pub(crate) async fn supervise<F>(what: &str, begin: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        // Its drop ends the task.
        let mut task = JoinSet::new();
        task.spawn(begin());
        match task.join_next().await {
            Some(Err(e)) if e.is_panic() => {
                log::error!("{what} panicked, see above; it begins again");
            }
            _ => return,
        }
        tokio::time::sleep(RESTART_DELAY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_panics_begins_again_and_what_ends_has_ended() {
        let begun = Arc::new(AtomicUsize::new(0));
        supervise("a test", || {
            let begun = Arc::clone(&begun);
            async move {
                let earlier = begun.fetch_add(1, Ordering::Relaxed);
                assert!(earlier > 1, "on purpose");
            }
        })
        .await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_its_supervisor() {
        let held = Arc::new(());
        let theirs = Arc::clone(&held);
        let running = supervise("a test", move || {
            let theirs = Arc::clone(&theirs);
            async move {
                let _theirs = theirs;
                std::future::pending::<()>().await;
            }
        });
        let late = tokio::time::timeout(Duration::from_secs(1), running).await;
        assert!(late.is_err());
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1, "it went on alone");
    }
}
