//! Listeners, workers, connections, the client registry and output buffers.
