"""``python -m pipelines`` is the ``docsluice`` command."""

from pipelines.cli import main

main()
