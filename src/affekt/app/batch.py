"""The page *Many files*: a table of predictions for several files, or for a zip archive of them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import streamlit as st

from affekt.app import display, session
from affekt.audio.archives import ZIP_START, read_audio_files
from affekt.emotions import emotion_style, sort_emotions
from affekt.errors import AffektError
from affekt.inference.answer_table import into_csv
from affekt.inference.prediction import Answer, predict_many

ERROR = "error"


def page() -> None:
    """Upload files, see their predictions in a table, and download it as CSV."""
    st.title("Many files")
    files = st.file_uploader(
        "Recordings, or a zip archive of them; up to 200 MB each", accept_multiple_files=True, key="files"
    )
    if files:
        _show(_answers(files))
    elif kept := st.session_state.get("answers"):  # from before the visitor left this page
        st.caption(display.plain(kept[2]))
        _show(kept[1])
        st.button("Forget these", on_click=st.session_state.pop, args=("answers",))
    else:
        st.info(
            "Each file becomes a row; a file that cannot be used has its error instead.",
            icon=":material/folder_open:",
        )


def _answers(files: list[Any]) -> list[Answer]:
    """Predict the uploaded files, once for each model and voice."""
    key = [file.file_id for file in files], session.bundle().contract.sha256, session.voice()
    kept = st.session_state.get("answers")
    if kept is None or kept[0] != key:
        kept = key, *_predict(files)
        st.session_state["answers"] = kept
    answers: list[Answer] = kept[1]
    return answers


def _predict(files: list[Any]) -> tuple[list[Answer], str]:
    """Predict the uploaded files under a progress bar; return the answers and a summary."""
    answers: list[Answer] = []
    with st.status(display.fill("Predicting {} uploads", len(files)), expanded=True) as status:
        bar = st.progress(0.0)
        for i, file in enumerate(files):
            for answer, share in _predict_upload(file):
                answers.append(answer)
                bar.progress((i + share) / len(files), display.fill("{}: {}", len(answers), answer.source))
        bar.empty()
        predicted = sum(one.prediction is not None for one in answers)
        summary = f"{predicted} of {len(answers)} recordings predicted by {session.model_description()}"
        status.update(label=display.plain(summary), state="complete", expanded=False)
    return answers, summary


def _predict_upload(file: Any) -> Iterator[tuple[Answer, float]]:
    """Yield an answer for each recording in an upload, and the share of the upload that is done."""
    content = file.getvalue()
    if not content.startswith(ZIP_START):
        yield _answer(content, file.name), 1.0
        return
    try:
        for name, member, share in read_audio_files(content, file.name):
            if isinstance(member, AffektError):
                yield Answer(name, error=member), share
            else:
                yield _answer(member, name), share
    except AffektError as error:
        yield Answer(file.name, error=error.with_traceback(None)), 1.0


def _answer(content: bytes, name: str) -> Answer:
    file = display.named_file(content, name)
    (answer,) = predict_many([file], session.bundle(), voice=session.voice())
    return answer


def _show(answers: list[Answer]) -> None:
    st.markdown(summarise(answers))
    st.dataframe(
        [row(one) for one in answers],
        hide_index=True,
        key="answers table",
        width="stretch",
        placeholder="",
        column_config={
            "confidence": st.column_config.ProgressColumn(
                "confidence", min_value=0, max_value=100, format="%.0f %%"
            ),
            "length": st.column_config.NumberColumn("length", format="%.1f s"),
        },
    )
    st.download_button(
        "Download the table (CSV)",
        to_csv(answers, session.bundle().contract.emotions),
        "predictions.csv",
        "text/csv",
        icon=":material/download:",
        type="primary",
    )


def summarise(answers: Iterable[Answer]) -> str:
    """Return how many answers there are of each emotion and how many errors, as Markdown."""
    counts = Counter(one.prediction.emotion if one.prediction else ERROR for one in answers)
    failed = counts.pop(ERROR, 0)
    parts = [f"{display.emotion_label(name)} **{counts[name]}**" for name in sort_emotions(counts)]
    return " · ".join([*parts, *([f":material/error: {ERROR} **{failed}**"] if failed else [])])


def row(answer: Answer) -> dict[str, Any]:
    """Return an answer as a row of the table."""
    found = answer.prediction
    return {
        "file": answer.source,
        "emotion": f"{emotion_style(found.emotion).emoji} {found.emotion}" if found else ERROR,
        "confidence": 100 * found.confidence if found else None,
        "length": found.duration_s if found else None,
        "error": str(answer.error or ""),
    }


def to_csv(answers: Iterable[Answer], emotions: tuple[str, ...]) -> str:
    """Return the answers as CSV, as ``affekt predict --csv`` writes them."""
    file = io.StringIO(newline="")
    for _ in into_csv(answers, file, emotions):
        pass
    return file.getvalue()
