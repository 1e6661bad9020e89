//! The command log, the backlog and the PSYNC state machines.
