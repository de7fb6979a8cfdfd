"""The command line: a thin face over `lirich.workbench`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``lirich``: one of its own errors becomes a short message and exit code 2, not a traceback."""
    from lirich.cli.app import app
    from lirich.cli.output import show_error
    from lirich.errors import LirichError

    try:
        app()
    except LirichError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. What was confirmed is kept; run the same command to go on.\n")
        sys.exit(130)
    except BrokenPipeError:
        # `lirich … | head`: nobody reads on
        sys.stderr.close()
        sys.exit(141)
