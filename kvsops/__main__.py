"""The `kvsops` command's entry point."""

import gc
import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit code.

    It ends at once when all is told: Python would first take apart all that was read, and the
    libraries that threads may still wait in.
    """
    # What is read lives until it is told, and next to nothing of it is cyclic: to look for garbage
    # at Python's pace, every 700 objects, took a tenth of the time.
    gc.set_threshold(100_000)

    from kvsops.output import streams

    streams.occupy()

    from kvsops.cli.main import cli

    code = cli.main()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    main()
