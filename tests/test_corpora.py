"""Corpora: each reader keeps its contract, and a path tells by itself which corpus lies there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from affekt import corpora
from affekt.corpora import READERS, find_card
from affekt.corpus import Archive, Clip, Corpus, join
from affekt.emotions import EMOTIONS
from affekt.errors import CorpusError, UnknownNameError

PUBLISHED = [name for name, reader in READERS.items() if reader.card.counts]
OWN = [name for name in READERS if name not in PUBLISHED]
LISTED = [name for name in PUBLISHED if READERS[name].card.expected_stems]
FOLDS = [(name, protocol) for name in PUBLISHED for protocol in READERS[name].card.folds]
ARCHIVES = [archive for reader in READERS.values() for archive in reader.card.archives]

RAVDESS_CLIP = "03-01-05-02-01-02-13"
EMODB_CLIP = "14a05Wb"


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def make_ravdess(folder: Path) -> Path:
    """One clip and one song of each of two actors."""
    names = [
        f"Actor_{actor}/03-0{channel}-03-01-01-01-{actor}.wav"
        for actor in ("01", "02")
        for channel in (1, 2)
    ]
    return touch(folder, *names)


def write_manifest(folder: Path, text: str, name: str = "mine.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder / name


def only_clip(path: Path) -> Clip:
    (clip,) = corpora.load(path).clips
    return clip


# Every reader


@pytest.mark.parametrize("name", READERS)
def test_a_corpus_is_called_like_its_file(name: str) -> None:
    assert Path(corpora.__file__).with_name(f"{name}.py").is_file()


def test_every_file_of_the_folder_is_a_corpus() -> None:
    files = {path.stem for path in Path(corpora.__file__).parent.glob("*.py")}
    assert set(READERS) == files - {"__init__"}


@pytest.mark.parametrize("name", READERS)
def test_a_card_is_found_by_its_name(name: str) -> None:
    assert find_card(name).name == name


@pytest.mark.parametrize("name", READERS)
def test_a_card_has_a_title_and_a_licence(name: str) -> None:
    assert find_card(name).title and find_card(name).licence


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_corpus_is_cited_and_counted(name: str) -> None:
    card = find_card(name)
    assert card.citation and card.address and card.stem
    assert card.speakers > 0 and min(card.counts.values()) > 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_corpus_has_as_many_clips_by_emotion_as_by_channel(name: str) -> None:
    card = find_card(name)
    assert sum(card.emotions.values()) == sum(card.counts.values())
    assert set(card.emotions) <= set(EMOTIONS)


@pytest.mark.parametrize("name", OWN)
def test_a_corpus_of_ones_own_promises_nothing(name: str) -> None:
    card = find_card(name)
    assert not (
        card.counts
        or card.emotions
        or card.speakers
        or card.stem
        or card.expected_stems
        or card.folds
        or card.archives
    )


@pytest.mark.parametrize("name", LISTED)
def test_expected_names_are_as_many_as_the_card_counts(name: str) -> None:
    card = find_card(name)
    assert card.expected_stems is not None
    assert {channel: len(set(stems)) for channel, stems in card.expected_stems().items()} == card.counts


@pytest.mark.parametrize("name", LISTED)
def test_a_folder_of_all_expected_names_is_that_corpus(name: str, tmp_path: Path) -> None:
    card = find_card(name)
    assert card.expected_stems is not None
    touch(tmp_path, *(f"{stem}.wav" for stems in card.expected_stems().values() for stem in stems))
    corpus = corpora.load(tmp_path)
    assert (corpus.name, corpus.count("channel"), corpus.misnamed) == (
        name,
        dict(sorted(card.counts.items())),
        (),
    )
    assert len(corpus.count("speaker_id")) == card.speakers
    assert corpus.count("emotion") == dict(sorted(card.emotions.items()))


@pytest.mark.parametrize("name", LISTED)
def test_a_clip_in_a_channel_is_expected_in_that_channel(name: str, tmp_path: Path) -> None:
    card = find_card(name)
    assert card.expected_stems is not None
    expected = card.expected_stems()
    touch(tmp_path, *(f"{stem}.wav" for stems in expected.values() for stem in stems))
    read = {
        channel: {c.path.stem for c in READERS[name].read(tmp_path) if c.channel == channel}
        for channel in expected
    }
    assert read == {channel: set(stems) for channel, stems in expected.items()}


@pytest.mark.parametrize(("name", "protocol"), FOLDS)
def test_published_folds_test_each_speaker_once(name: str, protocol: str) -> None:
    card = find_card(name)
    tested = Counter(speaker for fold in card.folds[protocol] for speaker in fold)
    assert len(tested) == card.speakers
    assert set(tested.values()) == {1}


@pytest.mark.parametrize("protocol", ["by-actor-5", "emobox-6"])
def test_ravdess_folds_are_its_24_actors(protocol: str) -> None:
    folds = find_card("ravdess").folds[protocol]
    assert sorted(actor for fold in folds for actor in fold) == [f"{actor:02}" for actor in range(1, 25)]
    assert len(folds) == int(protocol[-1])


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.name)
def test_an_archive_has_an_address_a_size_and_a_checksum(archive: Archive) -> None:
    assert archive.url.startswith("https://") and archive.name.endswith(".zip")
    assert archive.size_bytes > 1e6
    assert len(bytes.fromhex(archive.md5)) == 16


def test_an_unknown_corpus_name_brings_a_guess() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'ravdess'"):
        find_card("ravdes")


# RAVDESS


def test_a_ravdess_name_tells_every_field(tmp_path: Path) -> None:
    touch(tmp_path, f"{RAVDESS_CLIP}.wav")
    assert only_clip(tmp_path) == Clip(
        path=tmp_path / f"{RAVDESS_CLIP}.wav",
        emotion="angry",
        speaker="13",
        corpus="ravdess",
        channel="speech",
        sex="male",
        intensity="strong",
        statement="kids",
        repetition="02",
        columns={"modality": "audio-only"},
    )


@pytest.mark.parametrize(
    ("stem", "field", "value"),
    [
        ("03-02-03-01-01-01-01", "channel", "song"),
        ("03-01-01-01-01-01-01", "emotion", "neutral"),
        ("03-01-02-01-01-01-01", "emotion", "calm"),
        ("03-01-03-01-01-01-01", "emotion", "happy"),
        ("03-01-04-01-01-01-01", "emotion", "sad"),
        ("03-01-06-01-01-01-01", "emotion", "fearful"),
        ("03-01-07-01-01-01-01", "emotion", "disgust"),
        ("03-01-08-01-01-01-01", "emotion", "surprised"),
        ("03-01-03-01-01-01-01", "intensity", "normal"),
        ("03-01-03-01-02-01-01", "statement", "dogs"),
        ("03-01-03-01-01-01-01", "repetition", "01"),
        ("03-01-03-01-01-01-24", "sex", "female"),
        ("03-01-03-01-01-01-24", "speaker_id", "ravdess/24"),
    ],
)
def test_a_ravdess_code_is_put_into_words(stem: str, field: str, value: str, tmp_path: Path) -> None:
    assert getattr(only_clip(touch(tmp_path, f"{stem}.wav")), field) == value


@pytest.mark.parametrize("layout", ["Audio_Speech_Actors_01-24/Actor_13", "Actor_13", "."])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_the_folders_above_a_ravdess_clip_do_not_matter(layout: str, suffix: str, tmp_path: Path) -> None:
    clip = only_clip(touch(tmp_path, f"{layout}/{RAVDESS_CLIP}{suffix}"))
    assert (clip.corpus, clip.speaker, clip.emotion) == ("ravdess", "13", "angry")


@pytest.mark.parametrize(
    "stem",
    [
        "03-01-05-02-01-02",  # a field is missing
        "03-01-09-02-01-02-13",  # no such emotion
        "03-01-05-02-01-02-25",  # no such actor
        "03-01-05-02-01-02-00",
        "02-01-05-02-01-02-13",  # a film without sound
        "03-01-05-02-01-02-13 copy",
        "happy",
    ],
)
def test_a_misnamed_file_is_listed_and_not_read(stem: str, tmp_path: Path) -> None:
    corpus = corpora.load(touch(make_ravdess(tmp_path), f"Actor_01/{stem}.wav"))
    assert len(corpus.clips) == 4
    assert corpus.misnamed == (tmp_path / f"Actor_01/{stem}.wav",)


def test_ravdess_expects_1440_spoken_and_1012_sung_names() -> None:
    expected_stems = find_card("ravdess").expected_stems
    assert expected_stems is not None
    assert {channel: len(stems) for channel, stems in expected_stems().items()} == {
        "speech": 1440,
        "song": 1012,
    }


@pytest.mark.parametrize(
    ("stem", "why"),
    [
        ("03-01-01-02-01-01-01", "neutral is never strong"),
        ("03-02-07-01-01-01-01", "disgust is not sung"),
        ("03-02-03-01-01-01-18", "actor 18 does not sing"),
    ],
)
def test_ravdess_does_not_expect_what_was_never_recorded(stem: str, why: str) -> None:
    expected_stems = find_card("ravdess").expected_stems
    assert expected_stems is not None
    assert not any(stem in stems for stems in expected_stems().values()), why


def test_clips_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    paths = [clip.path for clip in corpora.load(make_ravdess(tmp_path)).clips]
    assert paths == sorted(paths)


def test_the_real_ravdess_is_whole(ravdess: Path) -> None:
    corpus = corpora.load(ravdess)
    assert (corpus.name, corpus.misnamed) == ("ravdess", ())
    assert corpus.count("channel") == {"song": 1012, "speech": 1440}
    assert len(corpus.count("speaker")) == 24
    assert corpus.count("sex") == {"female": 1204, "male": 1248}
    assert corpus.emotions == tuple(EMOTIONS)[:8]


# EMO-DB


def test_an_emodb_name_tells_every_field(tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, f"wav/{EMODB_CLIP}.wav")) == Clip(
        path=tmp_path / f"wav/{EMODB_CLIP}.wav",
        emotion="angry",
        speaker="14",
        corpus="emodb",
        sex="female",
        statement="a05",
        repetition="b",
    )


@pytest.mark.parametrize(
    ("letter", "emotion"),
    [
        ("W", "angry"),
        ("L", "bored"),
        ("E", "disgust"),
        ("A", "fearful"),
        ("F", "happy"),
        ("T", "sad"),
        ("N", "neutral"),
    ],
)
def test_an_emodb_letter_is_a_german_word(letter: str, emotion: str, tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, f"03a01{letter}a.wav")).emotion == emotion


@pytest.mark.parametrize(
    ("speaker", "sex"),
    [
        ("03", "male"),
        ("08", "female"),
        ("09", "female"),
        ("10", "male"),
        ("11", "male"),
        ("12", "male"),
        ("13", "female"),
        ("14", "female"),
        ("15", "male"),
        ("16", "female"),
    ],
)
def test_an_emodb_speaker_has_a_sex(speaker: str, sex: str, tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, f"{speaker}b10Ta.wav")).sex == sex


@pytest.mark.parametrize("stem", ["04a01Fa", "03a03Fa", "03a01Xa", "03a01F", "03a01Faa"])
def test_what_is_no_emodb_name_is_misnamed(stem: str, tmp_path: Path) -> None:
    corpus = corpora.load(touch(tmp_path, f"{EMODB_CLIP}.wav", "03a01Fa.wav", f"{stem}.wav"))
    assert corpus.misnamed == (tmp_path / f"{stem}.wav",)


def test_the_real_emodb_is_recognised(emodb: Path) -> None:
    corpus = corpora.load(emodb)
    assert (corpus.name, corpus.misnamed) == ("emodb", ())
    assert len(corpus.count("speaker")) == 10
    assert len(corpus.clips) in (339, 535)  # four emotions, as some mirrors have it, or all seven


# A folder for each emotion


@pytest.mark.parametrize(
    ("folder", "emotion"), [("anger", "angry"), ("Joy", "happy"), ("sad", "sad"), (" Bliss", "bliss")]
)
def test_a_folder_is_its_emotion(folder: str, emotion: str, tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, f"{folder}/a.wav")).emotion == emotion


def test_the_topmost_folder_is_the_emotion(tmp_path: Path) -> None:
    assert only_clip(touch(tmp_path, "fear/loud/happy.wav")).emotion == "fearful"


def test_a_corpus_of_folders_is_called_like_its_folder(tmp_path: Path) -> None:
    corpus = corpora.load(touch(tmp_path / "mine", "sad/a.wav"))
    assert (corpus.name, corpus.clips[0].corpus) == ("mine", "mine")


def test_nobody_knows_who_speaks_in_folders(tmp_path: Path) -> None:
    clip = only_clip(touch(tmp_path, "sad/a.wav"))
    assert (clip.speaker, clip.speaker_id) == ("", "")


def test_a_file_in_no_emotions_folder_is_misnamed(tmp_path: Path) -> None:
    corpus = corpora.load(touch(tmp_path, "sad/a.wav", "happy/b.wav", "c.wav"))
    assert (len(corpus.clips), corpus.misnamed) == (2, (tmp_path / "c.wav",))


def test_a_few_published_names_do_not_make_a_published_corpus(tmp_path: Path) -> None:
    corpus = corpora.load(touch(tmp_path / "mine", "sad/a.wav", "sad/b.wav", f"happy/{RAVDESS_CLIP}.wav"))
    assert (corpus.name, corpus.emotions) == ("mine", ("happy", "sad"))


# A manifest


def test_a_manifest_row_is_a_clip(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, "path,emotion,speaker\nclips/a.wav,Joy,ann\n")
    assert only_clip(path) == Clip(
        path=tmp_path / "clips/a.wav", emotion="happy", speaker="ann", corpus="mine"
    )


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, "speaker,path,emotion\nann,a.wav,sad\n"))
    assert (clip.path, clip.emotion, clip.speaker) == (tmp_path / "a.wav", "sad", "ann")


@pytest.mark.parametrize("field", ["channel", "sex", "intensity", "statement", "repetition", "corpus"])
def test_a_known_column_is_a_field(field: str, tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, f"path,emotion,speaker,{field}\na.wav,sad,ann,word\n"))
    assert (getattr(clip, field), clip.columns) == ("word", {})


def test_an_empty_known_column_keeps_the_usual_value(tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, "path,emotion,speaker,channel,corpus\na.wav,sad,ann,,\n"))
    assert (clip.channel, clip.corpus) == ("speech", "mine")


def test_an_unknown_column_is_kept(tmp_path: Path) -> None:
    clip = only_clip(write_manifest(tmp_path, "path,emotion,speaker,room\na.wav,sad,ann, kitchen \n"))
    assert clip.columns == {"room": "kitchen"}


def test_the_original_of_a_copy_counts_from_the_manifests_folder(tmp_path: Path) -> None:
    text = "path,emotion,speaker,augmented_from\na.wav,sad,ann,\nloud/a.wav,sad,ann,a.wav\n"
    original, copy = corpora.load(write_manifest(tmp_path, text)).clips
    assert (original.augmented_from, copy.augmented_from) == ("", str(original.path))


def test_an_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    there = tmp_path / "elsewhere" / "a.wav"
    assert only_clip(write_manifest(tmp_path, f"path,emotion,speaker\n{there},sad,ann\n")).path == there


def test_a_speaker_may_be_unknown(tmp_path: Path) -> None:
    assert only_clip(write_manifest(tmp_path, "path,emotion,speaker\na.wav,sad,\n")).speaker_id == ""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte-order mark"])
def test_a_manifest_from_a_spreadsheet_is_read(newline: str, mark: str, tmp_path: Path) -> None:
    text = mark + newline.join(["path,emotion,speaker,note", 'a.wav,sad,ann,"Hm, ""so"""', "", ""])
    assert only_clip(write_manifest(tmp_path, text)).columns == {"note": 'Hm, "so"'}


def test_a_quoted_newline_belongs_to_its_value(tmp_path: Path) -> None:
    text = 'path,emotion,speaker,note\na.wav,sad,ann,"two\nlines"\nb.wav,sad,ann,one\n'
    assert [clip.columns["note"] for clip in corpora.load(write_manifest(tmp_path, text)).clips] == [
        "two\nlines",
        "one",
    ]


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("path,emotion", "speaker"),
        ("file,emotion,speaker", "path"),
        ("path;emotion;sex", "speaker"),
        ("", "path, emotion, speaker"),
    ],
)
def test_a_missing_column_is_named(header: str, missing: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"has no column {missing}: a manifest begins with"):
        corpora.load(write_manifest(tmp_path, f"{header}\n"))


@pytest.mark.parametrize(
    "header", ["path;emotion;speaker", "Path, Emotion, Speaker", "path\temotion\tspeaker"]
)
def test_a_manifest_may_be_separated_and_written_as_people_do(header: str, tmp_path: Path) -> None:
    mark = next(mark for mark in ";\t," if mark in header)
    corpus = corpora.load(
        write_manifest(tmp_path, f"{header}\n" + mark.join(["a.wav", "sad", "ann"]) + "\n")
    )
    assert (corpus.clips[0].emotion, corpus.clips[0].speaker) == ("sad", "ann")


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a\.wav twice"):
        corpora.load(write_manifest(tmp_path, "path,emotion,speaker\na.wav,sad,ann\n./a.wav,sad,ann\n"))


def test_a_copy_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    rows = "path,emotion,speaker,augmented_from\na.wav,sad,ann,typo.wav\n"
    with pytest.raises(CorpusError, match=r"copy of .*typo\.wav, which is not in it"):
        corpora.load(write_manifest(tmp_path, rows))


@pytest.mark.parametrize(
    "row",
    ["b.wav", "b.wav,sad", ",sad,ann", "b.wav,,ann", "b.wav,sad,ann,room,more"],
    ids=["two short", "one short", "no path", "no emotion", "too long"],
)
def test_a_row_that_is_none_is_refused_by_its_line(row: str, tmp_path: Path) -> None:
    path = write_manifest(tmp_path, f"path,emotion,speaker\na.wav,sad,ann\n{row}\n")
    with pytest.raises(CorpusError, match=r"mine\.csv, line 3: not one value for each column"):
        corpora.load(path)


@pytest.mark.parametrize("rows", [1, 20_000])
def test_a_quote_that_is_never_closed_is_refused(rows: int, tmp_path: Path) -> None:
    text = 'path,emotion,speaker\na.wav,sad,"ann\n' + "b.wav,happy,bob\n" * rows
    with pytest.raises(CorpusError, match=r"mine\.csv"):
        corpora.load(write_manifest(tmp_path, text))


def test_a_manifest_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes("path,emotion,speaker\nü.wav,sad,ann\n".encode("latin-1"))
    with pytest.raises(CorpusError, match="is not UTF-8 text"):
        corpora.load(tmp_path / "mine.csv")


def test_a_manifest_of_no_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no clip that tells its emotion"):
        corpora.load(write_manifest(tmp_path, "path,emotion,speaker\n"))


# Where a corpus lies


def test_a_bare_name_is_looked_up_in_affekt_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ravdess(tmp_path / "ravdess")
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path))
    assert corpora.load("RAVDESS").name == "ravdess"


def test_a_folder_that_is_there_goes_before_affekt_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ravdess(tmp_path / "data" / "ravdess")
    touch(tmp_path / "here", "ravdess/sad/a.wav")
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path / "here")
    assert corpora.load("ravdess").emotions == ("sad",)


def test_a_path_of_two_parts_is_not_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ravdess(tmp_path / "ravdess")
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path))
    with pytest.raises(CorpusError, match="there is no corpus at"):
        corpora.load("elsewhere/ravdess")


@pytest.mark.parametrize("data", ["", "nowhere"])
def test_nothing_there_is_refused(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFEKT_DATA", data)
    with pytest.raises(CorpusError, match="there is no corpus at 'ravdess-of-yore'"):
        corpora.load("ravdess-of-yore")


@pytest.mark.parametrize("name", ["a.wav", "notes.txt"])
def test_a_file_that_is_no_manifest_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is a file, but not a CSV manifest"):
        corpora.load(touch(tmp_path, name) / name)


@pytest.mark.parametrize(
    "names", [[], ["a.wav"], ["sad/notes.txt"]], ids=["empty", "no folder", "no audio"]
)
def test_a_folder_that_tells_no_emotion_is_refused(names: list[str], tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no clip that tells its emotion"):
        corpora.load(touch(tmp_path, *names))


# Select and join


@pytest.fixture
def small(tmp_path: Path) -> Corpus:
    """Two emotions, of which one is sung."""
    return corpora.load(
        touch(tmp_path, "03-01-03-01-01-01-01.wav", "03-02-03-01-01-01-01.wav", "03-01-07-01-01-01-02.wav")
    )


@pytest.mark.parametrize(
    ("emotions", "channel", "count"),
    [
        (None, None, 3),
        (["happy"], None, 2),
        (None, "speech", 2),
        (["happy"], "song", 1),
        (["happy", "disgust"], None, 3),
    ],
)
def test_select_keeps_what_fits(
    small: Corpus, emotions: list[str] | None, channel: str | None, count: int
) -> None:
    chosen = small.select(emotions=emotions, channel=channel)
    assert len(chosen.clips) == count
    assert (chosen.name, chosen.cards) == (small.name, small.cards)


def test_select_of_an_emotion_that_is_not_there_names_those_that_are(small: Corpus) -> None:
    with pytest.raises(UnknownNameError, match=r"in ravdess is called 'sad'\. There are: happy, disgust"):
        small.select(emotions=["happy", "sad"])


def test_select_of_a_channel_that_is_not_there_is_refused(small: Corpus) -> None:
    with pytest.raises(CorpusError, match="ravdess has no clip of channel 'whisper'"):
        small.select(channel="whisper")


def test_select_of_an_emotion_that_is_never_sung_is_refused_by_name(small: Corpus) -> None:
    with pytest.raises(CorpusError, match="disgust"):
        small.select(emotions=["disgust"], channel="song")


def test_emotions_come_in_canonical_order(small: Corpus) -> None:
    assert small.emotions == ("happy", "disgust")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("emotion", {"disgust": 1, "happy": 2}),
        ("channel", {"song": 1, "speech": 2}),
        ("speaker", {"01": 2, "02": 1}),
    ],
)
def test_count_counts_by_a_field(small: Corpus, field: str, expected: dict[str, int]) -> None:
    assert small.count(field) == expected


def test_joined_corpora_keep_their_clips_cards_and_misnamed_files(small: Corpus, tmp_path: Path) -> None:
    other = corpora.load(touch(tmp_path / "emodb", "03a01Fa.wav", "03a01Ta.wav", "what.wav"))
    joined = join([small, other])
    assert joined.name == "ravdess+emodb"
    assert Counter(joined.clips) == Counter([*small.clips, *other.clips])
    assert (joined.cards, joined.misnamed) == (
        (*small.cards, *other.cards),
        (*small.misnamed, *other.misnamed),
    )


def test_a_speaker_of_one_corpus_is_nobody_of_another(tmp_path: Path) -> None:
    first = corpora.load(touch(tmp_path / "a", "03-01-03-01-01-01-03.wav"))
    second = corpora.load(touch(tmp_path / "b", "03a01Fa.wav"))
    assert join([first, second]).count("speaker_id") == {"emodb/03": 1, "ravdess/03": 1}


def test_folders_that_are_named_after_emotions_count_for_more_than_file_names(tmp_path: Path) -> None:
    for folder, stem in (("joy", "03a01Wa"), ("sad", "03a01Fa")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{stem}.wav").touch()
    assert [clip.emotion for clip in corpora.load(tmp_path).clips] == ["happy", "sad"]
