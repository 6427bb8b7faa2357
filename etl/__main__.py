"""``python -m etl``."""

from etl.cli.commands import main

main()
