//! How soon a revocation that one gateway acknowledged is in force on the others.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Conn, Fleet, Gateway, Jar, RedisServer};

const SESSIONS: usize = 500;
const WORKERS: usize = 4;

#[test]
fn five_hundred_revocations_under_load() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "max_per_user: null");
    let jars = sign_in(&fleet);
    let bystander = Jar::bob(&fleet.gateways[0]);
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let delays = Mutex::new(Vec::new());
    let served: usize = std::thread::scope(|scope| {
        let load: Vec<_> = fleet
            .gateways
            .iter()
            .map(|gateway| scope.spawn(|| keep_asking(gateway, &bystander, &over)))
            .collect();
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(jar) = jars.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let measured = end_and_measure(&fleet, jar);
                        delays.lock().unwrap().extend(measured);
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        load.into_iter().map(|one| one.join().unwrap()).sum()
    });
    let mut delays = delays.into_inner().unwrap();
    delays.sort_unstable();
    assert_eq!(delays.len(), 2 * SESSIONS);
    let at = |part: usize| delays[(delays.len() - 1) * part / 1000];
    eprintln!(
        "{SESSIONS} revocations, seen by two other gateways, {served} requests meanwhile: \
         median {:?}, p90 {:?}, p99 {:?}, longest {:?}",
        at(500),
        at(900),
        at(990),
        at(1000)
    );
    assert!(at(990) < Duration::from_secs(5), "{:?}", at(990));
    assert_eq!(fleet.redis.revocations(), SESSIONS);
}

fn sign_in(fleet: &Fleet) -> Vec<Jar> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|i| {
                let gateway = &fleet.gateways[i % 3];
                let share = SESSIONS / WORKERS;
                scope.spawn(move || -> Vec<Jar> {
                    std::iter::repeat_with(|| Jar::alice(gateway))
                        .take(share)
                        .collect()
                })
            })
            .collect();
        let all = workers.into_iter();
        all.flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// Somebody whose session goes on, on every gateway.
fn keep_asking(gateway: &Gateway, jar: &Jar, over: &AtomicBool) -> usize {
    let request = jar.request(gateway, "GET", "/");
    let mut connection = Conn::open(gateway.port()).unwrap();
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        assert_eq!(request.send_on(&mut connection).status, 200);
        count += 1;
    }
    count
}

/// From the answer to the logout to the first refusal of each other gateway.
fn end_and_measure(fleet: &Fleet, jar: &Jar) -> Vec<Duration> {
    let [one, others @ ..] = &fleet.gateways;
    let mut connections: Vec<(Conn, &Gateway)> = others
        .iter()
        .map(|gateway| (Conn::open(gateway.port()).unwrap(), gateway))
        .collect();
    for (connection, gateway) in &mut connections {
        let before = jar.request(gateway, "GET", "/").send_on(connection);
        assert_eq!(before.status, 200, "{before}");
    }
    let answer = jar.request(one, "POST", "/logout").form("").send();
    let acknowledged = Instant::now();
    assert_eq!(answer.status, 303, "{answer}");
    let mut delays = Vec::new();
    while !connections.is_empty() {
        connections.retain_mut(|(connection, gateway)| {
            let answer = jar.request(gateway, "GET", "/").send_on(connection);
            let delay = acknowledged.elapsed();
            assert!(delay < Duration::from_secs(20), "never in force: {answer}");
            if answer.status == 401 {
                delays.push(delay);
            }
            answer.status != 401
        });
    }
    delays
}
