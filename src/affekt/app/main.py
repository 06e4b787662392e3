"""Entry point for Streamlit: the page list, and the style that all pages share."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import streamlit as st
from starlette.formparsers import MultiPartParser

from affekt.app import session

# Less space at the top, a line of links that does not move while it is loaded, and captions with enough
# contrast to be readable.
STYLE = """
.stMainBlockContainer { padding-top: 2.5rem; }
.st-key-pages { align-items: center; min-height: 2.5rem; }
[data-testid="stLayoutWrapper"]:has(> .st-key-player) { position: sticky; top: .5rem; z-index: 1; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding-top: 1.2rem; }
  .stMainBlockContainer h1 { font-size: 1.6rem; padding: .5rem 0; }
  .st-key-pages { gap: 0 .2rem; position: relative; padding-left: 4.2rem; }
  .st-key-pages > :first-child { position: absolute; left: 0; top: .2rem; }
}
[data-testid="stCaptionContainer"] { color: inherit; opacity: 1; }
[data-testid="stCaptionContainer"] * { color: inherit; opacity: 1; }
"""
# The module of each page, which is its address too, and its title.
PAGES = {
    "listen": "Listen",
    "timeline": "Timeline",
    "why": "Why",
    "analysis": "Analysis",
    "batch": "Many files",
    "voice": "Your voice",
    "models": "Models",
    "corpus": "Corpus",
}


def main() -> None:
    """Show the requested page, below links to all pages."""
    # By default, Starlette writes an upload of more than 1 MB to a temporary file.
    MultiPartParser.spool_max_size = int(st.get_option("server.maxUploadSize")) << 20
    # An emoji, because the browser would fetch a Material icon from another server.
    st.set_page_config(page_title="affekt", page_icon="🎧", layout="centered")
    pages = [
        st.Page(_page(module), title=title, url_path=module, default=module == "listen")
        for module, title in PAGES.items()
        if module != "corpus" or session.options().corpus
    ]
    st.session_state["pages"] = {one.url_path: one for one in pages}  # for links from page to page
    requested = st.navigation(pages, position="hidden")
    st.html(f"<style>{STYLE}</style>")
    with st.container(horizontal=True, gap="small", key="pages"):
        st.html("<strong style='font-size:1.25rem'>affekt</strong>", width="content")
        for one in pages:
            st.page_link(one)
    requested.run()


def _page(module: str) -> Callable[[], None]:
    """Return a page that is imported when it is shown, as plotly and scikit-learn take seconds."""

    def page() -> None:
        import_module(f"affekt.app.{module}").page()

    return page


if __name__ == "__main__":
    main()
