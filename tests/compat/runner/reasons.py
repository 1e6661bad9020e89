"""What a failing test waits for, as long as nobody has written a better reason by hand."""

import re

_BY_UNIT = [
    ("integration/aof", "the append-only file"),
    ("integration/block-repl", "replication"),
    ("integration/convert", "loading RDB files"),
    ("integration/corrupt-dump", "expects the server to abort; it refuses the payload"),
    ("integration/dismiss-mem", "snapshots"),
    ("integration/failover", "replication"),
    ("integration/psync2", "replication"),
    ("integration/rdb", "snapshots"),
    ("integration/replication", "replication"),
    ("integration/shutdown", "replication"),
    ("unit/acl", "ACL users"),
    ("unit/aofrw", "the append-only file"),
    ("unit/client-eviction", "client eviction"),
    ("unit/cluster", "the cluster"),
    ("unit/dump", "MIGRATE"),
    ("unit/functions", "functions"),
    ("unit/geo", "geo commands"),
    ("unit/hyperloglog", "HyperLogLog"),
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
_UNKNOWN_COMMAND = re.compile(r"unknown (?:sub)?command '([^']+)'")
_OTHER = "to be examined"


def reason_for(key, detail):
    """The reason that a new line gets: of its unit, else what the suite's message gives away."""
    # Longer prefixes stand before shorter ones.
    of_unit = next((text for prefix, text in _BY_UNIT if key.unit.startswith(prefix)), None)
    unknown = _UNKNOWN_COMMAND.search(detail)
    return of_unit or (f"the command {unknown.group(1).upper()}" if unknown else _OTHER)
