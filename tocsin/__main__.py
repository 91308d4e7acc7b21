"""The program's entry: `tocsin`, or `python -m tocsin`."""

from tocsin.cli.app import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
