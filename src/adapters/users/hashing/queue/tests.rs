//! Whose turn it is, and who goes.

use super::*;

fn from(network: u32) -> Turn {
    Turn::Address(IpAddr::from(
        (0x0a00_0000 + (network << 8) + 7).to_be_bytes(),
    ))
}

fn known(user: &str) -> Turn {
    Turn::Known(Username::canonical(user))
}

/// Enters with a name for the work; who was turned away.
fn enter(queue: &mut Queue<String>, turn: Turn, job: &str) -> Option<String> {
    queue.enter(turn, job.to_owned()).1
}

fn served(queue: &mut Queue<String>) -> Vec<String> {
    std::iter::from_fn(|| queue.next()).collect()
}

#[test]
fn networks_are_served_in_turn_whatever_they_send() {
    let mut queue = Queue::new(100);
    for job in ["a1", "a2", "a3", "a4"] {
        enter(&mut queue, from(1), job);
    }
    for job in ["b1", "b2"] {
        enter(&mut queue, from(2), job);
    }
    enter(&mut queue, from(3), "c1");
    let all = served(&mut queue);
    assert_eq!(all, ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
}

#[test]
fn a_network_that_was_not_served_comes_before_a_flood_that_was() {
    let mut queue = Queue::new(64);
    let mut ticket = 0..;
    let mut flood = |queue: &mut Queue<String>, turns: u32| {
        for _ in 0..turns {
            for _ in 0..4 {
                let n: u32 = ticket.next().unwrap();
                enter(queue, from(n % 50), "flood");
            }
            assert_eq!(queue.next().unwrap(), "flood");
        }
    };
    flood(&mut queue, 200);
    enter(&mut queue, from(0), "flood");
    assert_eq!(queue.len(), 64, "not full");
    for n in 0..20 {
        let turned_away = enter(&mut queue, from(1000 + n), "honest");
        assert_eq!(turned_away.unwrap(), "flood", "honest login {n}");
    }
    for n in 0..20 {
        assert_eq!(queue.next().unwrap(), "honest", "turn {n}");
    }
}

#[test]
fn a_network_that_was_served_all_morning_has_its_share_in_a_flood() {
    let mut queue = Queue::new(8);
    for n in 0..1000 {
        enter(&mut queue, from(1), "office");
        if n > 4 {
            queue.next();
        }
    }
    served(&mut queue);
    let mut served = 0;
    for n in 0..3000 {
        enter(&mut queue, from(2 + n % 10), "flood");
        enter(&mut queue, from(2 + n % 7), "flood");
        enter(&mut queue, from(1), "office");
        served += usize::from(queue.next().unwrap() == "office");
    }
    // A fair share is 272, and who comes with every turn is behind its equals.
    assert!((150..400).contains(&served), "{served} of 3000 turns");
}

#[test]
fn who_waits_most_goes_when_there_is_no_place() {
    let mut queue = Queue::new(4);
    for (network, job) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1")] {
        assert_eq!(enter(&mut queue, from(network), job), None);
    }
    for (network, job, gone) in [
        (3, "c1", "a3"),
        (1, "a4", "a4"),
        (2, "b2", "b2"),
        (4, "d1", "a2"),
        (5, "e1", "e1"),
    ] {
        let turned_away = enter(&mut queue, from(network), job);
        assert_eq!(turned_away.as_deref(), Some(gone), "for {job}");
    }
    assert_eq!(served(&mut queue), ["a1", "b1", "c1", "d1"]);
}

#[test]
fn who_was_turned_away_or_left_was_not_served() {
    let mut queue = Queue::new(2);
    enter(&mut queue, from(1), "a1");
    enter(&mut queue, from(2), "b1");
    for _ in 0..10 {
        assert_eq!(enter(&mut queue, from(3), "c").as_deref(), Some("c"));
    }
    assert_eq!(queue.next().as_deref(), Some("a1"));
    let (ticket, none) = queue.enter(from(4), "d1".to_owned());
    assert_eq!(none, None);
    assert_eq!(queue.leave(ticket).as_deref(), Some("d1"));
    assert_eq!(queue.leave(ticket), None, "left twice");
    // As early as the one that was served, in spite of ten that were not.
    enter(&mut queue, from(3), "c1");
    let turned_away = enter(&mut queue, from(1), "a2");
    assert_eq!(turned_away.as_deref(), Some("a2"));
    assert_eq!(served(&mut queue), ["b1", "c1"]);
}

#[test]
fn known_browsers_have_three_of_four_turns_and_others_the_fourth() {
    let mut queue = Queue::new(100);
    for n in 0..4 {
        enter(&mut queue, from(n), "other");
    }
    for n in 0..7 {
        enter(&mut queue, known(&format!("user{n}")), "known");
    }
    let turns = served(&mut queue);
    let turns: String = turns.iter().map(|turn| &turn[..1]).collect();
    assert_eq!(turns, "kkkokkkokoo");
    for _ in 0..9 {
        enter(&mut queue, known("alice"), "known");
        assert_eq!(queue.next().as_deref(), Some("known"));
    }
    enter(&mut queue, known("alice"), "known");
    enter(&mut queue, from(1), "other");
    assert_eq!(queue.next().as_deref(), Some("other"));
}

#[test]
fn who_comes_for_the_first_time_is_ahead_of_who_was_turned_away_all_the_time() {
    let mut queue = Queue::new(8);
    // Not each of them was served.
    for n in 0..400 {
        enter(&mut queue, from(n % 50), "flood");
        if n % 10 == 9 {
            queue.next();
        }
    }
    enter(&mut queue, from(0), "flood");
    assert_eq!(queue.len(), 8);
    for n in 0..8 {
        let turned_away = enter(&mut queue, from(1000 + n), "honest");
        assert_eq!(turned_away.as_deref(), Some("flood"), "login {n}");
    }
    assert!(served(&mut queue).iter().all(|job| job == "honest"));
}

#[test]
fn a_quarter_of_the_places_is_for_known_browsers_and_no_more() {
    for (places, share) in [(0, 0), (1, 0), (2, 1), (4, 1), (8, 2), (64, 16)] {
        let mut queue = Queue::new(places);
        for n in 0..200 {
            enter(&mut queue, from(n), "other");
        }
        for n in 0..200 {
            enter(&mut queue, known(&format!("user{n}")), "known");
        }
        let kept = |queue: &Queue<String>| (queue.known.len(), queue.others.len());
        assert_eq!(kept(&queue), (share, places - share), "of {places}");
        for n in 200..400 {
            enter(&mut queue, from(n), "other");
        }
        assert_eq!(kept(&queue), (share, places - share), "of {places}");
        // Alone, either side has all.
        let mut queue = Queue::new(places);
        for n in 0..200 {
            enter(&mut queue, known(&format!("user{n}")), "known");
        }
        assert_eq!(queue.len(), places);
        for n in 0..200 {
            enter(&mut queue, from(n), "other");
        }
        assert_eq!(kept(&queue), (share, places - share), "of {places}");
    }
}

#[test]
fn one_user_from_everywhere_is_one_share_of_the_known() {
    let mut queue = Queue::new(64);
    for _ in 0..40 {
        enter(&mut queue, known("mallory"), "mallory");
    }
    enter(&mut queue, known("alice"), "alice");
    assert_eq!(queue.next().as_deref(), Some("mallory"));
    assert_eq!(queue.next().as_deref(), Some("alice"));
}

#[test]
fn networks_are_bounded() {
    let mut queue = Queue::new(8);
    for n in 0..60_000 {
        enter(&mut queue, from(n), "flood");
        if n % 3 == 0 {
            queue.next();
        }
        assert!(queue.others.shares.len() <= NETWORKS + 9);
    }
}

#[test]
fn what_was_served_is_forgotten() {
    let mut queue = Queue::new(8);
    for n in 0..1000 {
        enter(&mut queue, from(n.min(100)), "one");
        queue.next();
    }
    let shares = &queue.others.shares;
    assert_eq!(shares.len(), 1, "they stay for ever");
}

#[test]
fn a_network_is_a_24_or_a_48() {
    for (one, other, same) in [
        ("192.0.2.1", "192.0.2.254", true),
        ("192.0.2.1", "192.0.3.1", false),
        ("::ffff:192.0.2.1", "192.0.2.9", true),
        ("2001:db8:1:2::3", "2001:db8:1:ffff::4", true),
        ("2001:db8:1::", "2001:db8:2::", false),
    ] {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network(one) == network(other), same, "{one} and {other}");
    }
}
