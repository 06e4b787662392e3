"""``python -m affekt`` is ``affekt``."""

from affekt.cli import main

main()
