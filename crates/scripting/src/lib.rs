//! The host interface of script engines. No Lua library is linked.
