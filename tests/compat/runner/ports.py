"""Port ranges that runs on one machine do not share.

The suite looks for free ports from a base upwards, but two of its processes that look at once can
find the same one. Each unit therefore holds a block of ports, claimed by a lock file, and released
with it. A cluster bus port is 10,000 above its port, and both must stay below the kernel's
ephemeral range (32768).
"""

import contextlib
import fcntl
import os
import tempfile
import time

FIRST_PORT = 10_200
BLOCK_PORTS = 400
BLOCKS = 27
# The suite puts its own control port just below the base.
CONTROL_PORTS = 32


@contextlib.contextmanager
def port_block():
    """Yields `(base, count)` of a block that nobody else holds, waiting for one if need be."""
    folder = os.path.join(tempfile.gettempdir(), "corewire-compat-ports")
    os.makedirs(folder, exist_ok=True)
    while True:
        for block in range(BLOCKS):
            handle = os.open(os.path.join(folder, str(block)), os.O_CREAT | os.O_RDWR, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                continue
            try:
                yield FIRST_PORT + block * BLOCK_PORTS, BLOCK_PORTS - CONTROL_PORTS
                return
            finally:
                os.close(handle)
        time.sleep(1)
