"""The fifth page: which model answers, what it was made of, and how far to trust it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from affekt import figures
from affekt.app import display, session
from affekt.bundle import Bundle, Contract, parse
from affekt.confidence import Reliability
from affekt.emotions import emotion_style
from affekt.errors import BundleError

INTENDED_USE = (
    "For research, for teaching and for looking into one's own recordings. Not for judging people: a tone "
    "of voice is not a feeling, and what models learn from is mostly acted. In the European Union it is "
    "forbidden to infer emotions of people at work and in schools (AI Act, Article 5)."
)
TITLES = {"accuracy": "accuracy", "uar": "UAR", "macro_f1": "macro F1"}


def page() -> None:
    """Choose a model, then its contract and its scores."""
    st.title("The model that answers")
    st.file_uploader(
        "A model of your own, made by *affekt train*", type=["onnx"], key="model file", on_change=_take
    )
    if reason := st.session_state.get("model error"):
        st.error(f"**This model is not used.** {display.plain(reason)}", icon="🚫")
    model = session.bundle()
    contract = model.contract
    own = st.session_state.get("own model") is not None
    st.subheader("Your model" if own else "The model that comes with affekt")
    if own:
        st.button("Go back to the model that comes with affekt", on_click=session.use_model, args=(None,))
    _facts(contract)
    _scores(contract)
    st.subheader("What it is for")
    st.markdown(INTENDED_USE)
    st.caption(f"sha256 {contract.sha256}")


def _take() -> None:
    """Use the uploaded model, unless it is refused."""
    file = st.session_state["model file"]
    st.session_state["model error"] = ""
    if file is None:
        session.use_model(None)
        return
    try:
        model: Bundle = parse(file.getvalue(), file.name)
    except BundleError as error:
        st.session_state["model error"] = str(error)
        session.use_model(None)
    else:
        session.use_model(model)


def _facts(contract: Contract) -> None:
    emotions = " · ".join(
        f"{emotion_style(name).emoji} {display.plain(name)}" for name in contract.emotions
    )
    st.markdown(
        f"It answers: {emotions}\n\n"
        f"Recipe **{display.plain(contract.recipe)}**, features **{contract.features}**, "
        f"seed {contract.seed}"
    )
    for corpus in contract.corpora:
        st.markdown(
            f"Trained on **{display.plain(corpus.name)}**: {corpus.clips} clips of "
            f"{len(corpus.speakers)} speakers. Licence: {display.plain(corpus.licence)}"
        )
        if corpus.citation:
            st.caption(display.plain(corpus.citation))


def _scores(contract: Contract) -> None:
    scores = contract.scores
    st.subheader("How good it is")
    badge = st.error if scores.leaky else st.success
    badge(f"{display.plain(scores.protocol_label)}: {scores.n} clips, chance {scores.chance:.1%}")
    columns = st.columns(len(TITLES))
    for column, (name, title) in zip(columns, TITLES.items(), strict=True):
        score = scores.headlines[name]
        column.metric(title, f"{score.value:.1%}")
        column.caption(f"95 %: {100 * score.low:.1f} to {100 * score.high:.1f}")
    for figure in (
        figures.draw_confusion(np.array(scores.confusion_matrix), contract.emotions),
        figures.draw_calibration(
            Reliability(**{name: np.array(values) for name, values in scores.reliability.items()})
        ),
    ):
        display.show(figure)
