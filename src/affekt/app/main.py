"""Where Streamlit starts: the pages, and what is the same on all of them."""

from __future__ import annotations

import streamlit as st
from starlette.formparsers import MultiPartParser

from affekt.app import corpus, hears, listen, many, models, session, voice

UPLOAD_BYTES = 200 << 20  # as in .streamlit/config.toml
# Less space above, and small print dark enough to be read.
STYLE = """
.stMainBlockContainer { padding-top: 2.5rem; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 1; }
[data-testid="stCaptionContainer"] * { color: inherit; opacity: 1; }
"""


def main() -> None:
    """Draw the page that was asked for."""
    MultiPartParser.spool_max_size = UPLOAD_BYTES  # in memory; by default 1 MB, and the rest in a file
    st.set_page_config(page_title="affekt", page_icon="🎧", layout="centered")
    pages = [
        st.Page(listen.page, title="Listen", icon="🎙️", url_path="listen", default=True),
        st.Page(hears.page, title="What it hears", icon="🌊", url_path="hears"),
        st.Page(many.page, title="Many files", icon="📂", url_path="many"),
        st.Page(voice.page, title="Your voice", icon="🫶", url_path="voice"),
        st.Page(models.page, title="Models", icon="🧭", url_path="models"),
    ]
    if session.options().corpus:
        pages.append(st.Page(corpus.page, title="Corpus", icon="📊", url_path="corpus"))
    chosen = st.navigation(pages, position="hidden")
    st.html(f"<style>{STYLE}</style>")
    with st.container(horizontal=True, gap="small", key="pages"):
        for one in pages:
            st.page_link(one)
    chosen.run()


if __name__ == "__main__":
    main()
