"""Run leaktop as `python -m leaktop`."""

from leaktop.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
