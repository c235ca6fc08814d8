//! The HTTP layer under all clients.

mod budget;
mod gate;
