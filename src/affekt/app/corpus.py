"""The page *Corpus*, shown if the app was started with a corpus: the figures of ``affekt explore``."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from affekt.app import display, pictures, session
from affekt.app.pictures import Picture
from affekt.errors import AffektError
from affekt.experiments.exploration import Exploration, explore
from affekt.reports import figures
from affekt.reports.figures.style import CaptionedFigure

FIGURES: dict[str, tuple[Callable[[Exploration], CaptionedFigure], ...]] = {
    "What is in it?": (figures.counts,),
    "How was it recorded?": (figures.recordings, figures.levels_by_emotion),
    "Do clips of an emotion resemble each other, or those of a speaker?": (
        figures.clip_map,
        figures.separation,
    ),
    "Which features say the same?": (figures.correlation,),
}


def page() -> None:
    """Show the corpus that the app was started with, its licence and its figures."""
    path = session.options().corpus or ""
    st.title("The corpus")
    try:
        with st.spinner("Reading every clip: this takes a minute for a thousand", show_time=True):
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
            pictures.show(_draw(path, draw.__name__, dark=pictures.is_dark()))


@st.cache_resource(show_spinner=False)
def _explore(path: str) -> Exploration:
    return explore(path)


@st.cache_resource(show_spinner=False)
def _draw(path: str, name: str, *, dark: bool) -> Picture:
    """Draw a figure once for all visitors with this theme."""
    draw: Callable[[Exploration], CaptionedFigure] = getattr(figures, name)
    return pictures.draw(draw(_explore(path)), dark=dark)
