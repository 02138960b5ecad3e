"""The program ``deconv-ref``, or ``python -m deconv_ref``: Ctrl-C counts from its start."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
    try:
        from deconv_ref import cli

        cli.main()
    except KeyboardInterrupt:
        print("deconv-ref: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
