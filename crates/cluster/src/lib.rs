//! Hash slots, nodes and the state machines of the cluster bus.
