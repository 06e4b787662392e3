"""The commands for very many files: batch plan, work, run, status, retry."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Exit
from rich.markup import escape

from affekt.cli.completion import complete_feature_sets
from affekt.cli.console import FAILED_INPUT, hand_over, say, show
from affekt.cli.options import jobs_option, json_options, model_option
from affekt.errors import BatchError, WorkerError, require
from affekt.support.parallel import core_count
from affekt.support.progress import progress_bar
from affekt.support.terminal import plural

NEEDED = "obstore", "pyarrow"  # affekt[cluster] has both: if both are missing, the first one names it


@click.group(epilog="Example: affekt batch status s3://results/2026")
def batch() -> None:
    """Answer very many files, on one machine or several; what was stopped goes on where it was.

    SOURCE is a folder, s3://, gs://, az://, http(s)://, or a .csv or .parquet file of addresses. DEST is a
    folder or a bucket that all workers can open. It needs the extra affekt[cluster].
    """


def _plan_options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.argument("source"),
        click.option(
            "--out", "dest", required=True, metavar="DEST", help="Write plan and results to this place."
        ),
        click.option(
            "--task", type=click.Choice(["predict", "timeline", "features"]), default="predict",
            show_default=True, help="What is asked of each file.",
        ),
        click.option(
            "--set", "feature_set", default="", metavar="NAME", shell_complete=complete_feature_sets,
            help="The feature set of --task features.",
        ),
        model_option,
        click.option(
            "--shard-files", type=click.IntRange(1), metavar="N", default=2000, show_default=True,
            help="Files in a shard, the unit of work.",
        ),
        click.option(
            "--lease", "lease_s", type=click.FloatRange(5), metavar="SECONDS", default=120.0,
            show_default=True, help="Time after which the shard of a dead worker is free.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@batch.command(epilog="Example: affekt batch plan calls/ --out results/")
@_plan_options
def plan(**settings: Any) -> None:
    """List the files of SOURCE into shards. A plan that exists is kept."""
    _make_plan(settings)


@batch.command(epilog="Example: affekt batch run calls/ --out results/ --task timeline")
@_plan_options
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Work on the Dask cluster with this scheduler, and not in processes of this machine.",
)
@jobs_option
def run(scheduler: str | None, jobs: int | None, **settings: Any) -> None:
    """Plan, and work until all is done. Run it again to continue."""
    _make_plan(settings)
    found = _work(settings["dest"], jobs, scheduler)
    if found.failures or found.set_aside:
        raise Exit(FAILED_INPUT)


@batch.command(epilog="Example: affekt batch work s3://results/2026 --jobs 4")
@click.argument("dest", metavar="PLAN")
@jobs_option
def work(dest: str, jobs: int | None) -> None:
    """Work on a plan that is at PLAN, beside any number of other workers, until all is done.

    The exit code is 0 also if files failed, or else Slurm and Kubernetes would start it again.
    """
    _work(dest, jobs)


@batch.command(epilog="Example: affekt batch status results/")
@click.argument("dest", metavar="PLAN")
@json_options
def status(dest: str, as_json: bool, json_file: Path | None) -> None:
    """Show how far a plan is: progress, rate, time left, failures by reason."""
    require("affekt batch", *NEEDED)
    from affekt.batch.status import read_status

    found = read_status(dest)
    hand_over(found, lambda: _show_status(found), json_file, printed=as_json, indent=2)


@batch.command(epilog="Example: affekt batch retry results/ --reason missing")
@click.argument("dest", metavar="PLAN")
@click.option(
    "--reason", "reasons", multiple=True, metavar="NAME",
    help="Try files again that failed for this reason, as status names it; may be given several times. By "
    "default, those that changed or were missing.",
)  # fmt: skip
def retry(dest: str, reasons: tuple[str, ...]) -> None:
    """Open shards again that were set aside, and files that failed; then run or work does them."""
    require("affekt batch", *NEEDED)
    from affekt.batch.status import PASSING, retry

    opened = retry(dest, reasons or PASSING)
    say(
        f"{plural(opened, 'shard')} opened again"
        + (f": affekt batch work {escape(dest)}" if opened else "")
    )


def _make_plan(settings: dict[str, Any]) -> None:
    require("affekt batch", *NEEDED)
    from affekt.batch.plan import find_plan, make_plan
    from affekt.batch.stores import Store

    if (settings["task"] == "features") != bool(settings["feature_set"]):
        raise click.UsageError("--task features needs --set NAME, and the other tasks have none")
    known = None
    with suppress(BatchError):  # there is no such folder yet
        known = find_plan(Store(settings["dest"]))
    found = make_plan(**settings)
    say(f"{plural(found.files, 'file')} in {plural(found.shards, 'shard')}: {escape(settings['dest'])}")
    if known:
        say("This was planned before: files that SOURCE has got since are not answered")


def _work(dest: str, jobs: int | None, scheduler: str | None = None) -> Any:
    """Work until all is done, show the status of the plan, and return it."""
    require("affekt batch", *NEEDED)
    from affekt.batch.leases import scan
    from affekt.batch.plan import PARTS, read_plan
    from affekt.batch.run import run_here, run_on_cluster
    from affekt.batch.status import read_status
    from affekt.batch.stores import Store
    from affekt.batch.work import work

    store = Store(dest)
    planned = read_plan(store)
    state = scan(store, planned)
    try:
        with progress_bar(planned.task, planned.files) as bar:

            def advance(files: int) -> None:
                bar(steps=files)

            advance(min(planned.files, planned.shard_files * len(state.done)))
            if scheduler and not state.finished:
                run_on_cluster(dest, scheduler, advance)
            elif (processes := jobs or core_count()) > 1 and not state.finished:
                run_here(dest, processes, advance)
            else:
                work(dest, lambda state, files: advance(files))
    except (KeyboardInterrupt, OSError, WorkerError) as error:
        error.add_note(f"Finished shards are kept. To continue: affekt batch work {dest}")
        raise
    found = read_status(dest)
    _show_status(found)
    say(f"the rows are in {escape(dest.rstrip('/'))}/{PARTS}")
    return found


def _show_status(found: Any) -> None:
    lines = [
        f"{found.files_done} of {plural(found.plan.files, 'file')} answered; {found.done} of "
        f"{plural(found.plan.shards, 'shard')} done, {found.running} running, {found.open} open"
    ]
    if found.files_per_s:
        lines.append(f"{found.files_per_s:.1f} files/s")
    if found.left_s:
        lines.append(f"about {found.left_s / 60:.0f} min left")
    lines += [f"failed, {reason}: {count}" for reason, count in found.failures.items()]
    if found.set_aside:
        numbers = ", ".join(map(str, found.set_aside))
        lines.append(f"set aside, as a worker ended in each three times: shards {numbers}")
    show(escape("\n".join(lines)))
