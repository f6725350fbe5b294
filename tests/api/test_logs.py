"""The log as JSON: every line an object, ids as fields. About 2 s."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.api.office import Separate


def test_every_line_is_an_object_with_the_ids_that_it_is_about(separate: Callable[..., Separate]) -> None:
    service = separate(log_format="json")
    client = service.start().client
    job = client.start(label="秘密")
    client.wait_until(job, "successful")
    client.get("/jobs/nothing?secret=1")
    service.end()
    lines = [json.loads(line) for line in service.log().splitlines()]
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in lines))
    about = [line["message"] for line in lines if line.get("job") == job]
    assert any("running, attempt 1" in message for message in about)
    assert any(message.endswith("successful") for message in about)
    asked = [line["request"] for line in lines if "request" in line]
    assert {"method": "GET", "path": "/jobs/nothing", "status": 404} in [
        {name: one[name] for name in ("method", "path", "status")} for one in asked
    ]
    assert "secret=1" not in service.log()
