"""The page *Models*: which model predicts, how good it is, on what it was trained, and what it is for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import streamlit as st

from affekt.app import display, pictures, session
from affekt.app.limits import limits
from affekt.errors import BundleError
from affekt.evaluation.protocols import PROTOCOLS
from affekt.metrics import METRIC_TITLES
from affekt.model.bundle import parse
from affekt.model.calibration import Reliability
from affekt.model.contract import Contract
from affekt.model.intended_use import SHORT as INTENDED_USE
from affekt.reports import figures
from affekt.reports.figures.style import CaptionedFigure

METRICS = ("accuracy", "uar", "macro_f1")
BY_CORPUS = Path(__file__).with_name("scores_by_corpus.json")
"""Scores of the bundled model on each corpus, which tools/make_scores_by_corpus.py writes."""
# What was done for a score, for those who do not know the protocol's name.
IN_WORDS = {
    "by-actor-5": "the speakers were put into five groups, and each group was predicted by a model that "
    "was trained on the others",
    "emobox-6": "the speakers were put into six groups, and each group was predicted by a model that was "
    "trained on the others",
    "leave-one-speaker-out": "each speaker was predicted by a model that was trained on the others",
    "leave-one-corpus-out": "each corpus was predicted by a model that was trained on the others",
}


def page() -> None:
    """Show the model in use, and let the visitor upload their own."""
    st.title("Models")
    default = session.default_model_name()
    own = session.own_model() is not None
    model = session.bundle()
    contract = model.contract
    st.subheader("Your model" if own else display.plain(f"{default[0].upper()}{default[1:]}"))
    if own:
        st.button(display.fill("Go back to {}", default), on_click=session.use_model, args=(None,))
    st.markdown("It tells these emotions apart: " + display.emotion_labels(contract.emotions))
    _show_scores(contract)
    _show_corpora(contract)
    _show_errors(contract)
    _show_training(contract, model.feature_set.name)
    st.subheader("Intended use")
    st.markdown(INTENDED_USE)
    _show_uploader()


def _show_uploader() -> None:
    st.subheader("Use a model of your own")
    if not limits().own_model:
        st.markdown("This demo uses its own model alone. Install affekt to use yours.")
        return
    st.file_uploader("A file made by *affekt train*", type=["onnx"], key="model file", on_change=_take)
    if reason := st.session_state.get("model error"):
        st.error("**This model is not used.** " + display.sentence(reason), icon=":material/error:")


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


def _show_scores(contract: Contract) -> None:
    scores = contract.scores
    st.subheader("How often is it right?")
    st.markdown(display.fill("**{}**: {}.", scores.protocol_label, explain_protocol(scores.protocol)))
    if scores.leaky:
        st.error("These are not scores on unseen speakers.", icon=":material/error:")
    for column, metric in zip(st.columns(len(METRICS)), METRICS, strict=True):
        score = scores.headlines[metric]
        column.metric(display.plain(METRIC_TITLES[metric]), display.fill("{:.1%}", score.value))
        template = "95 % interval: {}" if score.no_interval else "95 % interval: {} %"
        column.caption(display.fill(template, score.interval))
    st.caption(
        display.fill("{} clips. Guessing is right in {:.1%} of cases (chance).", scores.n, scores.chance)
    )
    if scores.coverage is not None and scores.set_size is not None:
        st.markdown(
            display.fill(
                "The 90 % prediction set contains the true emotion for {:.1%} of the clips; it contains "
                "{:.1f} emotions on average. The 90 % are an average over "
                "{}: they are measured, not guaranteed.",
                scores.coverage,
                scores.set_size,
                contract.averaged_over,
            )
        )


def explain_protocol(name: str) -> str:
    """Return in words what was done for scores by this protocol."""
    known = PROTOCOLS.get(name)
    return IN_WORDS.get(name) or (known.description if known else "a protocol that affekt does not know")


def _show_corpora(contract: Contract) -> None:
    """Show the scores on each corpus, which are known for the bundled model alone."""
    found = json.loads(BY_CORPUS.read_text(encoding="utf-8"))
    if found["model"] != contract.sha256:
        return
    st.subheader("For whom is it right?")
    st.markdown(
        "The model is made for speakers and languages like those that it was trained on, and may fail for "
        "others. "
        "Accuracy on spoken clips:"
    )
    pictures.show_table(
        [
            {
                "corpus": one["corpus"],
                "trained on it": one["trained on it"],
                "accuracy": f"{one['accuracy']:.1%}",
                "95 % interval": f"{one['interval']} %",
                "clips": str(one["clips"]),
                "speakers": str(one["speakers"]),
            }
            for one in found["rows"]
        ]
    )
    st.caption(
        "For corpora that it was trained on, the scores are those of models that were not trained on the "
        "tested speakers. All eight emotions could be predicted: chance is 12.5 %. EMO-DB was looked at "
        "during development, though nothing was chosen by it."
    )


def _show_errors(contract: Contract) -> None:
    scores = contract.scores
    st.subheader("What does it confuse, and how sure is it?")
    matrix = np.array(scores.confusion_matrix)
    shares, clips, confidence = st.tabs(["Confused emotions, %", "In clips", "Confidence"])
    with shares:
        _show_figure(figures.draw_confusion(matrix, contract.emotions))
    with clips:
        _show_figure(figures.draw_confusion_counts(matrix, contract.emotions))
    with confidence:
        bins = {name: np.array(values) for name, values in scores.reliability.items()}
        _show_figure(figures.draw_calibration(Reliability(**bins)))


def _show_figure(figure: CaptionedFigure) -> None:
    pictures.show(pictures.draw(figure, dark=pictures.is_dark()))


def _show_training(contract: Contract, features: str) -> None:
    st.subheader("What was it trained on?")
    for corpus in contract.corpora:
        trained = corpus.name, corpus.clips, len(corpus.speakers), corpus.licence
        st.markdown(display.fill("**{}**: {} clips of {} speakers. Licence: {}", *trained))
        if corpus.citation:
            st.caption(display.plain(corpus.citation))
    made = contract.recipe, features, contract.seed, contract.sha256
    st.caption(display.fill("Recipe {}, features {}, seed {}, sha256 {}", *made))
