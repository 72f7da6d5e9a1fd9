//! `kill -9` at any moment: nothing that was acknowledged is lost, the file opens, and a
//! client whose answer was lost goes on with what it has.

use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use crate::support::users::User;
use crate::support::wait::PATIENCE;
use crate::support::{Builder, Gateway, Jar, Response, Upstream};

const ROUNDS: u64 = 100;
const PEOPLE: usize = 6;
/// Browsers that a person uses at the same time, at most.
const BROWSERS: usize = 3;

/// A small generator: the same seed asks for the same things.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// A browser that is signed in, as far as anybody told it.
#[derive(Clone)]
struct Browser {
    jar: Jar,
    /// The pairs before, the latest last. No answer to them is on its way.
    before: Vec<Jar>,
}

/// What one person has been told.
struct Person {
    user: User,
    dice: Dice,
    browsers: Vec<Browser>,
    ended: Vec<Jar>,
    logins: usize,
    rotations: usize,
    revocations: usize,
}

/// The gateway died before its answer was whole: whoever asked does not know.
struct Cut;

impl Person {
    fn new(number: usize) -> Self {
        let (id, name) = (format!("id-{number}"), format!("user{number}"));
        let seed = u64::try_from(number).unwrap() + 1;
        Self {
            user: User::new(&id, &name, &name, "crash"),
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            browsers: Vec::new(),
            ended: Vec::new(),
            logins: 0,
            rotations: 0,
            revocations: 0,
        }
    }

    /// Uses the gateway until it is gone; tells of each answer.
    fn live(&mut self, gateway: &Gateway, answered: &Sender<()>) {
        while self.act(gateway).is_ok() {
            let _ = answered.send(());
        }
    }

    fn act(&mut self, gateway: &Gateway) -> Result<(), Cut> {
        if self.browsers.is_empty() {
            return self.log_in(gateway);
        }
        let place = self.dice.below(self.browsers.len());
        match self.dice.below(12) {
            0..3 if self.browsers.len() < BROWSERS => self.log_in(gateway),
            3..6 => self.visit(gateway, place),
            6 => self.log_out(gateway, place),
            7 => self.revoke(gateway, place),
            8 if self.dice.below(3) == 0 => self.log_out_everywhere(gateway, place),
            _ => self.rotate(gateway, place),
        }
    }

    fn log_in(&mut self, gateway: &Gateway) -> Result<(), Cut> {
        let request = gateway.login_request(&self.user.username, &self.user.password);
        let answer = request.try_send().map_err(|_cut| Cut)?;
        assert_eq!(answer.status, 303, "{answer}");
        self.browsers.push(Browser {
            jar: Jar::of(&answer),
            before: Vec::new(),
        });
        self.logins += 1;
        Ok(())
    }

    /// The newest access token arrives, so that the next use of an older one is reuse.
    fn visit(&mut self, gateway: &Gateway, place: usize) -> Result<(), Cut> {
        let jar = &self.browsers[place].jar;
        let request = gateway.request("GET", "/").cookie(&jar.cookies());
        let answer = request.try_send().map_err(|_cut| Cut)?;
        assert_eq!(answer.status, 200, "{answer}");
        Ok(())
    }

    fn rotate(&mut self, gateway: &Gateway, place: usize) -> Result<(), Cut> {
        let browser = &mut self.browsers[place];
        let answer = post(gateway, &browser.jar, "/refresh", "")?;
        assert_eq!(
            answer.status, 200,
            "a false alarm, or it was lost: {answer}"
        );
        browser.before.push(browser.jar.clone());
        browser.jar.take(&answer);
        self.rotations += 1;
        Ok(())
    }

    fn log_out(&mut self, gateway: &Gateway, place: usize) -> Result<(), Cut> {
        let browser = self.browsers.remove(place);
        let answer = post(gateway, &browser.jar, "/logout", "")?;
        assert_eq!(answer.status, 303, "{answer}");
        self.ended.push(browser.jar);
        self.revocations += 1;
        Ok(())
    }

    fn revoke(&mut self, gateway: &Gateway, place: usize) -> Result<(), Cut> {
        let browser = self.browsers.remove(place);
        let token = browser.jar.refresh.as_ref().unwrap();
        let answer = post(gateway, &browser.jar, "/revoke", &format!("token={token}"))?;
        assert_eq!(answer.status, 200, "{answer}");
        self.ended.push(browser.jar);
        self.revocations += 1;
        Ok(())
    }

    fn log_out_everywhere(&mut self, gateway: &Gateway, place: usize) -> Result<(), Cut> {
        let browsers = std::mem::take(&mut self.browsers);
        let answer = post(gateway, &browsers[place].jar, "/logout", "everywhere=true")?;
        assert_eq!(answer.status, 303, "{answer}");
        self.ended
            .extend(browsers.into_iter().map(|browser| browser.jar));
        self.revocations += 1;
        Ok(())
    }

    /// After the restart: what was answered holds.
    fn look(&mut self, gateway: &Gateway, round: u64) {
        for browser in &mut self.browsers {
            let by_access = Jar {
                refresh: None,
                ..browser.jar.clone()
            };
            let answer = by_access.get(gateway, "/");
            assert_eq!(answer.status, 200, "round {round}: {answer}");
            let answer = browser.jar.post_refresh(gateway);
            assert_eq!(answer.status, 200, "round {round}: lost: {answer}");
            browser.before.push(browser.jar.clone());
            browser.jar.take(&answer);
        }
        // The latest, and one of long ago.
        let old = self.dice.below(self.ended.len().max(1));
        let latest = self.ended.iter().rev().take(4);
        for jar in latest.chain(self.ended.get(old)) {
            assert_ended(gateway, jar, round);
        }
    }

    /// Presents a token from before the last acknowledged rotation but one. Only a store
    /// that lost that rotation would take it.
    fn steal(&mut self, gateway: &Gateway, round: u64) -> Option<String> {
        let has_history = |browser: &Browser| browser.before.len() >= 2;
        let place = self.browsers.iter().position(has_history)?;
        let browser = self.browsers.remove(place);
        let stolen = &browser.before[browser.before.len() - 2];
        let answer = stolen.without_access().post_refresh(gateway);
        let told = (answer.status, answer.code());
        let expected = (401, "session_revoked".to_owned());
        assert_eq!(
            told, expected,
            "round {round}: a rotation was lost: {answer}"
        );
        let session = browser.jar.session();
        self.ended.push(browser.jar);
        Some(session)
    }
}

fn post(gateway: &Gateway, jar: &Jar, target: &str, form: &str) -> Result<Response, Cut> {
    let request = jar.request(gateway, "POST", target).form(form);
    request.try_send().map_err(|_cut| Cut)
}

#[track_caller]
fn assert_ended(gateway: &Gateway, jar: &Jar, round: u64) {
    let answer = jar.get(gateway, "/");
    assert_eq!(answer.status, 401, "round {round}: it is back: {answer}");
    let answer = jar.without_access().post_refresh(gateway);
    assert_eq!(answer.status, 401, "round {round}: it is back: {answer}");
}

/// Nobody but the thieves of the test is taken for one.
#[track_caller]
fn assert_no_false_alarm(log: &str, stolen: &[String]) {
    for line in log.lines().filter(|line| line.contains("reuse_detected")) {
        let is_theirs = stolen.iter().any(|session| line.contains(session));
        assert!(is_theirs, "an honest client was taken for a thief: {line}");
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_by_kill_9() {
    let app = Upstream::start();
    let mut people: Vec<_> = (0..PEOPLE).map(Person::new).collect();
    let users: Vec<_> = people.iter().map(|person| person.user.clone()).collect();
    let mut gateway = Builder::new(&app)
        .users(&users)
        // Without a grace there is no forgiveness but for answers that were lost.
        .yaml("session: { refresh_grace: 0s }\n")
        .start();
    let mut dice = Dice(0xD00D);
    let mut stolen = Vec::new();
    let begun = Instant::now();
    for round in 0..ROUNDS {
        let (answered, answers) = channel();
        let target = 1 + dice.below(60);
        let pause = Duration::from_micros(u64::try_from(dice.below(4000)).unwrap());
        std::thread::scope(|scope| {
            for person in &mut people {
                let (gateway, answered) = (&gateway, answered.clone());
                scope.spawn(move || person.live(gateway, &answered));
            }
            for _ in 0..target {
                let answer = answers.recv_timeout(PATIENCE);
                answer.expect("the gateway answers");
            }
            // A moment that no answer decides.
            std::thread::sleep(pause);
            gateway.signal("KILL");
        });
        assert_no_false_alarm(&gateway.log(), &stolen);
        gateway.kill();
        gateway.start_again();
        // First, since a renewal would mend what was lost.
        let thief = dice.below(PEOPLE);
        stolen.extend(people[thief].steal(&gateway, round));
        for person in &mut people {
            person.look(&gateway, round);
        }
    }
    for person in &people {
        for jar in &person.ended {
            assert_ended(&gateway, jar, ROUNDS);
        }
    }
    assert_no_false_alarm(&gateway.log(), &stolen);
    let sum = |count: fn(&Person) -> usize| people.iter().map(count).sum::<usize>();
    let (logins, rotations) = (sum(|p| p.logins), sum(|p| p.rotations));
    let revocations = sum(|p| p.revocations);
    println!(
        "{ROUNDS} kills in {:?}: {logins} logins, {rotations} rotations, {revocations} \
         revocations and {} thefts acknowledged, none lost",
        begun.elapsed(),
        stolen.len(),
    );
    for (what, count) in [
        ("logins", logins),
        ("rotations", rotations),
        ("revocations", revocations),
        ("thefts", stolen.len()),
    ] {
        assert!(count >= 20, "only {count} {what}: this proves little");
    }
}
