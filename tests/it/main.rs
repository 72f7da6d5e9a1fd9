//! The integration binary: the real gateway on free ports before a real upstream.
