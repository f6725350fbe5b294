"""What a user should know although the work goes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """A finding in both languages; ``code`` is for programs and never translated."""

    code: str
    en: str
    ja: str

    def as_dict(self) -> dict[str, str]:
        """JSON-ready form."""
        return {"code": self.code, "en": self.en, "ja": self.ja}
