//! Cluster: redirections and CLUSTER.

use crate::ReplyError;

texts! {
    DISABLED = "ERR This instance has cluster support disabled";
    CROSSSLOT = "CROSSSLOT Keys in request don't hash to the same slot";
    TRYAGAIN = "TRYAGAIN Multiple keys request during rehashing of slot";
    DOWN = "CLUSTERDOWN The cluster is down";
    DOWN_READ_ONLY = "CLUSTERDOWN The cluster is down and only accepts read commands";
    DOWN_UNBOUND = "CLUSTERDOWN Hash slot not served";
    INVALID_SLOT_OR_RANGE = "ERR Invalid or out of range slot";
    INVALID_SLOT = "ERR Invalid slot";
    INVALID_SLOT_OR_COUNT = "ERR Invalid slot or number of keys";
    FLUSHSLOTS_NOT_EMPTY = "ERR DB must be empty to perform CLUSTER FLUSHSLOTS.";
    SETSLOT_ON_REPLICA = "ERR Please use SETSLOT only with masters.";
    TARGET_NOT_MASTER = "ERR Target node is not a master";
    SETSLOT_ACTION = "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP";
    FORGET_MYSELF = "ERR I tried hard but I can't forget myself...";
    FORGET_MY_MASTER = "ERR Can't forget my master!";
    REPLICATE_MYSELF = "ERR Can't replicate myself";
    REPLICATE_A_REPLICA = "ERR I can only replicate a master, not a replica.";
    REPLICATE_NOT_EMPTY = "ERR To set a master the node must be empty and without assigned slots.";
    NODE_NOT_MASTER = "ERR The specified node is not a master";
    FAILOVER_ON_MASTER = "ERR You should send CLUSTER FAILOVER to a replica";
    FAILOVER_MASTER_UNKNOWN = "ERR I'm a replica but my master is unknown to me";
    FAILOVER_MASTER_DOWN = "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE";
    EPOCH_KNOWS_OTHERS = "ERR The user can assign a config epoch only when the node does not \
                          know any other node.";
    EPOCH_NOT_ZERO = "ERR Node config epoch is already non-zero";
    RESET_WITH_KEYS = "ERR CLUSTER RESET can't be called with master nodes containing keys";
}

compositions! {
    moved(slot: u16, endpoint: &str, port: u16) = "MOVED ", slot, " ", endpoint, ":", port;
    ask(slot: u16, endpoint: &str, port: u16) = "ASK ", slot, " ", endpoint, ":", port;
    slot_unassigned(slot: u16) = "ERR Slot ", slot, " is already unassigned";
    slot_busy(slot: u16) = "ERR Slot ", slot, " is already busy";
    slot_repeated(slot: u16) = "ERR Slot ", slot, " specified multiple times";
    invalid_base_port(port: &[u8]) = "ERR Invalid TCP base port specified: ", port;
    invalid_bus_port(port: &[u8]) = "ERR Invalid TCP bus port specified: ", port;
    invalid_address(address: &[u8], port: &[u8]) =
        "ERR Invalid node address specified: ", address, ":", port;
    slot_range(start: i64, end: i64) =
        "ERR start slot number ", start, " is greater than end slot number ", end;
    not_owner(slot: u16) = "ERR I'm not the owner of hash slot ", slot;
    already_owner(slot: u16) = "ERR I'm already the owner of hash slot ", slot;
    dont_know_node(node: &[u8]) = "ERR I don't know about node ", node;
    unknown_node(node: &[u8]) = "ERR Unknown node ", node;
    slot_has_keys(slot: u16) =
        "ERR Can't assign hashslot ", slot, " to a different node while I still hold keys for \
         this hash slot.";
    invalid_epoch(epoch: i64) = "ERR Invalid config epoch specified: ", epoch;
    config_not_saved(reason: &str) = "ERR error saving the cluster node config: ", reason;
}
