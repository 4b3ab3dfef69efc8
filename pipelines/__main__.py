"""``python -m pipelines`` is the ``docsluice`` command."""


def main() -> None:
    """Run the command; Ctrl-C while it is still being loaded ends it without a word."""
    try:
        from pipelines.cli import main as docsluice

        docsluice()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
