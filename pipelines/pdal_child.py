"""Start a program that dies with its parent, without core dumps, and with a limit on the files it writes.

Run as a script by `pipelines.pdal`: ``python -I pdal_child.py PARENT_PID MAX_FILE_BYTES PROGRAM ARGUMENT...``.
It becomes the program. Setting this up here and not between fork and exec of the service keeps it safe where
the service has threads.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Prepare this process and become the program."""
    parent, limit, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limit > 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
