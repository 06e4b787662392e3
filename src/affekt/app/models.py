"""The page *Models*: which model predicts, how it was trained, its scores and its intended use."""

from __future__ import annotations

import numpy as np
import streamlit as st

from affekt.app import display, session
from affekt.errors import BundleError
from affekt.metrics import METRIC_TITLES
from affekt.model.bundle import parse
from affekt.model.calibration import Reliability
from affekt.model.contract import Contract, ContractScores
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
        st.error(f"**This model is not used.** {display.sentence(reason)}", icon=":material/error:")
    default = session.default_model_name()
    own = session.own_model() is not None
    st.subheader("Your model" if own else f"{default[0].upper()}{default[1:]}")
    if own:
        st.button(f"Go back to {default}", on_click=session.use_model, args=(None,))
    model = session.bundle()
    contract = model.contract
    _show_training(contract, model.feature_set.name)
    _show_scores(contract.scores, contract.emotions)
    st.subheader("Intended use")
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
        session.use_model(parse(file.getvalue(), file.name))
    except BundleError as error:
        st.session_state["model error"] = str(error)
        session.use_model(None)


def _show_training(contract: Contract, features: str) -> None:
    st.markdown(f"Emotions: {' · '.join(map(display.emotion_label, contract.emotions))}")
    st.markdown(
        f"Recipe **{display.plain(contract.recipe)}**, features **{display.plain(features)}**, "
        f"seed {contract.seed}"
    )
    for corpus in contract.corpora:
        st.markdown(
            f"Trained on **{display.plain(corpus.name)}**: {corpus.clips} clips of "
            f"{len(corpus.speakers)} speakers. Licence: {display.plain(corpus.licence)}"
        )
        if corpus.citation:
            st.caption(display.plain(corpus.citation))


def _show_scores(scores: ContractScores, emotions: tuple[str, ...]) -> None:
    st.subheader("Scores by cross-validation")
    badge = st.error if scores.leaky else st.success
    badge(f"{display.plain(scores.protocol_label)}: {scores.n} clips, chance {scores.chance:.1%}")
    for column, metric in zip(st.columns(len(METRICS)), METRICS, strict=True):
        score = scores.headlines[metric]
        column.metric(METRIC_TITLES[metric], f"{score.value:.1%}")
        column.caption(f"95 % interval: {score.interval}{' %' * (not score.no_interval)}")
    if scores.coverage is not None and scores.set_size is not None:
        st.markdown(
            f"The 90 % prediction set contains the true emotion for {scores.coverage:.1%} of the clips; it "
            f"contains {scores.set_size:.1f} emotions on average."
        )
    display.show(figures.draw_confusion(np.array(scores.confusion_matrix), emotions))
    bins = {name: np.array(values) for name, values in scores.reliability.items()}
    display.show(figures.draw_calibration(Reliability(**bins)))
