"""``python -m stratsim`` is the command ``stratsim``."""

from stratsim.cli import main

if __name__ == "__main__":
    main()
