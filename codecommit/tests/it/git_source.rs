//! The Git source: packs against what git says of them, and the exchange against a server on loopback.

mod bombs;
mod copied;
mod emulated;
mod hostile;
mod pack;
mod packs;
mod repository;
mod reuse;
mod server;
mod wire;
