//! A cursor over a body.
