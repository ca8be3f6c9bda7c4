"""The `kvsops` command's entry point."""

import gc
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # What is read lives until it is told, and next to nothing of it is cyclic: to look for garbage
    # at Python's pace, every 700 objects, took a tenth of the time.
    gc.set_threshold(100_000)

    from kvsops.output import streams

    streams.occupy()

    from kvsops.cli.main import cli

    sys.exit(cli.main())


if __name__ == "__main__":
    main()
