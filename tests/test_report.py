"""A report is one file that needs nothing else, and says what was found."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.ensemble import RandomForestClassifier

from affekt import figures
from affekt.comparison import Comparison, compare
from affekt.corpora import load
from affekt.corpus import Clip
from affekt.evaluation import Evaluation, summarise
from affekt.evaluation import TestedClip as Answered  # pytest collects what is called Test...
from affekt.exploration import Exploration, explore
from affekt.figures.style import in_percent
from affekt.recipe import Recipe
from affekt.report import SHOWN_MISTAKES, SHOWN_ROWS, write_report
from affekt.scoring import evaluate

FOREST = Recipe(
    name="forest", summary="-", source="-", features="mfcc-mean@1",
    build=lambda seed: RandomForestClassifier(5, max_depth=2, random_state=seed),
)  # fmt: skip
RATE = 16_000
LOADED = {"src", "srcset", "data", "poster", "action", "background", "xlink:href"}


class Page(HTMLParser):
    """What is on a page: its tags, its text, and what is listed under each heading."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.size = file.stat().st_size
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.sections: dict[str, str] = {}
        self.badge = ""
        self.within = ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self.within = "badge" if "badge" in self.tags[-1][1].get("class", "") else tag

    def handle_data(self, data: str) -> None:
        if self.within == "badge":
            self.badge += data
        elif self.within == "h2" and data.strip():
            self.sections[data] = ""
        elif self.sections:
            self.sections[[*self.sections][-1]] += data
        self.text += data if self.within != "style" else ""

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def sounds(self) -> list[tuple[np.ndarray, int]]:
        return [soundfile.read(io.BytesIO(embedded(one["src"], "audio/mpeg"))) for one in self.all("audio")]


def embedded(address: str, kind: str) -> bytes:
    start = f"data:{kind};base64,"
    assert address.startswith(start), address[:60]
    return base64.b64decode(address.removeprefix(start), validate=True)


def write(result: Evaluation | Exploration | Comparison, folder: Path) -> Page:
    write_report(result, folder / "report.html")
    assert [file.name for file in folder.iterdir()] == ["report.html"]
    return Page(folder / "report.html")


# --- three pages -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scored(small_ravdess: Path) -> Evaluation:
    """All that a score can have, but a network's epochs."""
    return evaluate(small_ravdess, recipe=FOREST, for_report=True)


@pytest.fixture(scope="module")
def score_page(scored: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(scored, tmp_path_factory.mktemp("score"))


ODD_NAMES = (
    "<script>alert(1)<b>.wav",
    '"><img src=x onerror=alert(2)>.wav',
    "&lt;tame&gt; {{ 7 * 7 }}.wav",
)
SLY = "<i>sly</i>"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """A leaky score of unknown speakers, two seeds, nothing else; tones in place of voices, one file gone.

    How sure each of its wrong answers is: clip 0 90 % and 55 %, clip 1 80 %, clip 2 70 %, clip 3, the one
    that is gone, 60 %; then many that are 51 % sure.
    """
    folder = tmp_path_factory.mktemp("odd")
    tested = []
    sure = [(0.9, 0.55), (0.8, None), (None, 0.7), (0.6, 0.6), *[(0.51, None)] * 12]
    for i, shares in enumerate(sure):
        path = folder / (ODD_NAMES[i] if i < len(ODD_NAMES) else f"{i}.wav")
        time_s = np.arange(int((0.5 + 0.1 * (i % 4)) * RATE)) / RATE
        loudness = 3 if i == 1 else 0.4  # one that is louder than full scale
        if i != 3:
            soundfile.write(
                path,
                loudness * np.sin(2 * np.pi * (300 + 100 * i) * time_s),
                RATE,
                format="WAV",
                subtype="FLOAT",
            )
        clip = Clip(path=path, emotion="happy" if i % 2 else SLY, speaker="", corpus="<u>own</u>")
        wrong, right = (SLY, clip.emotion) if clip.emotion == "happy" else ("happy", clip.emotion)
        for seed, share in enumerate(shares):
            answer, how_sure = (right, 0.95) if share is None else (wrong, share)
            row = (how_sure, 1 - how_sure) if answer == "happy" else (1 - how_sure, how_sure)
            tested.append(Answered(clip=clip, seed=seed, fold=0, answer=answer, probabilities=row))
    excluded = tuple((f"left-{i}<br>.wav", "is silent") for i in range(SHOWN_ROWS + 5))
    return summarise(
        tested, ("happy", SLY), corpus="<u>own</u>", recipe="<b>bold</b>", protocol="random-80-20",
        protocol_label="random-80-20 (LEAKY: tested speakers were trained on)", leaky=True,
        speakers_overlap=True, excluded=excluded,
    )  # fmt: skip


@pytest.fixture(scope="module")
def odd_page(odd: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(odd, tmp_path_factory.mktemp("odd_page"))


@pytest.fixture(scope="module")
def explored(small_ravdess: Path) -> Exploration:
    corpus = load(small_ravdess)
    some = replace(corpus, clips=corpus.clips[:36])
    found = explore(some, features="mfcc-mean@1")
    return replace(found, columns=found.columns[:6], features=found.features[:, :6])


@pytest.fixture(scope="module")
def corpus_page(explored: Exploration, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(explored, tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def compared(scored: Evaluation, small_ravdess: Path) -> Comparison:
    stump = replace(FOREST, name="stump", build=lambda seed: RandomForestClassifier(1, max_depth=1))
    return compare([scored, evaluate(small_ravdess, recipe=stump)])


@pytest.fixture(scope="module")
def comparison_page(compared: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(compared, tmp_path_factory.mktemp("compared"))


@pytest.fixture(params=["score_page", "odd_page", "corpus_page", "comparison_page"])
def page(request: pytest.FixtureRequest) -> Page:
    return request.getfixturevalue(request.param)


# --- what holds for all of them ----------------------------------------------------------------------


def test_everything_is_in_the_one_file(page: Page) -> None:
    for tag, attributes in page.tags:
        for name in attributes.keys() & LOADED:
            assert attributes[name].startswith("data:"), (tag, name)
        if "href" in attributes:
            assert attributes["href"].startswith(("data:", "#")), tag
        assert not re.search(r"url\(|@import", attributes.get("style", ""))
    assert not {"script", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}


def test_the_styles_load_nothing() -> None:
    from affekt import report

    template = Path(report.__file__).with_name("report.html").read_text(encoding="utf-8")
    (styles,) = re.findall(r"<style>(.*?)</style>", template, re.DOTALL)
    assert not re.search(r"url\(|@import|https?:", styles)


def test_a_browser_is_told_to_ask_nothing_of_any_network(page: Page) -> None:
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy
    assert set(re.findall(r"-src ([^;]+)", policy)) == {"'none'", "data:", "'unsafe-inline'"}


def test_every_picture_is_there_and_says_in_words_what_it_shows(page: Page) -> None:
    assert len(page.all("img")) > 1
    for picture in page.all("img"):
        assert len(picture["alt"]) > 20
        if picture["src"].startswith("data:image/png"):
            assert embedded(picture["src"], "image/png").startswith(b"\x89PNG")
        else:
            assert b"<svg" in embedded(picture["src"], "image/svg+xml")[:1000]


def test_every_sound_can_be_played(page: Page) -> None:
    for one in page.all("audio"):
        info = soundfile.info(io.BytesIO(embedded(one["src"], "audio/mpeg")))
        assert info.format == "MP3"
        assert 0.4 < info.duration < 1.1
        assert one["aria-label"]
        assert "controls" in one


def test_pages_that_speak_of_clips_have_sounds(score_page: Page, odd_page: Page, corpus_page: Page) -> None:
    assert score_page.all("audio")
    assert odd_page.all("audio")
    assert corpus_page.all("audio")


def test_links_lead_to_the_sections(page: Page) -> None:
    targets = [link["href"].removeprefix("#") for link in page.all("a")]
    assert targets == [heading["id"] for heading in page.all("h2")]
    assert len(targets) == len(page.sections) == len(set(targets))


def test_a_page_is_small(page: Page) -> None:
    assert page.size < 3_000_000


def test_a_page_names_its_language_its_title_and_the_version_that_made_it(page: Page) -> None:
    from importlib.metadata import version

    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == len(page.all("h1")) == 1
    assert f"Made by affekt {version('affekt')}" in page.text


# --- a score -----------------------------------------------------------------------------------------


def test_a_score_page_has_all_its_sections(score_page: Page) -> None:
    assert list(score_page.sections) == [
        "How good is it?",
        "Which emotions?",
        "On whom?",
        "How far to trust it?",
        "What it listens to",
        "Where it is surely wrong",
    ]


def test_both_kinds_of_score_stand_side_by_side_with_their_difference(
    score_page: Page, scored: Evaluation
) -> None:
    assert scored.counterpart is not None
    text = score_page.sections["How good is it?"]
    for one in (scored, scored.counterpart):
        for score in one.headlines.values():
            assert f"{in_percent(score.value)} ({100 * score.low:.1f} to {100 * score.high:.1f})" in text
    assert "by-actor-5, 120 clips" in text
    assert "random-80-20 LEAKY, 24 clips" in text
    gap = scored.counterpart.headlines["uar"].value - scored.headlines["uar"].value
    assert f"{100 * gap:+.1f}" in text


def test_the_badge_of_an_honest_score_is_its_protocol(score_page: Page) -> None:
    badges = [one["class"] for one in score_page.all("span") if "badge" in one.get("class", "")]
    assert badges == ["badge"]
    assert score_page.badge == "by-actor-5"
    assert "no score on unseen voices" not in score_page.text


def test_each_emotion_has_its_row(score_page: Page, scored: Evaluation) -> None:
    text = score_page.sections["Which emotions?"]
    for name, one in scored.per_emotion.items():
        cells = [in_percent(value) for value in (one.precision, one.recall, one.f1)]
        assert f"{name}{''.join(cells)}{one.support}" in text


def test_pictures_are_those_of_this_score(score_page: Page, scored: Evaluation) -> None:
    drawn = [picture["alt"] for picture in score_page.all("img")]
    for function in (
        figures.confusion,
        figures.emotions,
        figures.speakers,
        figures.slices,
        figures.calibration,
    ):
        assert str(function(scored).get_label()) in drawn
    assert str(figures.importances(scored).get_label()) in drawn


def test_the_badge_of_a_leaky_score_says_so(odd_page: Page) -> None:
    badges = [one["class"] for one in odd_page.all("span") if "badge" in one.get("class", "")]
    assert badges == ["badge warn"]
    assert odd_page.badge == "random-80-20 (LEAKY: tested speakers were trained on)"
    assert "no score on unseen voices" in odd_page.text


def test_what_is_not_known_of_a_score_has_no_section(odd_page: Page) -> None:
    """No counterpart, no importances, no epochs, no speakers, nothing to slice by."""
    assert list(odd_page.sections) == [
        "How good is it?",
        "Which emotions?",
        "How far to trust it?",
        "Where it is surely wrong",
        "Left out",
    ]
    assert "of unknown speakers" in odd_page.text


def test_the_epochs_of_a_network_are_drawn(
    odd: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {name: np.array([0.9, 0.5]) for name in ("train_loss", "valid_loss", "valid_acc")}
    for name in ("headlines", "emotions", "confusion", "calibration", "coverage"):
        monkeypatch.setattr(figures, name, lambda *_, **__: None)
    found = write(replace(odd, histories=(told,), tested=()), tmp_path)
    assert list(found.sections) == ["How good is it?", "Which emotions?", "How it learnt", "Left out"]
    assert len(found.all("img")) == 1


def test_names_cannot_become_code(odd_page: Page) -> None:
    """Neither of files nor of emotions, corpora or recipes."""
    assert not {"script", "i", "u", "br"} & {tag for tag, _ in odd_page.tags}
    assert not any("onerror" in attributes for _, attributes in odd_page.tags)
    assert all(picture["src"].startswith("data:") for picture in odd_page.all("img"))
    for name in (*ODD_NAMES, SLY, "<b>bold</b> on <u>own</u>", "left-0<br>.wav"):
        assert name in odd_page.text


def mistakes_of(page: Page) -> list[tuple[str, int]]:
    """File name and how sure, of each mistake that is shown."""
    text = page.sections["Where it is surely wrong"]
    return [
        (name, int(sure)) for sure, name in re.findall(r", heard as .*? \((\d+)% sure\): (.*?\.wav)", text)
    ]


def test_the_surest_mistakes_are_shown_the_surest_first_and_each_clip_once(odd_page: Page) -> None:
    shown = mistakes_of(odd_page)
    assert shown[:4] == [(ODD_NAMES[0], 90), (ODD_NAMES[1], 80), (ODD_NAMES[2], 70), ("3.wav", 60)]
    assert len(shown) == len({name for name, _ in shown}) == SHOWN_MISTAKES
    assert f"{SLY}, heard as 😊 happy (90% sure)" in odd_page.text


def test_what_is_heard_is_the_clip_that_is_named(odd_page: Page) -> None:
    numbers = [0, 1, 2, *range(4, SHOWN_MISTAKES)]
    sounds = odd_page.sounds()
    assert len(sounds) == len(numbers)
    for number, (samples, rate) in zip(numbers, sounds, strict=True):
        loudest = np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)
        assert loudest == pytest.approx(300 + 100 * number, abs=5)
        assert len(samples) / rate == pytest.approx(0.5 + 0.1 * (number % 4), abs=0.1)
        middle = samples[len(samples) // 4 : -len(samples) // 4]
        assert np.abs(middle).max() == pytest.approx(1 if number == 1 else 0.4, rel=0.1)


def test_a_clip_that_is_gone_has_a_message_in_its_place(odd_page: Page) -> None:
    text = odd_page.sections["Where it is surely wrong"]
    assert re.search(r"3\.wav\s*there is no file", text)


def test_of_many_clips_left_out_some_are_named_and_the_others_counted(odd_page: Page) -> None:
    text = odd_page.sections["Left out"]
    assert text.count("is silent") == SHOWN_ROWS
    assert "and 5 more" in text


# --- a corpus ----------------------------------------------------------------------------------------


def test_a_corpus_page_has_all_its_sections(corpus_page: Page) -> None:
    assert list(corpus_page.sections) == [
        "What is in it",
        "How it was recorded",
        "Emotions or voices?",
        "Its features",
        "What it sounds like",
    ]


def test_a_corpus_page_begins_with_the_counts(corpus_page: Page) -> None:
    for words in ("36clips that can be used", "3speakers", "3emotions", "22 sof sound"):
        assert words in corpus_page.text
    assert "CC BY-NC-SA 4.0" in corpus_page.text


def test_problems_are_named_and_of_many_the_first(corpus_page: Page, explored: Exploration) -> None:
    text = corpus_page.sections["What is in it"]
    missing = explored.check.missing
    assert len(missing) == 1440 - 36
    assert all(f"missing: {name}" in text for name in missing[:SHOWN_ROWS])
    assert f"missing: {missing[SHOWN_ROWS]}" not in text
    assert f"Problems: {len(missing) + 1}" in text
    assert f"and {len(missing) + 1 - SHOWN_ROWS} more" in text


def test_every_feature_is_drawn(corpus_page: Page, explored: Exploration) -> None:
    drawn = " ".join(picture["alt"] for picture in corpus_page.all("img") if "Histograms" in picture["alt"])
    assert all(column in drawn for column in explored.columns)


def most_typical(explored: Exploration, emotion: str) -> str:
    """Name of the clip nearest to the mean of its emotion, columns on equal footing."""
    scaled = (explored.features - explored.features.mean(axis=0)) / explored.features.std(axis=0)
    own = [i for i, clip in enumerate(explored.clips) if clip.emotion == emotion]
    centre = np.mean([scaled[i] for i in own], axis=0)
    return explored.clips[min(own, key=lambda i: np.linalg.norm(scaled[i] - centre))].path.name


def test_of_each_emotion_the_most_typical_clip_is_heard(corpus_page: Page, explored: Exploration) -> None:
    text = corpus_page.sections["What it sounds like"]
    named = re.findall(r"(neutral|happy|angry): (\S+\.wav)", text)
    assert named == [
        (emotion, most_typical(explored, emotion)) for emotion in ("neutral", "happy", "angry")
    ]
    for (_, name), (samples, rate) in zip(named, corpus_page.sounds(), strict=True):
        (path,) = [clip.path for clip in explored.clips if clip.path.name == name]
        original, own_rate = soundfile.read(path)
        assert len(samples) / rate == pytest.approx(len(original) / own_rate, abs=0.1)
        assert samples.std() == pytest.approx(original.std(), rel=0.15)


@pytest.fixture
def _hardly_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures but those of clips, which take most of the time."""
    for name in figures.__all__:
        if name not in ("feature_batches", "waveform_and_mel"):
            monkeypatch.setattr(figures, name, lambda *_, **__: None)


@pytest.mark.usefixtures("_hardly_drawn")
def test_an_example_that_is_gone_has_a_message_in_its_place(explored: Exploration, tmp_path: Path) -> None:
    typical = most_typical(explored, "happy")
    clips = tuple(
        replace(clip, path=tmp_path / "gone" / typical) if clip.path.name == typical else clip
        for clip in explored.clips
    )
    found = write(replace(explored, clips=clips), tmp_path)
    assert re.search(rf"happy: {typical}\s*there is no file", found.sections["What it sounds like"])
    assert len(found.all("audio")) == 2


@pytest.mark.usefixtures("_hardly_drawn")
def test_a_corpus_without_problems_says_so(explored: Exploration, tmp_path: Path) -> None:
    check = replace(explored.check, missing=(), absent_channels=())
    assert check.sound
    text = write(replace(explored, check=check), tmp_path).sections["What is in it"]
    assert "none: every clip can be used, and no two are identical" in text


# --- writing -----------------------------------------------------------------------------------------


def test_where_a_page_cannot_be_drawn_the_old_one_stays_and_nothing_is_left_behind(
    odd: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(figures, "headlines", fail)
    (tmp_path / "report.html").write_text("the old one")
    for name in ("report.html", "another.html"):
        with pytest.raises(RuntimeError, match="no ink"):
            write_report(odd, tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "the old one"


@pytest.mark.usefixtures("_hardly_drawn")
def test_a_folder_that_is_not_there_is_not_made(odd: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        write_report(replace(odd, tested=()), tmp_path / "none" / "report.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_hardly_drawn")
def test_a_name_that_is_no_unicode_is_written_as_the_bytes_that_it_is(
    odd: Evaluation, tmp_path: Path
) -> None:
    name = b"m\xfcde.wav".decode("utf-8", "surrogateescape")
    one = replace(odd.tested[0], clip=replace(odd.tested[0].clip, path=tmp_path / name))
    write_report(replace(odd, tested=(one,)), tmp_path / "report.html")
    assert b"m\xfcde.wav" in (tmp_path / "report.html").read_bytes()


def test_a_comparison_has_every_score_and_a_picture_for_each_metric(
    compared: Comparison, comparison_page: Page
) -> None:
    for name, headlines in compared.scores.items():
        assert name in comparison_page.text
        assert in_percent(headlines["uar"].value) in comparison_page.text
    pictures = [one["alt"] for one in comparison_page.all("img")]
    assert len(pictures) == 2
    assert all("Differences whose interval leaves out 0" in words for words in pictures)
