"""The compatibility runner: Redis's own test suite against our server (see ../run)."""
