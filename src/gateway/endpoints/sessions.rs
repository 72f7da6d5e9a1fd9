//! My sessions: where I am signed in, and ending some of it.

use std::sync::Arc;

use pingora_proxy::Session;

use super::{Asked, Refused};
use crate::auth::denial::Denial;
use crate::auth::session::Visitor;
use crate::domain::reply::Reply;
use crate::gateway::ctx::Ctx;
use crate::gateway::house::House;

/// The page, or JSON for a program.
pub(super) async fn list(
    _house: &Arc<House>,
    _ctx: &mut Ctx,
    _visitor: Visitor,
    _asked: &Asked,
) -> Result<Reply, Refused> {
    Err(Denial::NotFound.into())
}

/// Ends one of them, or all others.
pub(super) async fn end(
    _house: &Arc<House>,
    _session: &mut Session,
    _ctx: &mut Ctx,
    _visitor: Visitor,
    _asked: &Asked,
) -> Result<Reply, Refused> {
    Err(Denial::NotFound.into())
}
