"""``python -m lirich`` is ``lirich``."""

from lirich.cli import main

main()
