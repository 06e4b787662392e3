"""Batch work on a Dask cluster in a small network of its own, with faults.

The S3 server, the scheduler and two workers are in four network namespaces. A worker is killed in the
middle of a shard, the link of the other one is cut for longer than a lease and mended, the scheduler is
killed, and the whole is stopped and started twice. Then each file must be in the result once, finished
parts must be those that were written first, and the shards of the dead must have been tried again.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from pyarrow import parquet
from rich.console import Console

from affekt.batch.leases import scan
from affekt.batch.plan import LEASES, PARTS, read_plan
from affekt.batch.stores import Store

LEASE_S = 6
WAIT_S = 120.0  # after which something that is waited for has failed
END_S = 3600.0  # after which the whole has failed
PORT, SCHEDULER_PORT = 5000, 8786
HOSTS = ("store", "scheduler", "worker-1", "worker-2")
SLOW = """
import time
from affekt.batch.rows import Answerer
def slowly(*arguments, answer=Answerer.answer):
    time.sleep(0.1)
    return answer(*arguments)
if Answerer.answer.__name__ != "slowly":  # Dask may load this twice
    Answerer.answer = slowly
"""
SERVE = "import sys; from moto.server import main; main(sys.argv[1:])"
Found = TypeVar("Found")
Process = subprocess.Popen[str]


class Network:
    """Hosts that are namespaces, each joined by a link to a bridge in that of the store."""

    def __init__(self) -> None:
        number = os.getpid()
        self._name = f"affekt-{number}-"
        self._subnet = f"10.{200 + number % 50}.{number // 50 % 250}."
        self._own_link = f"af{number}"  # by which this process reaches the store

    def address(self, host: str) -> str:
        """Return the address of a host."""
        return f"{self._subnet}{HOSTS.index(host) + 1}"

    def make(self) -> None:
        """Make the namespaces and links."""
        for host in HOSTS:
            _ip("netns", "add", self._name + host)
            self._in("store" if host == "store" else host, "link", "set", "lo", "up")
        self._in("store", "link", "add", "bridge", "type", "bridge")
        self._in("store", "address", "add", f"{self.address('store')}/24", "dev", "bridge")
        self._in("store", "link", "set", "bridge", "up")
        for host in HOSTS[1:]:
            end = ("peer", "name", "eth0", "netns", self._name + host)
            _ip("link", "add", host, "netns", self._name + "store", "type", "veth", *end)
            self._in(host, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
            self._in(host, "link", "set", "eth0", "up")
        end = ("peer", "name", "driver", "netns", self._name + "store")
        _ip("link", "add", self._own_link, "type", "veth", *end)
        _ip("address", "add", f"{self._subnet}254/24", "dev", self._own_link)
        _ip("link", "set", self._own_link, "up")
        for end in (*HOSTS[1:], "driver"):
            self._in("store", "link", "set", end, "master", "bridge", "up")

    def set_link(self, host: str, state: str) -> None:
        """Cut or mend the link of a host: ``down`` or ``up``."""
        self._in("store", "link", "set", host, state)

    def delete(self) -> None:
        """Delete whatever was made."""
        for host in HOSTS:
            subprocess.run(
                ["ip", "netns", "delete", self._name + host], check=False, stderr=subprocess.DEVNULL
            )

    def start(self, host: str, *words: object, **options: Any) -> Process:
        """Start a Python process on a host."""
        command = ["ip", "netns", "exec", self._name + host, sys.executable, *map(str, words)]
        return subprocess.Popen(command, text=True, **{"stderr": subprocess.DEVNULL} | options)

    def _in(self, host: str, *words: str) -> None:
        _ip("-n", self._name + host, *words)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}; this needs root and iproute2")


class Cluster:
    """A scheduler, two workers, and the command that has them work on a plan."""

    def __init__(self, network: Network, slow: Path, shard_files: int) -> None:
        self._network, self._slow, self._shard_files = network, slow, shard_files
        self._scheduler = f"tcp://{network.address('scheduler')}:{SCHEDULER_PORT}"
        self.processes: dict[str, Process] = {}

    def start(self) -> None:
        """Start all of it."""
        self.processes["scheduler"] = self._network.start(
            "scheduler", "-m", "distributed.cli.dask_scheduler", "--no-dashboard",
            "--host", self._network.address("scheduler"), "--port", SCHEDULER_PORT,
        )  # fmt: skip
        for host in HOSTS[2:]:
            self.start_worker(host)
        self.processes["run"] = self._network.start(
            "scheduler", "-m", "affekt", "batch", "run", "s3://calls/in", "--out", "s3://calls/out",
            "--shard-files", self._shard_files, "--lease", LEASE_S, "--scheduler", self._scheduler,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def start_worker(self, host: str) -> None:
        """Start a worker."""
        self.processes[host] = self._network.start(
            host, "-m", "distributed.cli.dask_worker", self._scheduler, "--no-nanny", "--nthreads", 1,
            "--no-dashboard", "--host", self._network.address(host), "--preload", self._slow,
        )  # fmt: skip

    def kill(self, *names: str) -> None:
        """Kill processes by SIGKILL; all of them if none is named."""
        for name in names or tuple(self.processes):
            process = self.processes.pop(name)
            process.kill()
            process.communicate()


class Watch:
    """What is in the store, seen from outside."""

    def __init__(self) -> None:
        self.store = Store("s3://calls/out")
        self.first: dict[str, tuple[str, object]] = {}  # parts as they were when they were first seen

    def parts(self) -> dict[str, tuple[str, object]]:
        """Return etag and time of each part."""
        found = {one["path"]: (one["e_tag"], one["last_modified"]) for one in self.store.list(PARTS)}
        self.first = found | self.first
        return found

    def shard_of(self, process: Process) -> int | None:
        """Return the shard that a process has, and whose part is not written."""
        for one in self.store.list(LEASES):
            number = int(one["path"].split("/")[-1].split("-")[0])
            holder = json.loads(self.store.read(one["path"]) or b"{}").get("worker", "")
            if f"-{process.pid}-" in holder and f"{PARTS}/part-{number:06}.parquet" not in self.parts():
                return number
        return None

    def attempts(self, number: int) -> int:
        """Return how often a shard was begun."""
        return sum(f"/{number:06}-" in one["path"] for one in self.store.list(LEASES))


def wait_for(what: str, find: Callable[[], Found | None]) -> Found:
    """Return what is found as soon as it is not None or False."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if (found := find()) is not None and found is not False:
            return found
        time.sleep(0.1)
    raise RuntimeError(f"waited {WAIT_S:.0f} s in vain: {what}")


@contextmanager
def serving(network: Network) -> Iterator[None]:
    """Run the S3 server with its bucket, and let this process and its children use it."""
    address = network.address("store")
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{address}:{PORT}", "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "no_proxy": "*",
    }  # fmt: skip
    server = network.start("store", "-c", SERVE, "-H", address, "-p", PORT, stdout=subprocess.DEVNULL)

    def make_bucket() -> bool:
        with suppress(OSError):
            connection = http.client.HTTPConnection(address, PORT, timeout=5)
            connection.request("PUT", "/calls")
            return connection.getresponse().status == 200
        return False

    try:
        wait_for("the S3 server", make_bucket)
        yield
    finally:
        server.kill()
        server.wait()


def work_with_faults(files: list[Path], shard_files: int, console: Console) -> None:
    """Put files into a store, and let a cluster work on them while it suffers all faults.

    Raises
    ------
    RuntimeError
        Something is not as it must be.
    """
    network = Network()
    with tempfile.TemporaryDirectory() as folder:
        slow = Path(folder, "slow.py")
        slow.write_text(SLOW, encoding="utf-8")
        cluster = Cluster(network, slow, shard_files)
        try:
            network.make()
            with serving(network):
                source = Store("s3://calls/in")
                for path in files:
                    source.write(path.name, path.read_bytes())
                _suffer(network, cluster, console)
                _check(Watch(), files, console)
        finally:
            cluster.kill()
            network.delete()


def _suffer(network: Network, cluster: Cluster, console: Console) -> None:
    watch = Watch()
    begun = time.monotonic()

    def tell(text: str) -> None:
        console.print(f"{time.monotonic() - begun:5.0f} s  {len(watch.parts()):3} parts  {text}")

    def shard_of(host: str) -> int:
        return wait_for(f"a shard of {host}", lambda: watch.shard_of(cluster.processes[host]))

    def work_on() -> None:
        before = len(watch.parts())
        wait_for("another part", lambda: len(watch.parts()) > before)

    cluster.start()
    work_on()
    killed = shard_of("worker-1")
    cluster.kill("worker-1")
    if killed in scan(watch.store, read_plan(watch.store)).done:
        raise RuntimeError(f"shard {killed} was done when its worker was killed: its files are too few")
    tell(f"worker 1 killed in shard {killed}")
    cluster.start_worker("worker-1")

    cut = shard_of("worker-2")
    network.set_link("worker-2", "down")
    tell(f"link of worker 2 cut in shard {cut}")
    time.sleep(1.5 * LEASE_S)
    network.set_link("worker-2", "up")
    tell("link mended")
    work_on()

    cluster.kill("scheduler")
    said = cluster.processes["run"].communicate(timeout=WAIT_S)[0]
    if "the scheduler at" not in said:
        raise RuntimeError(f"the command does not say that the scheduler was lost: {said}")
    tell("scheduler killed; the command ended with advice")
    cluster.kill()
    tell("all stopped")

    cluster.start()
    work_on()
    cluster.kill()
    tell("all started, and stopped again")

    cluster.start()
    said = cluster.processes["run"].communicate(timeout=END_S)[0]
    tell("all started, and the command ended")
    if cluster.processes["run"].returncode:
        raise RuntimeError(f"the command failed: {said}")
    if watch.parts() != watch.first:
        raise RuntimeError("a finished part was written again")
    if watch.attempts(killed) < 2:
        raise RuntimeError("the shard of the killed worker was not tried again")


def _check(watch: Watch, files: list[Path], console: Console) -> None:
    state = scan(watch.store, read_plan(watch.store))
    if not state.finished or state.set_aside:
        raise RuntimeError(f"shards are left: {state}")
    found: Counter[str] = Counter()
    for key in watch.parts():
        table = parquet.read_table(io.BytesIO(watch.store.read(key) or b""))
        found.update(table.column("source").to_pylist())
    if found != Counter(f"s3://calls/in/{path.name}" for path in files):
        raise RuntimeError("a file is missing from the result, or is in it twice")
    attempts = Counter(watch.attempts(number) for number in state.done)
    again = sum(count for times, count in attempts.items() if times > 1)
    console.print(
        f"{len(files)} files are in the result once each; {len(state.done)} parts, none written again; "
        f"{again} shards were begun more than once, at most {max(attempts)} times"
    )
