"""Entry point for Streamlit: the page list, and the style that all pages share."""

from __future__ import annotations

import streamlit as st
from starlette.formparsers import MultiPartParser

from affekt.app import analysis, batch, corpus, models, prediction, session, voice

# Less space at the top, and captions with enough contrast to be readable.
STYLE = """
.stMainBlockContainer { padding-top: 2.5rem; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 1; }
[data-testid="stCaptionContainer"] * { color: inherit; opacity: 1; }
"""


def main() -> None:
    """Show the requested page, below links to all pages."""
    # By default, Starlette writes an upload of more than 1 MB to a temporary file.
    MultiPartParser.spool_max_size = int(st.get_option("server.maxUploadSize")) << 20
    # An emoji, because the browser would fetch a Material icon from another server.
    st.set_page_config(page_title="affekt", page_icon="🎧", layout="centered")
    pages = [
        st.Page(
            prediction.page, title="Predict", icon=":material/mic:", url_path="prediction", default=True
        ),
        st.Page(analysis.page, title="Analysis", icon=":material/monitoring:", url_path="analysis"),
        st.Page(batch.page, title="Many files", icon=":material/folder_open:", url_path="batch"),
        st.Page(voice.page, title="Your voice", icon=":material/record_voice_over:", url_path="voice"),
        st.Page(models.page, title="Models", icon=":material/model_training:", url_path="models"),
    ]
    if session.options().corpus:
        pages.append(st.Page(corpus.page, title="Corpus", icon=":material/bar_chart:", url_path="corpus"))
    requested = st.navigation(pages, position="hidden")
    st.html(f"<style>{STYLE}</style>")
    with st.container(horizontal=True, gap="small", key="pages"):
        for one in pages:
            st.page_link(one)
    requested.run()


if __name__ == "__main__":
    main()
