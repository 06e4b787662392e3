"""How far a plan is, and another try for what failed."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pyarrow import parquet

from affekt.batch.leases import list_attempts, scan
from affekt.batch.plan import (
    PARTS,
    Plan,
    kept_key,
    part_key,
    read_entries,
    read_plan,
    to_parquet,
    write_entries,
)
from affekt.batch.rows import COUNTS
from affekt.batch.stores import Entry, Source, Store, open_source
from affekt.errors import UnknownNameError

PASSING = ("changed", "missing")  # reasons that may be gone at the next try
RATE_S = 1800.0  # before the newest part: the time over which the rate is measured
_THREADS = 16
_END_BYTES = 32 << 10  # of a part: its metadata, unless it has very many columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a plan is.

    Attributes
    ----------
    plan
        The plan.
    done, running, open
        Numbers of shards with a part, with a worker, and with neither.
    set_aside
        The shards of which three attempts ended without a part.
    files_done
        Files in parts.
    failures
        How many of them failed, by reason.
    files_per_s, left_s
        The rate of the last half hour and the time left at this rate, None if unknown.
    """

    plan: Plan
    done: int
    running: int
    open: int
    set_aside: tuple[int, ...]
    files_done: int
    failures: dict[str, int]
    files_per_s: float | None
    left_s: float | None


def read_status(dest: str) -> Status:
    """Return how far a plan is, from a listing and the ends of the parts.

    Raises
    ------
    BatchError
        There is no plan.
    StoreError
        The store cannot be reached.
    """
    store = Store(dest)
    plan = read_plan(store)
    state = scan(store, plan)
    written = {one["path"]: one["last_modified"].timestamp() for one in store.list(PARTS)}
    counts: Counter[str] = Counter()
    recent = 0
    newest = max(written.values(), default=0.0)
    oldest = min((time for time in written.values() if time >= newest - RATE_S), default=0.0)
    with ThreadPoolExecutor(_THREADS) as threads:
        for time, found in zip(
            written.values(), threads.map(lambda key: _counts(store, key), written), strict=True
        ):
            counts.update(found)
            recent += sum(found.values()) if time > oldest and time >= newest - RATE_S else 0
    rate = recent / (newest - oldest) if newest > oldest and recent else None
    answered = counts.total()
    aside = plan.shard_files * len(state.set_aside)
    return Status(
        plan=plan, done=len(state.done), running=len(state.running), open=len(state.open),
        set_aside=tuple(sorted(state.set_aside)), files_done=answered,
        failures={reason: count for reason, count in counts.most_common() if reason}, files_per_s=rate,
        left_s=0.0 if state.finished else max(0, plan.files - answered - aside) / rate if rate else None,
    )  # fmt: skip


def retry(dest: str, reasons: Collection[str] = PASSING) -> int:
    """Open shards for another try: those set aside, and files that failed for some reasons.

    The other rows of a part are kept, and are not computed again. Files that changed are planned as they
    are now. A part is deleted last, so that a retry that is stopped can be repeated.

    Returns
    -------
    int
        The number of shards that are open again.

    Raises
    ------
    UnknownNameError
        No file failed for one of the reasons.
    """
    store = Store(dest)
    plan = read_plan(store)
    source, state = open_source(plan.source), scan(store, plan)
    attempts = list_attempts(store)
    counts = {number: _counts(store, part_key(number)) for number in state.done}
    known = {*PASSING, *(reason for found in counts.values() for reason in found if reason)}
    for reason in reasons:
        if reason not in known:
            raise UnknownNameError("reason", reason, sorted(known))
    opened = 0
    for number in sorted(state.done | state.set_aside):
        if number in state.done:
            if not any(counts[number].get(reason) for reason in reasons):
                continue
            _keep_rows(store, plan, source, number, reasons)
        for lease in attempts.get(number, {}).values():
            store.delete(lease["path"])
        if number in state.done:
            store.delete(part_key(number))
        opened += 1
    return opened


def _keep_rows(store: Store, plan: Plan, source: Source, number: int, reasons: Collection[str]) -> None:
    """Keep the rows of a part that are not tried again, and plan the others' files as they are now."""
    table = parquet.read_table(io.BytesIO(store.read(part_key(number)) or b""))
    again = [reason in reasons for reason in table.column("reason").to_pylist()]
    failed = {source for source, one in zip(table.column("source").to_pylist(), again, strict=True) if one}
    store.write(kept_key(number), to_parquet(table.filter([not one for one in again])))
    entries = read_entries(store, plan.shard_key(number))
    write_entries(
        store,
        plan.shard_key(number),
        [_as_now(source, one) if source.address_of(one) in failed else one for one in entries],
    )


def _as_now(source: Source, entry: Entry) -> Entry:
    try:
        return source.look_up(entry)
    except FileNotFoundError:
        return entry


def _counts(store: Store, key: str) -> dict[str, int]:
    """Return how many files of a part failed, by reason, from the end of its file."""
    end = store.read_end(key, _END_BYTES)
    needed = int.from_bytes(end[-8:-4], "little") + 8  # the length of the metadata, and "PAR1"
    if needed > len(end):
        end = store.read_end(key, needed)
    metadata: dict[bytes, Any] = parquet.read_schema(io.BytesIO(end)).metadata or {}
    counts: dict[str, int] = json.loads(metadata.get(COUNTS, b"{}"))
    return counts
