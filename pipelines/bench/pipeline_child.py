"""The native side of `pipelines.bench.pipeline`: runs a document and ends."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.document import load
from pipelines.native.executor import run

if __name__ == "__main__":
    run(load(Path(sys.argv[1])), Path.cwd())
