"""The service's log on standard error: lines for people, or JSON objects for a collector."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, Final, Literal

Format = Literal["text", "json"]

_SUBJECT: Final = re.compile(r"(job|dataset|upload) %s\b")
"""How a message about one of these begins; its id becomes a field of its own."""


def set_up_logging(form: Format) -> None:
    """Log from INFO on, one line a record in either format."""
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time (UTC), level, logger, message; job, dataset, upload, request where known."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        subject = _SUBJECT.match(str(record.msg))
        if subject and isinstance(record.args, tuple) and record.args:
            fields[subject[1]] = str(record.args[0])
        if request := getattr(record, "request", None):
            fields["request"] = request
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)
