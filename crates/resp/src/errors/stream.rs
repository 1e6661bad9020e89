//! Streams and consumer groups.
//!
//! Names of groups, keys and consumers are quoted as they came, cut where Redis cuts them. Codes
//! such as BUSYGROUP and NOGROUP are part of the text.

use crate::ReplyError;

texts! {
    INVALID_ID = "ERR Invalid stream ID specified as stream command argument";
    MAXLEN_AND_MINID = "ERR syntax error, MAXLEN and MINID options at the same time are not \
                        compatible";
    MAXLEN_NEGATIVE = "ERR The MAXLEN argument must be >= 0.";
    LIMIT_NEGATIVE = "ERR The LIMIT argument must be >= 0.";
    LIMIT_WITHOUT_STRATEGY = "ERR syntax error, LIMIT cannot be used without specifying a \
                              trimming strategy";
    XTRIM_WITHOUT_STRATEGY = "ERR syntax error, XTRIM must be called with a trimming strategy";
    LIMIT_WITHOUT_TILDE = "ERR syntax error, LIMIT cannot be used without the special ~ option";
    XADD_ZERO_ID = "ERR The ID specified in XADD must be greater than 0-0";
    EXHAUSTED = "ERR The stream has exhausted the last possible ID, unable to add more items";
    XADD_SMALL_ID = "ERR The ID specified in XADD is equal or smaller than the target stream top \
                     item";
    TOO_LARGE = "ERR Elements are too large to be stored";
    INVALID_START = "ERR invalid start ID for the interval";
    INVALID_END = "ERR invalid end ID for the interval";
    UNBALANCED_STREAMS = "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' \
                          must be specified.";
    GROUP_WITHOUT_XREADGROUP = "ERR The GROUP option is only supported by XREADGROUP. You called \
                                XREAD instead.";
    NOACK_WITHOUT_XREADGROUP = "ERR The NOACK option is only supported by XREADGROUP. You called \
                                XREAD instead.";
    MISSING_GROUP = "ERR Missing GROUP option for XREADGROUP";
    DOLLAR_IN_XREADGROUP = "ERR The $ ID is meaningless in the context of XREADGROUP: you want \
                            to read the history of this consumer by specifying a proper ID, or \
                            use the > ID to get new messages. The $ ID would just return an \
                            empty result set.";
    PLUS_IN_XREADGROUP = "ERR The + ID is meaningless in the context of XREADGROUP: you want to \
                          read the history of this consumer by specifying a proper ID, or use \
                          the > ID to get new messages. The + ID would just return an empty \
                          result set.";
    GREATER_WITHOUT_GROUP = "ERR The > ID can be specified only when calling XREADGROUP using \
                             the GROUP <group> <consumer> option.";
    ENTRIESREAD = "ERR value for ENTRIESREAD must be positive or -1";
    XGROUP_NO_KEY = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE \
                     you may want to use the MKSTREAM option to create an empty stream \
                     automatically.";
    BUSYGROUP = "BUSYGROUP Consumer Group name already exists";
    ENTRIES_ADDED = "ERR entries_added must be positive";
    XSETID_BELOW_MAX_DELETED = "ERR The ID specified in XSETID is smaller than the provided \
                                max_deleted_entry_id";
    XSETID_BELOW_CURRENT_MAX_DELETED = "ERR The ID specified in XSETID is smaller than current \
                                        max_deleted_entry_id";
    XSETID_BELOW_TOP = "ERR The ID specified in XSETID is smaller than the target stream top item";
    XSETID_ENTRIES_ADDED = "ERR The entries_added specified in XSETID is smaller than the target \
                            stream length";
    XCLAIM_MIN_IDLE = "ERR Invalid min-idle-time argument for XCLAIM";
    XCLAIM_IDLE = "ERR Invalid IDLE option argument for XCLAIM";
    XCLAIM_TIME = "ERR Invalid TIME option argument for XCLAIM";
    XCLAIM_RETRYCOUNT = "ERR Invalid RETRYCOUNT option argument for XCLAIM";
    XAUTOCLAIM_MIN_IDLE = "ERR Invalid min-idle-time argument for XAUTOCLAIM";
    COUNT_NOT_POSITIVE = "ERR COUNT must be > 0";
    XAUTOCLAIM_COUNT_TOO_HIGH = "ERR Insufficient memory, failed allocating transient memory, \
                                 COUNT too high.";
    NUMIDS = "ERR Number of IDs must be a positive integer";
    NUMIDS_MISMATCH = "ERR The `numids` parameter must match the number of arguments";
    /// Not of Redis: until clients can wait here.
    UNBLOCKED_STREAM_GONE = "UNBLOCKED the stream key no longer exists";
    NOGROUP_BLOCKED = "NOGROUP the consumer group this client was blocked on no longer exists";
}

compositions! {
    block_in_script(command: &[u8]) =
        "ERR ", command, " command is not allowed with BLOCK option from scripts";
    unbalanced_streams(command: &str, symbol: &str) =
        "ERR Unbalanced '", command, "' list of streams: for each stream key an ", symbol, " must \
         be specified.";
    nogroup(key: &[u8], group: &[u8]) =
        "NOGROUP No such key '", key, "' or consumer group '", group, "'";
    nogroup_xreadgroup(key: &[u8], group: &[u8]) =
        "NOGROUP No such key '", key, "' or consumer group '", group, "' in XREADGROUP with GROUP \
         option";
    nogroup_for_key(group: &[u8], key: &[u8]) =
        "NOGROUP No such consumer group '", group, "' for key name '", key, "'";
    xclaim_option(option: &[u8]) = "ERR Unrecognized XCLAIM option '", option, "'";
}
