"""Requests that nobody thought of, made by schemathesis from the OpenAPI description: none may end in a 5xx."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from api.settings import Settings
from tests.api.office import CATALOG, Thread, free_port

N_EXAMPLES = 12
"""For each operation; about 10 s in all."""


@schemathesis.serializer("application/offset+octet-stream")
def as_bytes(_: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thread]:
    """A service that accepts jobs and runs none."""
    folder = tmp_path_factory.mktemp("hostile") / "data"
    chosen = Settings(data_dir=folder, port=free_port(), catalog=CATALOG, workers=0, max_wait_s=0.2)
    with Thread(chosen) as running:
        yield running


def test_no_request_ends_in_an_unforeseen_error(idle: Thread) -> None:
    schema = schemathesis.openapi.from_url(f"{idle.client.base_url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:

        @settings(
            max_examples=N_EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def send(case: schemathesis.Case) -> None:
            answer = case.call(timeout=10)
            assert answer.status_code < 500, f"{case.method} {case.formatted_path}: {answer.text}"

        send()
    assert idle.client.get("/health").status_code == 200
