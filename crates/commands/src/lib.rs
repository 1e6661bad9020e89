//! The command table, admission, dispatch and the handlers.
