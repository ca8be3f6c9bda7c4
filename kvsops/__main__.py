"""The `kvsops` command's entry point."""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from kvsops.cli.main import cli

    sys.exit(cli.main())


if __name__ == "__main__":
    main()
