"""Horizontal bars in groups, as an SVG that is readable by day and by night."""

from collections.abc import Mapping
from html import escape
from typing import Final

_WIDTH, _LEFT, _RIGHT = 760, 200, 50
_BAR, _GAP, _HEAD = 16, 6, 30
_HUES: Final = ("#8a8f98", "#1f6feb", "#58a6ff", "#a371f7", "#d29922", "#bc4c00")
_STYLE: Final = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.group { font-weight: 600 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>"""

Groups = Mapping[str, Mapping[str, float]]


def draw(title: str, groups: Groups) -> str:
    """A bar a name in each group, all on one scale; values are shares, 1 is written as 100 %."""
    most = max(share for bars in groups.values() for share in bars.values())
    lines: list[str] = []
    top = 0
    for group, bars in groups.items():
        lines.append(f'<text class="group" x="0" y="{top + 20}">{escape(group)}</text>')
        top += _HEAD
        for number, (name, share) in enumerate(bars.items()):
            lines.append(_bar(name, share, share / most, _HUES[number % len(_HUES)], top))
            top += _BAR + _GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" role="img" aria-label="{escape(title)}">'
    )
    return "\n".join([head, _STYLE, *lines, "</svg>"]) + "\n"


def _bar(name: str, share: float, length: float, hue: str, top: int) -> str:
    width = length * (_WIDTH - _LEFT - _RIGHT)
    middle = top + _BAR - 4
    return (
        f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{hue}"/>'
        f'<text x="{_LEFT + width + 6:.1f}" y="{middle}">{share:.0%}</text>'
    )
