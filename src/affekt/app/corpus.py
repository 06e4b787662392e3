"""The page *Corpus*, shown if the app was started with a corpus: the figures of ``affekt explore``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from affekt.app import display, session
from affekt.errors import AffektError
from affekt.experiments.exploration import Exploration, explore
from affekt.reports import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES: dict[str, tuple[Callable[[Exploration], Figure], ...]] = {
    "Clips": (figures.counts,),
    "Recording conditions": (figures.recordings, figures.levels_by_emotion),
    "Emotions and speakers": (figures.clip_map, figures.separation),
    "Correlated features": (figures.correlation,),
}


def page() -> None:
    """Show the corpus that the app was started with, its licence and its figures."""
    path = session.options().corpus or ""
    st.title("The corpus")
    try:
        with st.spinner("Extracting the features of every clip", show_time=True):
            exploration = _explore(path)
    except AffektError as error:
        st.error(display.sentence(str(error)), icon=":material/error:")
        return
    corpus = exploration.corpus
    counts = len(exploration.clips), len(corpus.emotions)
    st.markdown(display.fill("**{}**: {} clips, {} emotions", corpus.name, *counts))
    for card in corpus.cards:
        st.caption(display.fill("{}. Licence: {}. {}", card.title, card.licence, card.citation))
    for title, functions in FIGURES.items():
        st.subheader(display.plain(title))
        for draw in functions:
            display.show(draw(exploration))


@st.cache_resource(show_spinner=False)
def _explore(path: str) -> Exploration:
    return explore(path)
