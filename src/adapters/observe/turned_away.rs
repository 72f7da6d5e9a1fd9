//! Why a connection was closed before anything on it was a request of its own right:
//! `reason` of `doorward_connections_turned_away_total`.

/// The reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedConnection {
    /// `limits.connections` were open: `connections`.
    Connections,
    /// `limits.connections_per_address` of this address were: `connections_per_address`.
    PerAddress,
    /// The TLS handshake failed or took longer than `limits.request_head`: `handshake`.
    Handshake,
    /// A head was not whole within `limits.request_head`: `request_head`.
    RequestHead,
    /// HTTP/2 frames that only cost: `abuse`.
    Abuse,
}

impl RejectedConnection {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Connections,
        Self::PerAddress,
        Self::Handshake,
        Self::RequestHead,
        Self::Abuse,
    ];

    /// The label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::PerAddress => "connections_per_address",
            Self::Handshake => "handshake",
            Self::RequestHead => "request_head",
            Self::Abuse => "abuse",
        }
    }
}
