//! Tests of what is late, in real time.

use tokio::time::timeout;

use super::*;
use crate::gateway::connection::head_deadline::HeadDeadline;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);
const STEP: Duration = Duration::from_millis(20);

fn http2() -> ConnectionHandle {
    let mut line = ConnectionHandle::default();
    line.arrival = HeadDeadline::http2();
    line
}

/// What is late while this happens; `None` if nothing is until its end.
async fn late(
    line: &ConnectionHandle,
    times: (Duration, Duration),
    script: impl Future<Output = ()>,
) -> Option<TimedOut> {
    let (idle, head) = times;
    let times = Timeouts {
        idle,
        head,
        answer: LONG,
    };
    let (exchanges, share) = (Exchanges::default(), Share::default());
    let race = async {
        tokio::select! {
            late = DeadlineTimer::new(line, &exchanges, &share, times, &|_| ()) => Some(late),
            () = script => None,
        }
    };
    timeout(LONG, race).await.expect("it is never late")
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_put_it_off() {
    let line = ConnectionHandle::default();
    let arrival = &line.arrival;
    let dribble = async {
        loop {
            tokio::time::sleep(STEP).await;
            arrival.came(b"x").unwrap();
        }
    };
    let late = late(&line, (LONG, SHORT), dribble).await;
    assert_eq!(late, Some(TimedOut::Head));
}

#[tokio::test]
async fn what_is_served_takes_its_time_and_idling_has_its_own() {
    let line = ConnectionHandle::default();
    let arrival = &line.arrival;
    let requests = async {
        for _ in 0..2 {
            arrival.waits();
            tokio::time::sleep(SHORT * 2).await;
            arrival.came(b"GET").unwrap();
            arrival.is_whole();
            tokio::time::sleep(SHORT * 2).await;
            arrival.came(b"a body").unwrap();
            tokio::time::sleep(SHORT * 2).await;
        }
    };
    assert_eq!(late(&line, (LONG, SHORT), requests).await, None);
    arrival.waits();
    let forever = std::future::pending();
    let late = late(&line, (SHORT, LONG), forever).await;
    assert_eq!(late, Some(TimedOut::Idle));
}

#[tokio::test]
async fn frames_say_it_of_http_2_whatever_its_streams_say() {
    let line = http2();
    let arrival = &line.arrival;
    let silent = async {
        arrival
            .came(crate::gateway::connection::h2_frames::PREFACE)
            .unwrap();
        arrival.waits();
        tokio::time::sleep(SHORT * 3).await;
    };
    assert_eq!(late(&line, (SHORT, SHORT), silent).await, None);
    let endless = async {
        // HEADERS without END_HEADERS on stream 1.
        arrival.came(&[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]).unwrap();
        loop {
            tokio::time::sleep(STEP).await;
            // A head of another stream that was whole before.
            arrival.is_whole();
            arrival.came(&[0, 0, 1, 9, 0, 0, 0, 0, 1, 0x82]).unwrap();
        }
    };
    let late = late(&line, (SHORT, SHORT), endless).await;
    assert_eq!(late, Some(TimedOut::Head));
}

#[tokio::test]
async fn a_preface_is_timed_like_a_head() {
    for (begun, expected) in [(&b""[..], TimedOut::Idle), (b"PRI * HT", TimedOut::Head)] {
        let line = http2();
        let arrival = &line.arrival;
        arrival.came(begun).unwrap();
        let forever = std::future::pending();
        let late = late(&line, (SHORT, SHORT), forever).await;
        assert_eq!(late, Some(expected), "{begun:?}");
    }
}
