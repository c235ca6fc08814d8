//! The Git source: packs compared with git's own output, and the exchange with a server on loopback.

mod bombs;
mod copied;
mod emulated;
mod hostile;
mod pack;
pub(super) mod packs;
mod repository;
mod reuse;
mod server;
mod thin;
mod wire;
