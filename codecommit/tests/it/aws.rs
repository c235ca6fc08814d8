//! What is under all clients.

mod budget;
mod gate;
