"""The plan: what is done to which files, in shards of about 2,000, each a Parquet file in the store.

::

    DEST/plan.json                      task, model, settings, number of shards: written last
    DEST/plan/ID/shard-000000.parquet   key, size, etag of each file
    DEST/plan/ID/model.onnx             the model, unless it is the bundled one
    DEST/leases/000000-0.json           each attempt at a shard: its worker, renewed while it works
    DEST/kept/kept-000000.parquet       rows that a retry does not compute again
    DEST/parts/part-000000.parquet      the rows of a shard: written once
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from affekt.batch.stores import Entry, Store, is_remote, open_source
from affekt.errors import BatchError, UnknownNameError
from affekt.features.feature_sets import find_feature_set
from affekt.model.bundle import Bundle, load, parse

PLAN, PARTS, LEASES, KEPT = "plan.json", "parts", "leases", "kept"
TASKS = ("predict", "timeline", "features")
SHARD_FILES = 2000
LEASE_S = 120.0
_ENTRY_SCHEMA = pyarrow.schema(
    [("key", pyarrow.binary()), ("size", pyarrow.int64()), ("etag", pyarrow.string())]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done to the files of a source.

    Attributes
    ----------
    source
        Its address.
    task
        ``predict``, ``timeline`` or ``features``.
    feature_set
        The feature set of the task ``features``; empty otherwise.
    model, model_sha256
        The key of the model in the store, empty for the bundled one, and its checksum; both are empty for
        the task ``features``.
    shard_files
        Files in a shard, at most.
    lease_s
        Seconds after which a lease that was not renewed has expired.
    id
        The name of the folder of its shards.
    shards, files
        How many there are.
    """

    source: str
    task: str
    feature_set: str
    model: str
    model_sha256: str
    shard_files: int
    lease_s: float
    id: str
    shards: int
    files: int

    def shard_key(self, number: int) -> str:
        """Return the key of a shard."""
        return f"plan/{self.id}/shard-{number:06}.parquet"

    def asks_the_same(self, other: Plan) -> bool:
        """Whether another plan is of the same source, task and model."""
        names = ("source", "task", "feature_set", "model_sha256")
        return all(getattr(self, name) == getattr(other, name) for name in names)


def make_plan(
    source: str,
    dest: str,
    *,
    task: str = "predict",
    feature_set: str = "",
    model: str | Path | None = None,
    shard_files: int = SHARD_FILES,
    lease_s: float = LEASE_S,
) -> Plan:
    """List the files of a source into shards, and write the plan; one that exists is returned as it is.

    A listing is held one shard at a time. ``plan.json`` is written last, by a conditional put: of several
    planners one succeeds, and the shards of the others, in folders of their own, are not used.

    Raises
    ------
    BatchError
        The source has no audio files, or the store has a plan that asks for something else.
    UnknownNameError
        There is no such task or feature set.
    """
    if task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    if task == "features" and find_feature_set(feature_set).frames != 0:
        raise BatchError(f"{feature_set} has a row for each frame: choose one with a row for each file")
    files, store = open_source(source), Store(dest, make=True)
    bundle = None if task == "features" else load(model)
    identifier = uuid.uuid4().hex[:12]
    found = Plan(
        source=_full_address(source), task=task, feature_set=feature_set,
        model=f"plan/{identifier}/model.onnx" if bundle and model else "",
        model_sha256=bundle.contract.sha256 if bundle else "",
        shard_files=shard_files, lease_s=lease_s, id=identifier, shards=0, files=0,
    )  # fmt: skip
    if (known := find_plan(store)) is not None:
        return _same(known, found, store)
    if found.model:
        store.write(found.model, Path(str(model)).read_bytes())
    shards = count = 0
    for entries in _in_groups(files.entries(), shard_files):
        write_entries(store, found.shard_key(shards), entries)
        shards, count = shards + 1, count + len(entries)
    if not count:
        raise BatchError(f"{source} has no audio files")
    values = asdict(found) | {"shards": shards, "files": count}
    if not store.create(PLAN, json.dumps(values, indent=2).encode()):
        return _same(read_plan(store), found, store)
    return Plan(**values)


def read_plan(store: Store) -> Plan:
    """Return the plan of a store.

    Raises
    ------
    BatchError
        It has none, or one of another version of affekt.
    """
    plan = find_plan(store)
    if plan is None:
        raise BatchError(f"{store.address} has no plan: make one with affekt batch plan SOURCE --out DEST")
    return plan


def write_entries(store: Store, key: str, entries: Sequence[Entry]) -> None:
    """Write the files of a shard."""
    columns = {name: [getattr(one, name) for one in entries] for name in _ENTRY_SCHEMA.names}
    store.write(key, to_parquet(pyarrow.table(columns, schema=_ENTRY_SCHEMA)))


def read_entries(store: Store, key: str) -> list[Entry]:
    """Return the files of a shard."""
    content = store.read(key)
    if content is None:
        raise BatchError(f"{store.address} has no {key}: the plan is not complete, make it again elsewhere")
    return [Entry(**row) for row in parquet.read_table(io.BytesIO(content)).to_pylist()]


def to_parquet(table: pyarrow.Table) -> bytes:
    """Return a table as the content of a Parquet file."""
    content = io.BytesIO()
    parquet.write_table(table, content, compression="zstd")
    return content.getvalue()


def part_key(number: int) -> str:
    """Return the key of the rows of a shard."""
    return f"{PARTS}/part-{number:06}.parquet"


def kept_key(number: int) -> str:
    """Return the key of the rows of a shard that a retry keeps."""
    return f"{KEPT}/kept-{number:06}.parquet"


def load_model(dest: str, key: str, sha256: str) -> Bundle:
    """Return the model of a plan.

    Raises
    ------
    BatchError
        It is not the one that was planned, as where another version of affekt is installed.
    """
    if key:
        content = Store(dest).read(key)
        if content is None:
            raise BatchError(f"{dest} has no {key}, the model of the plan")
        bundle = parse(content, key)
    else:
        bundle = load(None)
    if bundle.contract.sha256 != sha256:
        raise BatchError(
            f"the plan is for the model {sha256[:12]}, and the one here is {bundle.contract.sha256[:12]}: "
            "use the version of affekt that made the plan"
        )
    return bundle


def find_plan(store: Store) -> Plan | None:
    """Return the plan of a store, as ``read_plan``; None if it has none."""
    content = store.read(PLAN)
    if content is None:
        return None
    try:
        values: dict[str, Any] = json.loads(content)
        return Plan(**{one.name: values[one.name] for one in fields(Plan)})
    except (ValueError, KeyError, TypeError) as error:
        raise BatchError(f"{store.address}/{PLAN} is no plan of this version of affekt: {error}") from error


def _same(known: Plan, asked: Plan, store: Store) -> Plan:
    if not known.asks_the_same(asked):
        raise BatchError(
            f"{store.address} has a plan for {known.task} of {known.source} with the model "
            f"{known.model_sha256[:12] or 'none'}: choose another --out"
        )
    return known


def _full_address(source: str) -> str:
    return source.rstrip("/") if is_remote(source) else str(Path(source).resolve())


def _in_groups(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    remaining = iter(entries)
    while group := list(islice(remaining, size)):
        yield group
