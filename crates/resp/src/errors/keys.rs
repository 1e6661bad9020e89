//! The key space as a whole: databases, expiry, SCAN, OBJECT, DUMP and RESTORE, MIGRATE.

use crate::ReplyError;

texts! {
    SELECT_IN_CLUSTER = "ERR SELECT is not allowed in cluster mode";
    MOVE_IN_CLUSTER = "ERR MOVE is not allowed in cluster mode";
    COPY_IN_CLUSTER = "ERR Copying to another database is not allowed in cluster mode";
    SWAPDB_IN_CLUSTER = "ERR SWAPDB is not allowed in cluster mode";
    DB_OUT_OF_RANGE = "ERR DB index is out of range";
    SWAPDB_FIRST = "ERR invalid first DB index";
    SWAPDB_SECOND = "ERR invalid second DB index";
    SCAN_UNKNOWN_TYPE = "ERR unknown type object";
    SCAN_NOVALUES = "ERR NOVALUES option can only be used in HSCAN";
    EXPIRE_NX_AND_OTHERS = "ERR NX and XX, GT or LT options at the same time are not compatible";
    EXPIRE_GT_AND_LT = "ERR GT and LT options at the same time are not compatible";
    OBJECT_IDLETIME_UNDER_LFU = "ERR An LFU maxmemory policy is selected, idle time not tracked. \
                                 Please note that when switching between policies at runtime LRU \
                                 and LFU data will take some time to adjust.";
    OBJECT_FREQ_WITHOUT_LFU = "ERR An LFU maxmemory policy is not selected, access frequency not \
                               tracked. Please note that when switching between policies at \
                               runtime LRU and LFU data will take some time to adjust.";
    MEMORY_PURGE_FAILED = "ERR Error purging dirty pages";
    RESTORE_IDLETIME = "ERR Invalid IDLETIME value, must be >= 0";
    RESTORE_FREQ = "ERR Invalid FREQ value, must be >= 0 and <= 255";
    RESTORE_TTL = "ERR Invalid TTL value, must be >= 0";
    RESTORE_CHECKSUM = "ERR DUMP payload version or checksum are wrong";
    RESTORE_FORMAT = "ERR Bad data format";
    MIGRATE_CONNECT = "IOERR error or timeout connecting to the client";
    MIGRATE_READ = "IOERR error or timeout reading to target instance";
    MIGRATE_WRITE = "IOERR error or timeout writing to target instance";
    MIGRATE_KEYS_EMPTY_KEY = "ERR When using MIGRATE KEYS option, the key argument must be set \
                              to the empty string";
}

compositions! {
    scan_unknown_type_name(name: &[u8]) = "ERR unknown type name '", name, "'";
    expire_unsupported_option(option: &[u8]) = "ERR Unsupported option ", option;
    migrate_target_error(error: &[u8]) = "ERR Target instance replied with error: ", error;
}
