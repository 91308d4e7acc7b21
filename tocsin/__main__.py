"""The program's entry: `tocsin`, or `python -m tocsin`."""

import logging

from tocsin.cli.app import app


def main() -> None:
    """Run the command line."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # who uses it says what is wrong, once
    app()


if __name__ == "__main__":
    main()
