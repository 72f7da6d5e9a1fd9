//! How tokens are signed.

/// `signing.algorithm`; the names are those of JOSE (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames, strum::IntoStaticStr,
)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// ECDSA on P-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// Ed25519.
    #[strum(serialize = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// As settings and tokens name it.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
