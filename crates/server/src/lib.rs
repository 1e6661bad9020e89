//! Start-up, configuration, cron, INFO and signals: the wiring.
