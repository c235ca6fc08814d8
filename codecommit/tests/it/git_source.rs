//! The Git source: packs against what git says of them, and the exchange against a server on loopback.

mod emulated;
mod hostile;
mod pack;
mod packs;
mod repository;
mod server;
mod wire;
