"""How a process that does heavy work stands back behind the one that started it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_BELOW: Final = 5
_OOM_SCORE: Final = "500"


def stand_back() -> None:
    """Let the starter go first, leave no core file, and be the kernel's first choice when memory runs out."""
    import resource  # here, as the command line imports this module also where there is none

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_BELOW)
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text(_OOM_SCORE)
