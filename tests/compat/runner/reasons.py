"""What the tests of a unit wait for, as long as nobody has written a better reason by hand."""

_BY_UNIT = [
    ("integration/aof", "the append-only file"),
    ("integration/block-repl", "replication"),
    ("integration/convert", "loading RDB files"),
    ("integration/corrupt-dump", "RESTORE of every type"),
    ("integration/dismiss-mem", "snapshots"),
    ("integration/failover", "replication"),
    ("integration/psync2", "replication"),
    ("integration/rdb", "snapshots"),
    ("integration/redis-benchmark", "the types that redis-benchmark uses"),
    ("integration/redis-cli", "the types and subsystems that redis-cli uses"),
    ("integration/replication", "replication"),
    ("integration/shutdown", "replication"),
    ("unit/acl", "ACL users"),
    ("unit/aofrw", "the append-only file"),
    ("unit/client-eviction", "client eviction"),
    ("unit/cluster", "the cluster"),
    ("unit/dump", "DUMP, RESTORE and MIGRATE"),
    ("unit/functions", "functions"),
    ("unit/geo", "geo commands"),
    ("unit/hyperloglog", "HyperLogLog"),
    ("unit/latency-monitor", "types and persistence that it measures"),
    ("unit/lazyfree", "sets and streams"),
    ("unit/maxmemory", "eviction"),
    ("unit/memefficiency", "active defragmentation"),
    ("unit/multi", "transactions"),
    ("unit/pubsubshard", "sharded pub/sub"),
    ("unit/pubsub", "pub/sub"),
    ("unit/scripting", "scripting"),
    ("unit/sort", "lists, sets and SORT"),
    ("unit/tracking", "client-side caching"),
    ("unit/type/hash", "hashes"),
    ("unit/type/list", "lists"),
    ("unit/type/set", "sets"),
    ("unit/type/stream", "streams"),
    ("unit/type/zset", "sorted sets"),
    ("unit/wait", "replication"),
]
_OTHER = "a later type or subsystem"


def reason_for(key):
    """The reason that a new line gets; longer prefixes stand before shorter ones."""
    return next((text for prefix, text in _BY_UNIT if key.unit.startswith(prefix)), _OTHER)
