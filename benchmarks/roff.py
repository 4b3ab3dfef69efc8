"""Plain text from manual pages: what a reader sees, near enough for measuring on real prose.

Handles the man macros, the common ones of mdoc, tables and escapes; conditionals, definitions and
registers are skipped. It is not a formatter (groff is, at some 40 pages a second).
"""

from __future__ import annotations

import re

_SPECIAL = {
    "aq": "'", "dq": '"', "cq": "’", "oq": "‘", "lq": "“", "rq": "”", "co": "©", "bu": "•",
    "em": "—", "en": "–", "hy": "-", "ha": "^", "ti": "~", "rs": "\\", "mu": "×", "pl": "+",
    "->": "→", "<=": "≤", ">=": "≥", "+-": "±", "de": "°", "Fo": "«", "Fc": "»", "ss": "ß",
    "bv": "|", "ba": "|", "sl": "/", "at": "@", "sh": "#", "Do": "$", "ga": "`", "aa": "´",
    ":a": "ä", ":o": "ö", ":u": "ü", ":A": "Ä", ":O": "Ö", ":U": "Ü", "12": "½", "14": "¼",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:[\"#].*"
    r"|[fFgkmMn](?:\[[^\]]*\]|\(..|.)"
    r"|s(?:\[[^\]]*\]|[+-]?\d|\([^)]{2}|'[^']*')"
    r"|[AbBCDhHlLNoRSvwxXZ]'[^']*'"
    r"|\*(?:\[[^\]]*\]|\(..|.)"
    r"|\[(?P<long>[^\]]*)\]|\((?P<two>..)"
    r"|(?P<one>.))"
)
_PLAIN = {"-": "-", "e": "\\", "\\": "\\", " ": " ", "~": "\u00a0", "0": " ", "'": "´", "`": "`"}
_QUOTED = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')
_ALTERNATING = {"BI", "BR", "IB", "IR", "RB", "RI"}
_INLINE = {"B", "I", "R", "SM", "SB", "Nm", "Ar", "Fl", "Op", "Xr", "Pa", "Cm", "Ic", "Em", "Sy",
           "Dv", "Ev", "Va", "Vt", "Fa", "Ft", "Fn", "Li", "Dq", "Sq", "Ql", "Nd", "It", "Ns",
           "Er", "Bx", "UR", "MT", "IP", "TQ", "MR"}  # fmt: skip
_BREAKS = {"SH", "SS", "Sh", "Ss", "PP", "P", "LP", "Pp", "TP", "TQ", "IP", "HP", "It", "sp", "RS"}
_HEADINGS = {"SH", "SS", "Sh", "Ss"}
_BLOCKS = {"de": "..", "ig": "..", "am": ".."}


def plain_text(roff: str) -> str:
    """Return the prose of a manual page: paragraphs parted by an empty line."""
    paragraphs: list[list[str]] = [[]]
    lines = iter(roff.replace("\\\n", "").split("\n"))
    in_format = False
    for line in lines:
        if in_format:
            in_format = not line.rstrip().endswith(".")
        elif line[:1] not in (".", "'"):
            _add(paragraphs, line)
        elif match := re.match(r"[.']\s*([A-Za-z]\w*)\s*(.*)", line):
            macro, rest = match.groups()
            if macro in _BLOCKS:
                end = rest.split()[1:] or [_BLOCKS[macro].lstrip(".") or "."]
                while next(lines, "..").lstrip(".").strip() not in (end[0], ""):
                    pass
                continue
            in_format = macro == "TS"
            if macro in _BREAKS:
                paragraphs.append([])
            if macro in _HEADINGS | _INLINE | _ALTERNATING:
                words = [quoted or bare for quoted, bare in _QUOTED.findall(rest)]
                _add(paragraphs, ("" if macro in _ALTERNATING else " ").join(words))
            if macro in _HEADINGS:
                paragraphs.append([])
    return "\n\n".join(" ".join(lines) for lines in paragraphs if lines)


def _add(paragraphs: list[list[str]], line: str) -> None:
    text = _ESCAPE.sub(_unescaped, line).replace("T{", "").replace("T}", "")
    text = " ".join(text.split())
    if text:
        paragraphs[-1].append(text)
    else:
        paragraphs.append([])


def _unescaped(match: re.Match[str]) -> str:
    name = match["long"] or match["two"]
    if name:
        if re.fullmatch(r"u[0-9A-F]{4,6}", name):
            return chr(int(name[1:], 16))
        return _SPECIAL.get(name, "")
    return _PLAIN.get(match["one"] or "", "")
