//! Tests of the queue: nothing is lost, mixed or cut.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};

use http::{Method, Uri};

use super::*;
use crate::adapters::observe::fields::LogFormat;
use crate::domain::id::UserId;
use crate::domain::request_id::RequestId;
use crate::domain::time::Timestamp;

fn access(target: &str) -> Access {
    Access {
        format: LogFormat::Text,
        at: Timestamp::from_millis(1_800_000_000_123),
        client: Some([192, 0, 2, 7].into()),
        request: Some((Method::GET, target.parse::<Uri>().unwrap())),
        shows_query: true,
        status: 200,
        bytes: 12,
        took: Duration::from_micros(345),
        verdict: "forwarded",
        user: Some(UserId::new("1001")),
        session: None,
        rule: Some(3),
        request_id: Some(RequestId::new(7)),
        traceparent: None,
    }
}

fn line(access: &Access) -> String {
    let mut line = Vec::new();
    logger::access_line(&mut line, access, &mut Fields::default());
    String::from_utf8(line).unwrap()
}

/// Every write, as it came.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<Vec<u8>>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().concat()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that stalls at the first write until it is told to go on.
struct Stalled(mpsc::Receiver<()>, Sink);

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _goes_on = self.0.recv();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_wording_stays() {
    let mut one = access("/a/b?c=d");
    assert_eq!(
        line(&one),
        "2027-01-15T08:00:00.123Z INFO  access client=192.0.2.7 method=GET path=\"/a/b?c=d\" \
         status=200 bytes=12 duration_us=345 verdict=forwarded user=1001 rule=3 \
         request_id=00000000000000000000000000000007\n"
    );
    one.format = LogFormat::Json;
    one.shows_query = false;
    one.user = None;
    one.rule = None;
    assert_eq!(
        line(&one),
        "{\"time\":\"2027-01-15T08:00:00.123Z\",\"level\":\"INFO\",\"target\":\"access\",\
         \"client\":\"192.0.2.7\",\"method\":\"GET\",\"path\":\"/a/b\",\"status\":200,\
         \"bytes\":12,\"duration_us\":345,\"verdict\":\"forwarded\",\
         \"request_id\":\"00000000000000000000000000000007\"}\n"
    );
}

#[test]
fn a_value_cannot_forge_a_line() {
    for forged in [
        "x\n2027 INFO  access path=/",
        "x\r",
        "\u{85}x",
        "x\u{7f}",
        "\u{9b}1m",
    ] {
        for format in [LogFormat::Text, LogFormat::Json] {
            let mut one = access("/");
            one.format = format;
            one.user = Some(UserId::new(forged));
            let line = line(&one);
            let inside = line.trim_end_matches('\n');
            assert_eq!(inside.len() + 1, line.len());
            assert!(!inside.contains(['\n', '\r']), "{forged:?}: {line}");
            let is_safe = format == LogFormat::Json || !inside.contains(char::is_control);
            assert!(is_safe, "{forged:?}: {line}");
        }
    }
}

#[test]
fn lines_are_whole_and_in_order_whoever_tells_them() {
    const EACH: usize = 3000;
    let (queue, lines) = sync_channel(CAPACITY);
    let sink = Sink::default();
    let mut to = sink.clone();
    let writer = thread::spawn(move || write_all(&lines, &mut to));
    let begin = Arc::new(Barrier::new(4));
    let tellers: Vec<_> = (0..4)
        .map(|teller| {
            let (queue, begin) = (queue.clone(), Arc::clone(&begin));
            thread::spawn(move || {
                begin.wait();
                for number in 0..EACH {
                    let line = QueueItem::Line(access(&format!("/{teller}/{number}")));
                    queue.send(line).ok().unwrap();
                }
            })
        })
        .collect();
    for teller in tellers {
        teller.join().unwrap();
    }
    drop(queue);
    writer.join().unwrap();
    let text = sink.text();
    for teller in 0..4 {
        let path = format!(" path=/{teller}/");
        let told: Vec<_> = text.lines().filter(|line| line.contains(&path)).collect();
        assert_eq!(told.len(), EACH, "lines are lost");
        for (number, told) in told.into_iter().enumerate() {
            let expected = line(&access(&format!("/{teller}/{number}")));
            assert_eq!(format!("{told}\n"), expected);
        }
    }
    for batch in sink.0.lock().unwrap().iter() {
        assert!(batch.len() <= ONE_PIECE, "a pipe may cut {}", batch.len());
        assert!(batch.ends_with(b"\n"), "a line is cut");
    }
}

#[test]
fn a_line_that_is_longer_than_a_piece_is_written() {
    let long = format!("/{}", "x".repeat(2 * ONE_PIECE));
    let (queue, lines) = sync_channel(CAPACITY);
    for target in ["/before", &long, &long, "/after"] {
        queue.send(QueueItem::Line(access(target))).ok().unwrap();
    }
    drop(queue);
    let mut sink = Sink::default();
    write_all(&lines, &mut sink);
    let expected: String = ["/before", &long, &long, "/after"]
        .map(|target| line(&access(target)))
        .concat();
    assert_eq!(sink.text(), expected);
}

#[test]
fn when_nobody_reads_requests_wait_and_no_line_is_lost() {
    let (queue, lines) = sync_channel(CAPACITY);
    let (go_on, stall) = mpsc::channel();
    let sink = Sink::default();
    let mut to = Stalled(stall, sink.clone());
    let writer = thread::spawn(move || write_all(&lines, &mut to));
    let told = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&told);
    let all = 2 * CAPACITY;
    let teller = thread::spawn(move || {
        for number in 0..all {
            let line = QueueItem::Line(access(&format!("/{number}")));
            queue.send(line).ok().unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
        }
        flush_of(&queue);
    });
    while told.load(Ordering::SeqCst) < CAPACITY {
        thread::yield_now();
    }
    // What stands in the batch that is not taken has left the queue.
    let in_hand = ONE_PIECE / line(&access("/0")).len() + 2;
    assert!(
        told.load(Ordering::SeqCst) <= CAPACITY + in_hand,
        "the queue has no bound"
    );
    assert!(!teller.is_finished(), "a flush that waits for nothing");
    drop(go_on);
    teller.join().unwrap();
    assert_eq!(
        sink.text().lines().count(),
        all,
        "flushed, and not all is written"
    );
    writer.join().unwrap();
}
