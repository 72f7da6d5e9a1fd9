//! What every store promises, as one suite.
