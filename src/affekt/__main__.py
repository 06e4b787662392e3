"""``python -m affekt`` is ``affekt``."""

from affekt.cli import main

if __name__ == "__main__":
    main()
