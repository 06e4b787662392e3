"""The page *Why*: what the answer rests on, with sounds."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st

from affekt.app import display, session
from affekt.app.listen import show_error
from affekt.app.session import Recording, Result
from affekt.inference.adaptation import ready_voice
from affekt.inference.explanation import MAX_EXPLAINED_S, Explanation, explain_waveform
from affekt.inference.explanation_page import STYLE, explanation_page, explanation_sections


def page() -> None:
    """Explain the answer to the recording, once it is asked for."""
    st.title("Why this answer?")
    chosen = session.recording()
    if chosen is None:
        st.markdown("First choose a recording; then this page shows what the answer to it rests on.")
        display.link("", "Open *Listen*", ":material/hearing:")
        return
    if chosen.stated_s > MAX_EXPLAINED_S:
        st.markdown(
            display.fill(
                "**{}** has {:.1f} s. Answers to recordings of up to {:.0f} s can be explained: choose a "
                "shorter part of it.",
                chosen.name,
                chosen.stated_s,
                MAX_EXPLAINED_S,
            )
        )
        return
    result = session.result()
    if isinstance(result, Result):
        _explain(chosen, result)
    elif result is not None:
        show_error(chosen, result)


def _explain(chosen: Recording, result: Result) -> None:
    prediction = result.prediction
    st.markdown(display.fill("The answer to **{}** is: **{}**.", chosen.name, prediction.in_words))
    sound = session.find("sound", lambda one: display.playable(one.content, one.name))
    if isinstance(sound, tuple):
        st.audio(sound[0], format=sound[1])
    ranked = sorted(prediction.probabilities, key=lambda name: -prediction.probabilities[name])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        emotion = st.selectbox(
            "Why, or why not", ranked, key="explained", format_func=display.emotion_label, width=220
        )
        asked = st.button("Explain", icon=":material/help:")
    name = f"explanation of {emotion}"
    if not asked and session.found(name) is None:
        st.markdown(
            "affekt then predicts the recording a few hundred times, with parts of the sound left out and "
            "with the voice changed. This takes ten seconds, or thirty on a busy computer."
        )
        return
    place = st.empty()  # so that no other explanation is shown meanwhile
    found = session.find(
        name,
        lambda chosen: explain_result(result, chosen.name, emotion),
        "Predicting with parts left out",
        "Predicting with the voice changed",
    )
    if isinstance(found, Explanation):
        with place.container():
            _show(found)
    elif found is not None:
        st.error(display.sentence(f"the prediction cannot be explained: {found}"))


def explain_result(result: Result, name: str, emotion: str) -> Explanation:
    """Return the explanation of an answer, as ``affekt.explain`` finds it."""
    model = session.bundle()
    return explain_waveform(
        result.waveform,
        model,
        name=name,
        emotion=emotion,
        voice=ready_voice(session.voice(), model),
        allowed=model.contract.emotions,
        progress=True,
    )


def _show(found: Explanation) -> None:
    html = explanation_sections(found)
    display.show_html(html, STYLE.read_text(encoding="utf-8"), key="explanation")
    st.download_button(
        "Download this explanation as a page",
        lambda: explanation_page(found),
        f"{PurePath(found.source).stem} - why {found.emotion}.html",
        "text/html",
        icon=":material/download:",
        on_click="ignore",
    )
