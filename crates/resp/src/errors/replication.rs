//! SYNC, PSYNC, REPLCONF, REPLICAOF, FAILOVER, WAIT.

use crate::ReplyError;

texts! {
    BGSAVE_FAILED = "ERR BGSAVE failed, replication can't continue";
    PSYNC_FAILOVER_TO_MASTER = "ERR PSYNC FAILOVER can't be sent to a master.";
    PSYNC_FAILOVER_ID = "ERR PSYNC FAILOVER replid must match my replid.";
    NOMASTERLINK_FAILOVER = "NOMASTERLINK Can't SYNC while failing over";
    NOMASTERLINK = "NOMASTERLINK Can't SYNC while not connected with my master";
    SYNC_PENDING_OUTPUT = "ERR SYNC and PSYNC are invalid with pending output";
    FILTERED_NEEDS_EOF = "ERR Filtered replica requires EOF capability";
    RDB_FILTER_VALUES = "ERR Missing rdb-filter-only values";
    REPLICAOF_IN_CLUSTER = "ERR REPLICAOF not allowed in cluster mode.";
    REPLICAOF_WHILE_FAILOVER = "ERR REPLICAOF not allowed while failing over.";
    NOT_FROM_REPLICA = "ERR Command is not valid when client is a replica.";
    INVALID_MASTER_PORT = "ERR Invalid master port";
    WAIT_ON_REPLICA = "ERR WAIT cannot be used with replica instances. Please also note that \
                       since Redis 4.0 if a replica is configured to be writable (which is not \
                       the default) writes to replicas are just local and are not propagated.";
    WAITAOF_ON_REPLICA = "ERR WAITAOF cannot be used with replica instances. Please also note \
                          that writes to replicas are just local and are not propagated.";
    WAITAOF_WITHOUT_AOF = "ERR WAITAOF cannot be used when numlocal is set but appendonly is \
                           disabled.";
    FAILOVER_IN_CLUSTER = "ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER \
                           command instead.";
    NO_FAILOVER = "ERR No failover in progress.";
    FAILOVER_TIMEOUT = "ERR FAILOVER timeout must be greater than 0";
    FAILOVER_IN_PROGRESS = "ERR FAILOVER already in progress.";
    FAILOVER_ON_REPLICA = "ERR FAILOVER is not valid when server is a replica.";
    FAILOVER_WITHOUT_REPLICAS = "ERR FAILOVER requires connected replicas.";
    FAILOVER_FORCE = "ERR FAILOVER with force option requires both a timeout and target HOST and \
                      IP.";
    FAILOVER_NOT_REPLICA = "ERR FAILOVER target HOST and PORT is not a replica.";
    FAILOVER_NOT_ONLINE = "ERR FAILOVER target replica is not online.";
}

compositions! {
    ip_address_too_long(len: usize) =
        "ERR REPLCONF ip-address provided by replica instance is too long: ", len, " bytes";
    rdb_filter_option(option: &[u8]) = "ERR Unsupported rdb-filter-only option: ", option;
    replconf_option(option: &[u8]) = "ERR Unrecognized REPLCONF option: ", option;
}
