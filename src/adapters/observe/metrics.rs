//! The numbers that `/metrics` shows, in a registry of their own.
//!
//! Labels are names that we gave, never a byte that a client sent: a label value is
//! a time series that lives as long as the process, so one per path or user name
//! would let anybody fill the memory.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Error, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};
use strum::{IntoStaticStr, VariantNames};

/// Seconds. From an app on the same host to one that takes its time.
const REQUEST_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Seconds. Argon2id with 19 MiB takes some 20 ms; bcrypt of cost 14 a second.
const HASH_BUCKETS: &[f64] = &[0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// One gateway's metrics. Cheap to share behind an `Arc`; every method is lock-free
/// but [`Self::render`].
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    /// Of the verdicts that most requests end with: to find a counter by its label takes a
    /// hash and a lock.
    usual: Usual,
    logins: IntCounterVec,
    refreshes: IntCounterVec,
    reloads: IntCounterVec,
    revocations: IntGauge,
    sessions: IntGauge,
    store_up: IntGauge,
    upstream_up: IntGauge,
    /// Registered once a certificate was spoken of.
    certificate: IntGauge,
    replica_lag: Gauge,
    request_duration: Histogram,
    hash_duration: Histogram,
    connections: IntGauge,
    turned_away: IntCounterVec,
    in_flight: IntGauge,
    session_connections: IntGauge,
}

#[derive(Debug)]
struct Usual {
    forwarded: IntCounter,
    served: IntCounter,
    abandoned: IntCounter,
}

/// How a request ended: `verdict` of `doorward_requests_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// The app answered: `forwarded`.
    Forwarded,
    /// One of our own endpoints answered: `served`.
    Served,
    /// Refused, or the app failed: the stable code of CONTRACT §7 (`Denial::code`).
    Refused(&'static str),
    /// The client went away before there was an answer: `abandoned`.
    Abandoned,
    /// It could not be read as a request, and was refused before the gate: `malformed`.
    Malformed,
}

impl Verdict {
    /// The label, which is also the access log's `verdict`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Refused(code) => code,
            other => other.into(),
        }
    }
}

/// How a login ended: `result` of `doorward_logins_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum LoginResult {
    /// A session began: `success`.
    Success,
    /// No such user, a wrong password, or a disabled user: `bad_credentials`.
    BadCredentials,
    /// The name or the address is locked: `too_many_attempts`.
    TooManyAttempts,
    /// The hash queue was full: `overloaded`.
    Overloaded,
    /// The form could not be read, or came from elsewhere: `refused`.
    Refused,
}

/// How a renewal ended: `result` of `doorward_refreshes_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum RefreshResult {
    /// A new generation: `rotated`.
    Rotated,
    /// The newest pair again, for a parallel request or a lost answer: `repeated`.
    Repeated,
    /// Expired, ended or not ours: `refused`.
    Refused,
    /// A token that had been exchanged; the session ended: `reused`.
    Reused,
    /// The store did not answer: `unavailable`.
    Unavailable,
}

/// How a reload ended: `result` of `doorward_reloads_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ReloadResult {
    /// The new settings are in force: `applied`.
    Applied,
    /// The old ones stay: `refused`.
    Refused,
}

/// Why a connection was closed before anything on it was a request of its own right: `reason` of
/// `doorward_connections_turned_away_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum RejectedConnection {
    /// `limits.connections` were open: `connections`.
    Connections,
    /// `limits.connections_per_address` of this address were: `connections_per_address`.
    ConnectionsPerAddress,
    /// The TLS handshake failed or took longer than `limits.request_head`: `handshake`.
    Handshake,
    /// A head was not whole within `limits.request_head`: `request_head`.
    RequestHead,
    /// HTTP/2 frames that only cost: `abuse`.
    Abuse,
}

impl Metrics {
    /// A fresh registry with every metric at zero.
    ///
    /// # Errors
    /// If a name is registered twice or not a metric name: a mistake in this file.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let gauge = |name, help| registered(&registry, IntGauge::new(name, help)?);
        let counters = |name, help, label, labels| counters(&registry, name, help, label, labels);
        let requests = counters(
            "doorward_requests_total",
            "Requests by how they ended.",
            "verdict",
            &[],
        )?;
        let of = |verdict: Verdict| requests.with_label_values(&[verdict.label()]);
        let metrics = Self {
            usual: Usual {
                forwarded: of(Verdict::Forwarded),
                served: of(Verdict::Served),
                abandoned: of(Verdict::Abandoned),
            },
            requests,
            logins: counters(
                "doorward_logins_total",
                "Logins by how they ended.",
                "result",
                LoginResult::VARIANTS,
            )?,
            refreshes: counters(
                "doorward_refreshes_total",
                "Renewals by how they ended.",
                "result",
                RefreshResult::VARIANTS,
            )?,
            reloads: counters(
                "doorward_reloads_total",
                "Reloads of the settings.",
                "result",
                ReloadResult::VARIANTS,
            )?,
            turned_away: counters(
                "doorward_connections_turned_away_total",
                "Connections that were closed before their end, by why.",
                "reason",
                RejectedConnection::VARIANTS,
            )?,
            store_up: gauge("doorward_store_up", "1 while the store can be used.")?,
            upstream_up: gauge(
                "doorward_upstream_up",
                "1 unless the last connection to the app failed.",
            )?,
            certificate: IntGauge::new(
                "doorward_certificate_expires_seconds",
                "Until the certificate of the TLS listener ends.",
            )?,
            replica_lag: registered(
                &registry,
                Gauge::new(
                    "doorward_replica_lag_seconds",
                    "Since a shared store was last heard of; 0 without one.",
                )?,
            )?,
            sessions: gauge("doorward_sessions", "Sessions that are kept.")?,
            revocations: gauge("doorward_revocations", "Live revocations.")?,
            connections: gauge("doorward_connections", "Open client connections.")?,
            in_flight: gauge(
                "doorward_requests_in_flight",
                "Requests that have not ended.",
            )?,
            session_connections: gauge(
                "doorward_session_connections",
                "Exchanges that have gone on for a while and end with their session.",
            )?,
            request_duration: histogram(
                &registry,
                "doorward_request_duration_seconds",
                "From the head of the request to the end of the answer.",
                REQUEST_BUCKETS,
            )?,
            hash_duration: histogram(
                &registry,
                "doorward_password_hash_duration_seconds",
                "One password hash, without waiting for its turn.",
                HASH_BUCKETS,
            )?,
            registry: registry.clone(),
        };
        let build = Opts::new("doorward_build_info", "1, with the version that runs.");
        let build = build.const_label("version", env!("CARGO_PKG_VERSION"));
        registered(&metrics.registry, IntGauge::with_opts(build)?)?.set(1);
        metrics.upstream_up.set(1);
        if let Some(panics) = super::panics::count() {
            registered(&registry, panics)?;
        }
        Ok(metrics)
    }

    /// A request ended after `took`.
    pub fn request(&self, verdict: Verdict, took: Duration) {
        match verdict {
            Verdict::Forwarded => self.usual.forwarded.inc(),
            Verdict::Served => self.usual.served.inc(),
            Verdict::Abandoned => self.usual.abandoned.inc(),
            Verdict::Refused(code) => count(&self.requests, code),
            // It took no time that says anything of requests.
            Verdict::Malformed => return count(&self.requests, verdict.label()),
        }
        self.request_duration.observe(took.as_secs_f64());
    }

    /// A login ended.
    pub fn login(&self, result: LoginResult) {
        count(&self.logins, result.into());
    }

    /// A renewal ended.
    pub fn refresh(&self, result: RefreshResult) {
        count(&self.refreshes, result.into());
    }

    /// How many sessions are kept now.
    pub fn sessions(&self, count: u64) {
        self.sessions.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Whether the store can be used, and how long ago a shared one was heard of.
    pub fn store(&self, is_up: bool, lag: Duration) {
        self.store_up.set(i64::from(is_up));
        self.replica_lag.set(lag.as_secs_f64());
    }

    /// Whether the app was reached, by the last who tried.
    pub fn upstream(&self, is_up: bool) {
        // Asked on every request: what is known is not written again.
        if (self.upstream_up.get() == 1) != is_up {
            self.upstream_up.set(i64::from(is_up));
        }
    }

    /// Seconds until the certificate of the TLS listener ends; negative when it has. Not shown
    /// where there is none.
    pub fn certificate(&self, seconds: i64) {
        self.certificate.set(seconds);
        // From the first time on it is known.
        let _known = self.registry.register(Box::new(self.certificate.clone()));
    }

    /// The settings were read again.
    pub fn reload(&self, result: ReloadResult) {
        count(&self.reloads, result.into());
    }

    /// How many revocations are live now.
    pub fn revocations(&self, live: usize) {
        self.revocations
            .set(i64::try_from(live).unwrap_or(i64::MAX));
    }

    /// Runs `hash` and measures it.
    pub fn password_hash<T>(&self, hash: impl FnOnce() -> T) -> T {
        self.hash_duration.observe_closure_duration(hash)
    }

    /// A client connection opened; it counts until the value is dropped.
    #[must_use]
    pub fn connection(&self) -> Counted {
        Counted::new(&self.connections)
    }

    /// How many client connections are open.
    pub fn connections(&self) -> i64 {
        self.connections.get()
    }

    /// A client connection was closed.
    pub fn turned_away(&self, why: RejectedConnection) {
        count(&self.turned_away, why.into());
    }

    /// A request began.
    pub fn begin(&self) {
        self.in_flight.inc();
    }

    /// A request ended, in whatever way: once for each [`Self::begin`].
    pub fn end(&self) {
        self.in_flight.dec();
    }

    /// How many requests have begun and not ended.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.in_flight.get()).unwrap_or(0)
    }

    /// A WebSocket or event stream of a session opened; it counts until the value is
    /// dropped.
    #[must_use]
    pub fn session_connection(&self) -> Counted {
        Counted::new(&self.session_connections)
    }

    /// All of it in Prometheus' text format, version 0.0.4.
    ///
    /// # Errors
    /// If the encoder fails; not known to happen.
    pub fn render(&self) -> Result<String, Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// Something that is counted while it lasts. A drop guard, because a future that is
/// dropped half-way runs no code of ours at its end.
#[derive(Debug)]
pub struct Counted(IntGauge);

impl Counted {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counters of one name, a label each. A series that first appears with its first event hides
/// that event from `rate()`, so what can happen is there from the start.
fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
    labels: &[&str],
) -> Result<IntCounterVec, Error> {
    let counters = registered(
        registry,
        IntCounterVec::new(Opts::new(name, help), &[label])?,
    )?;
    for label in labels {
        counters.with_label_values(&[label]);
    }
    Ok(counters)
}

fn count(counters: &IntCounterVec, label: &str) {
    counters.with_label_values(&[label]).inc();
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
) -> Result<Histogram, Error> {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    registered(registry, Histogram::with_opts(options)?)
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_every_promised_name() {
        let metrics = Metrics::new().unwrap();
        let text = metrics.render().unwrap();
        for line in [
            r#"doorward_requests_total{verdict="forwarded"} 0"#,
            r#"doorward_logins_total{result="success"} 0"#,
            r#"doorward_reloads_total{result="applied"} 0"#,
            "doorward_revocations 0",
            "doorward_store_up 0",
            "doorward_upstream_up 1",
            concat!(
                "doorward_build_info{version=\"",
                env!("CARGO_PKG_VERSION"),
                "\"} 1"
            ),
            "doorward_replica_lag_seconds 0",
            "doorward_request_duration_seconds_count 0",
            "doorward_password_hash_duration_seconds_count 0",
            "doorward_connections 0",
            r#"doorward_connections_turned_away_total{reason="request_head"} 0"#,
            "doorward_requests_in_flight 0",
            "doorward_session_connections 0",
            "doorward_panics_total ",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn events_are_counted() {
        let metrics = Metrics::new().unwrap();
        metrics.request(
            Verdict::Refused("session_required"),
            Duration::from_millis(2),
        );
        metrics.login(LoginResult::TooManyAttempts);
        metrics.reload(ReloadResult::Refused);
        metrics.revocations(3);
        assert_eq!(metrics.password_hash(|| 7), 7);
        let open = metrics.connection();
        for verdict in [Verdict::Forwarded, Verdict::Served, Verdict::Abandoned] {
            metrics.request(verdict, Duration::from_millis(2));
        }
        for _ in 0..3 {
            metrics.begin();
        }
        metrics.end();
        assert_eq!(metrics.in_flight(), 2);
        let text = metrics.render().unwrap();
        for line in [
            r#"doorward_requests_total{verdict="session_required"} 1"#,
            r#"doorward_requests_total{verdict="forwarded"} 1"#,
            r#"doorward_requests_total{verdict="served"} 1"#,
            r#"doorward_requests_total{verdict="abandoned"} 1"#,
            r#"doorward_logins_total{result="too_many_attempts"} 1"#,
            r#"doorward_reloads_total{result="refused"} 1"#,
            "doorward_revocations 3",
            r#"doorward_request_duration_seconds_bucket{le="0.001"} 0"#,
            r#"doorward_request_duration_seconds_bucket{le="0.0025"} 4"#,
            "doorward_password_hash_duration_seconds_count 1",
            "doorward_connections 1",
            "doorward_requests_in_flight 2",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        drop(open);
        let text = metrics.render().unwrap();
        assert!(text.contains("doorward_connections 0"), "{text}");
    }

    #[test]
    fn two_gateways_do_not_share() {
        let (a, b) = (Metrics::new().unwrap(), Metrics::new().unwrap());
        a.login(LoginResult::Success);
        assert!(
            b.render()
                .unwrap()
                .contains(r#"doorward_logins_total{result="success"} 0"#)
        );
    }
}
