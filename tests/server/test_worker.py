"""A worker: a process that loads a model and computes."""

from __future__ import annotations

import pytest

from affekt.errors import WorkerError
from affekt.server.worker import Worker


def test_a_call_to_a_process_that_has_ended_is_an_error() -> None:
    worker = Worker(None)
    worker.start()
    worker.kill()
    with pytest.raises(WorkerError):
        worker.call("facts", (), {})
    worker.join()
    assert not worker.alive
