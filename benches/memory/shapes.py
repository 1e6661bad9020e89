"""What memory is measured with: one container of many elements, or many small containers.

A shape makes its commands as RESP. Names and values have fixed lengths, so that every element costs
alike. With these lengths redis-server 7.0.15 comes near the figures that the limits were set
beside (94 bytes for a field, 268 a small hash, 66 a member, 176 an intset, 117 a scored member, 25
an item, 28 an entry), which vary with how full its tables are.
"""

from dataclasses import dataclass
from typing import Callable


def resp(*words):
    """A command as it goes over the wire."""
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded)


@dataclass(frozen=True)
class Shape:
    """`command(i)` adds element `i`; `limit` is what ours may take. Measured over a doubling
    from `first` on: 30 to 240 MB, beside which a server's own buffers are little.
    """

    name: str
    limit: float
    command: Callable[[int], bytes]
    first: int = 1_000_000

    def counts(self):
        """Where memory is read: eight times in a doubling."""
        return [round(self.first * 2 ** (step / 8)) for step in range(9)]


def small_hash(i):
    """Ten fields."""
    pairs = [word for n in range(10) for word in (f"field{n}", f"value:{n}")]
    return resp("HSET", f"hash:{i:08d}", *pairs)


def small_intset(i):
    """Twenty integers of 32 bits."""
    return resp("SADD", f"ints:{i:08d}", *(1_000_000 + i + n for n in range(20)))


FEW, MANY = 500_000, 2_000_000
SHAPES = [
    Shape("key", 72, lambda i: resp("SET", f"key:{i:012d}", b"x" * 32)),
    Shape("key with expiry", 84,
          lambda i: resp("SET", f"key:{i:012d}", b"x" * 32, "EX", 864_000)),
    Shape("large hash field", 45,
          lambda i: resp("HSET", "hash", f"field:{i:08d}", f"value:{i:010d}")),
    Shape("small hash of 10 fields", 235, small_hash, first=FEW),
    Shape("large set member", 28, lambda i: resp("SADD", "set", f"member:{i:07d}")),
    Shape("small intset of 20", 146, small_intset, first=FEW),
    Shape("large sorted set member", 55, lambda i: resp("ZADD", "zset", i, f"member:{i:07d}")),
    Shape("list item", 24, lambda i: resp("RPUSH", "list", f"item:{i:017d}"), first=MANY),
    Shape("list item at the head", 24, lambda i: resp("LPUSH", "list", f"item:{i:017d}"),
          first=MANY),
    Shape("stream entry", 27, lambda i: resp("XADD", "stream", "*", "field", f"value:{i:07d}"),
          first=MANY),
]
