"""The last page, where a corpus was given: the pictures of ``affekt explore``."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from matplotlib.figure import Figure

from affekt import figures
from affekt.app import display, session
from affekt.errors import AffektError
from affekt.exploration import Exploration, explore

PICTURES: dict[str, tuple[Callable[[Exploration], Figure], ...]] = {
    "What is in it": (figures.counts,),
    "How it was recorded": (figures.recordings, figures.levels_by_emotion),
    "Emotions or voices?": (figures.clip_map, figures.separation),
    "Which features say the same": (figures.correlation,),
}


def page() -> None:
    """All pictures of the corpus that the app was started with."""
    path = session.options().corpus or ""
    st.title("The corpus")
    try:
        with st.spinner("Listening to every clip, once", show_time=True):
            found = _explore(path)
    except AffektError as error:
        st.error(str(error), icon="🚫")
        return
    st.markdown(f"**{found.corpus.name}**: {len(found.clips)} clips, {len(found.corpus.emotions)} emotions")
    for card in found.corpus.cards:
        st.caption(f"{card.title}. Licence: {card.licence}. {card.citation}")
    for title, pictures in PICTURES.items():
        st.subheader(title)
        for draw in pictures:
            display.show(draw(found))


@st.cache_resource(show_spinner=False)
def _explore(path: str) -> Exploration:
    return explore(path)
