"""How often somebody may ask: a bucket of tokens each, refilled steadily."""

from __future__ import annotations

import threading
import time
from typing import Final

from api.refusals import RateError

_MOST_BUCKETS: Final = 10_000


class RateLimit:
    """Lets ``per_minute`` requests a minute pass for each name, the same number at once after a rest.

    Parameters
    ----------
    per_minute
        The limit; 0 for none.
    what_en, what_ja
        What is counted, for the message.
    """

    def __init__(self, per_minute: float, what_en: str, what_ja: str) -> None:
        self._per_minute = per_minute
        self._what = (what_en, what_ja)
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, name: str, moment: float | None = None) -> None:
        """Take a token.

        Raises
        ------
        RateError
            When none is left.
        """
        self._count(name, 1.0, moment)

    def check(self, name: str, moment: float | None = None) -> None:
        """Refuse where no token is left, and take none.

        Raises
        ------
        RateError
            When none is left.
        """
        self._count(name, 0.0, moment)

    def _count(self, name: str, n_tokens: float, moment: float | None) -> None:
        if self._per_minute <= 0:
            return
        moment = time.monotonic() if moment is None else moment
        with self._lock:
            left, since = self._buckets.get(name, (self._per_minute, moment))
            left = min(left + (moment - since) * self._per_minute / 60.0, self._per_minute)
            is_over = left < 1.0
            if not is_over and n_tokens > 0:
                self._forget_the_rested(moment)
                self._buckets[name] = (left - n_tokens, moment)
        if is_over:
            wait_s = int((1.0 - left) * 60.0 / self._per_minute) + 1
            en, ja = self._what
            raise RateError(
                f"too many {en}: {self._per_minute:g} a minute are allowed; try again in {wait_s} s",
                f"{ja}が多すぎます (1 分あたり {self._per_minute:g} 回まで)。{wait_s} 秒後に再試行してください。",
                limit_per_minute=self._per_minute,
                retry_after_s=wait_s,
            )

    def _forget_the_rested(self, moment: float) -> None:
        """Drop buckets that are full again, so that strangers' addresses do not fill the memory."""
        if len(self._buckets) >= _MOST_BUCKETS:
            rested = [name for name, (_, since) in self._buckets.items() if moment - since >= 60.0]
            for name in rested or list(self._buckets)[: _MOST_BUCKETS // 10]:
                del self._buckets[name]
