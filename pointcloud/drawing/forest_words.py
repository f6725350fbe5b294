"""What papers of a claim call things, in English and Japanese."""

from __future__ import annotations

from typing import Final

from pointcloud.forest.carbon_result import Standing

STATUS: Final = {
    Standing.CREDITED: ("credited", "対象"),
    Standing.EXCLUDED: ("excluded", "対象外"),
    Standing.REFUSED: ("not reckoned", "算定不可"),
}
"""Whether a stand counts."""
