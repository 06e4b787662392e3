"""The third page: many files, or a zip of them, as a table."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import streamlit as st

from affekt.answer_table import into_csv
from affekt.app import display, session
from affekt.archives import ZIP_START, read_audio_files
from affekt.emotions import emotion_style, sort_emotions
from affekt.errors import AffektError
from affekt.prediction import Answer, predict_many


def page() -> None:
    """Upload, listen with a bar, look, sort and take home."""
    st.title("Many recordings at once")
    files = st.file_uploader(
        "Drop recordings, or a zip of them; up to 200 MB each", accept_multiple_files=True, key="many"
    )
    if files:
        _show(_answers(files))
    elif kept := st.session_state.get("answers"):  # of before another page was looked at
        st.caption(display.plain(kept[2]))
        _show(kept[1])
        st.button("Forget these", on_click=st.session_state.pop, args=("answers",))
    else:
        st.info("Each file becomes a row; one that cannot be heard is a row with its reason.", icon="📂")


def _answers(files: list[Any]) -> list[Answer]:
    """Listened to once, however often the page is drawn."""
    model = session.bundle()
    key = [file.file_id for file in files], model.contract.sha256, session.voice()
    kept = st.session_state.get("answers")
    if kept is None or kept[0] != key:
        done: list[Answer] = []
        with st.status(f"Listening to {len(files)} uploads", expanded=True) as status:
            bar = st.progress(0.0)
            for i, file in enumerate(files):
                for answer, share in _listen(file):
                    done.append(answer)
                    behind = (i + share) / len(files)
                    bar.progress(behind, display.plain(f"{len(done)}: {answer.source}"))
            bar.empty()
            failed = sum(one.error is not None for one in done)
            heard = f"{len(done) - failed} of {len(done)} recordings heard by {session.model_name()}"
            status.update(label=display.plain(heard), state="complete", expanded=False)
        kept = key, done, heard
        st.session_state["answers"] = kept
    listened: list[Answer] = kept[1]
    return listened


def _listen(file: Any) -> Iterator[tuple[Answer, float]]:
    """An answer for each recording in an upload, and the share of the upload that is then behind."""
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
    (answer,) = predict_many([display.named(content, name)], session.bundle(), voice=session.voice())
    return answer


def _show(answers: list[Answer]) -> None:
    emotions = session.bundle().contract.emotions
    heard = [one.prediction for one in answers if one.prediction]
    failed = [one for one in answers if one.error]
    counts = Counter(one.emotion for one in heard)
    said = [
        f"{emotion_style(name).emoji} {display.plain(name)} **{counts[name]}**"
        for name in sort_emotions(counts)
    ]
    st.markdown(" · ".join([*said, *([f"🙉 not heard **{len(failed)}**"] if failed else [])]))
    st.dataframe(
        [_row(one) for one in answers],
        hide_index=True,
        key="answers table",
        width="stretch",
        column_config={
            "confidence": st.column_config.ProgressColumn(
                "confidence", min_value=0, max_value=100, format="%.0f %%"
            ),
            "length": st.column_config.NumberColumn("length", format="%.1f s"),
        },
    )
    st.download_button(
        "Download the table (CSV)",
        _csv(answers, emotions),
        "predictions.csv",
        "text/csv",
        icon="⬇️",
        type="primary",
    )


def _row(answer: Answer) -> dict[str, Any]:
    heard = answer.prediction
    if heard is None:
        return {"file": answer.source, "emotion": "🙉 not heard", "confidence": None, "length": None,
                "why": str(answer.error)}  # fmt: skip
    return {
        "file": answer.source,
        "emotion": f"{emotion_style(heard.emotion).emoji} {heard.emotion}",
        "confidence": 100 * heard.confidence,
        "length": heard.duration_s,
        "why": "",
    }


def _csv(answers: Iterable[Answer], emotions: tuple[str, ...]) -> str:
    file = io.StringIO(newline="")
    for _ in into_csv(answers, file, emotions):
        pass
    return file.getvalue()
