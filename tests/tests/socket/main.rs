//! The socket protocol, on every backend; with two nodes, people are connected to different ones.

mod commands;
mod delivery;
mod follower;
mod frames;
mod promises;
mod resuming;
mod starting;
mod streams;
mod tokens;
