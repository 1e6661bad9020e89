//! DEBUG, SLOWLOG, LATENCY, HOTKEYS, MODULE.

use crate::ReplyError;

texts! {
    RESTART_FAILED = "ERR failed to restart the server. Check server logs.";
    RELOAD_OPTIONS = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";
    RELOAD_FAILED = "ERR Error trying to load the RDB dump";
    NOT_SDS = "ERR Not an sds encoded string.";
    NOT_LISTPACK = "ERR Not a listpack encoded object.";
    NOT_QUICKLIST = "ERR Not a quicklist encoded object.";
    NOT_RESP2 = "ERR RESP2 is not supported by this command";
    PROTOCOL_TYPE = "ERR Wrong protocol type name. Please use one of the following: \
                     string|integer|double|bignum|null|array|set|map|attrib|push|\
                     verbatim|true|false";
    PACKED_THRESHOLD = "ERR argument must be a memory value bigger than 1 and smaller than 4gb";
    DATABASE_OUT_OF_RANGE = "ERR Out of range database";
    NOT_HASH_TABLE = "ERR The value stored at the specified key is not represented using an hash \
                      table";
    NO_MAXMEMORY_CLIENTS = "ERR maxmemory-clients is disabled.";
    CLUSTER_ONLY = "ERR Debug option only available for cluster mode enabled setup!";
    RELOAD_OPTION = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";
    RELOAD_SAVE = "ERR";
    RELOAD_LOAD = "ERR Error trying to load the RDB dump";
    MODULE_LOAD = "ERR Error loading the extension. Please check the server logs.";
    MODULE_UNLOAD = "ERR Error unloading module: no such module with that name";
    HOTKEYS_STARTED = "ERR hotkey tracking session already in progress";
    HOTKEYS_IN_PROGRESS = "ERR hotkey tracking session in progress, stop tracking first";
    HOTKEYS_METRICS = "ERR METRICS parameter is required";
    HOTKEYS_METRICS_COUNT = "ERR METRICS count must be > 0 and <= 2";
    HOTKEYS_MISMATCH = "ERR METRICS count does not match number of metric types provided";
    HOTKEYS_NO_METRICS = "ERR METRICS no valid metrics passed. Supported: CPU|NET";
    HOTKEYS_CPU_TWICE = "ERR METRICS CPU defined more than once!";
    HOTKEYS_NET_TWICE = "ERR METRICS NET defined more than once!";
    HOTKEYS_COUNT = "ERR COUNT must be between 1 and 64";
    HOTKEYS_DURATION = "ERR DURATION must be between 1 and 1000000";
    HOTKEYS_SAMPLE = "ERR SAMPLE ratio must be positive";
    HOTKEYS_SLOTS = "ERR SLOTS parameter cannot be used in non-cluster mode";
    SLOWLOG_COUNT = "ERR count should be greater than or equal to -1";
}

compositions! {
    no_samples(event: &[u8]) = "ERR No samples available for event '", event, "'";
    config_rewrite_failed(reason: &str) = "ERR CONFIG-REWRITE-FORCE-ALL failed: ", reason;
    unknown_direction(direction: &[u8]) = "ERR Unknown direction ", direction;
}
