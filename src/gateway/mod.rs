//! Floor 4: pingora and only pingora.
