"""The page *Models*: which model predicts, how it was trained, its scores and its intended use."""

from __future__ import annotations

import numpy as np
import streamlit as st

from affekt.app import display, session
from affekt.errors import BundleError
from affekt.metrics import METRIC_TITLES
from affekt.model.bundle import parse
from affekt.model.calibration import Reliability
from affekt.model.contract import Contract
from affekt.model.intended_use import SHORT as INTENDED_USE
from affekt.reports import figures

METRICS = ("accuracy", "uar", "macro_f1")


def page() -> None:
    """Show the model in use, and let the visitor upload their own."""
    st.title("Models")
    st.file_uploader(
        "A model of your own, made by *affekt train*", type=["onnx"], key="model file", on_change=_take
    )
    if reason := st.session_state.get("model error"):
        st.error("**This model is not used.** " + display.sentence(reason), icon=":material/error:")
    default = session.default_model_name()
    own = session.own_model() is not None
    st.subheader("Your model" if own else display.plain(f"{default[0].upper()}{default[1:]}"))
    if own:
        st.button(display.fill("Go back to {}", default), on_click=session.use_model, args=(None,))
    model = session.bundle()
    contract = model.contract
    _show_training(contract, model.feature_set.name)
    _show_scores(contract)
    st.subheader("Intended use")
    st.markdown(INTENDED_USE)
    st.caption(display.fill("sha256 {}", contract.sha256))


def _take() -> None:
    """Use the uploaded model, unless it is refused."""
    file = st.session_state["model file"]
    st.session_state["model error"] = ""
    if file is None:
        session.use_model(None)
        return
    try:
        session.use_model(parse(file.getvalue(), file.name))
    except BundleError as error:
        st.session_state["model error"] = str(error)
        session.use_model(None)


def _show_training(contract: Contract, features: str) -> None:
    st.markdown("Emotions: " + display.emotion_labels(contract.emotions))
    made = contract.recipe, features, contract.seed
    st.markdown(display.fill("Recipe **{}**, features **{}**, seed {}", *made))
    for corpus in contract.corpora:
        trained = corpus.name, corpus.clips, len(corpus.speakers), corpus.licence
        st.markdown(display.fill("Trained on **{}**: {} clips of {} speakers. Licence: {}", *trained))
        if corpus.citation:
            st.caption(display.plain(corpus.citation))


def _show_scores(contract: Contract) -> None:
    scores = contract.scores
    st.subheader("Scores by cross-validation")
    badge = st.error if scores.leaky else st.success
    terms = scores.protocol_label, scores.n, scores.chance
    badge(display.fill("{}: {} clips, chance {:.1%}", *terms))
    for column, metric in zip(st.columns(len(METRICS)), METRICS, strict=True):
        score = scores.headlines[metric]
        column.metric(display.plain(METRIC_TITLES[metric]), display.fill("{:.1%}", score.value))
        template = "95 % interval: {}" if score.no_interval else "95 % interval: {} %"
        column.caption(display.fill(template, score.interval))
    if scores.coverage is not None and scores.set_size is not None:
        st.markdown(
            display.fill(
                "The 90 % prediction set contains the true emotion for {:.1%} of the clips; it contains "
                "{:.1f} emotions on average. The 90 % are promised for {}.",
                scores.coverage,
                scores.set_size,
                contract.promised_for,
            )
        )
    display.show(figures.draw_confusion(np.array(scores.confusion_matrix), contract.emotions))
    bins = {name: np.array(values) for name, values in scores.reliability.items()}
    display.show(figures.draw_calibration(Reliability(**bins)))
