"""``python -m api.cli``: the command line without an installed console script."""

from api.cli import main

main()
