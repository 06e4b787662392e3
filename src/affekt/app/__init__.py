"""The web app: one module a page, ``display`` and ``session`` for what pages share, started by ``main``."""
