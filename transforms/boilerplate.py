"""Lines that an article carries and that are none of its text: image credits at its end."""

from __future__ import annotations

import re

MAX_CREDIT = 150
"""Characters of the longest credit; a longer last line is a paragraph that begins alike."""

_PICTURE = (
    r"images?|photos?|pictures?|photographs?|illustrations?"
    r"|fotos?|bild(?:er)?|abbildung|fotografía|imagen|imágenes|imagem|fotografia|immagine"
    r"|beeld|afbeelding|fot\.|zdjęcie|grafika|фото(?:графия)?|изображение"
)
_CREDIT_WORD = (
    r"credits?|source|courtesy|crédits?|créditos?|crediti|quelle|nachweis|rechte|fuente|fonte"
    r"|bron|źródło|источник"
)
_ROLE = r"(?:featured?|header|cover|lead|main|top|hero|banner|thumbnail|preview)\s+"
_CREDIT = re.compile(
    rf"""[\s*_(\[]*(?:
      # "Featured image is a screenshot …", "Cover photo by …", "Header image: …"
      {_ROLE}(?:{_PICTURE})\b\s*(?:[:©|–—-]|(?:is|by|via|from|courtesy|credits?|source|of)\b)
      # "Image credit: …", "Crédit photo : …", "Créditos de la imagen: …", "Photo courtesy of …"
    | (?:{_PICTURE})\s*(?:{_CREDIT_WORD})s?\s*(?:[:–—/-]|\b(?:of|by|to)\b)
    | (?:{_CREDIT_WORD})\s*(?:(?:de|della|da|do|zdjęcia)\s+)?(?:(?:la|l['’])\s*)?(?:{_PICTURE})\s*:
      # "Bildquelle: …", "Titelbild: …", "Beitragsbild: …", "Imagen destacada: …"
    | (?:(?:titel|beitrags|symbol|artikel)(?:bild|foto)
      |bild(?:quelle|nachweis|rechte|er(?:nachweis)?)
      |foto(?:nachweis|credits?)|imagen\s+destacada|imagem\s+de\s+destaque
      |image\s+à\s+la\s+une|photo\s+d['’]illustration|immagine\s+(?:di\s+copertina|in\s+evidenza)
      |uitgelichte\s+afbeelding)\s*[:©/–—-]
      # "Photo: AFP", "Foto: dpa", "Image © …"
    | (?:{_PICTURE})\s*[:©]
      # "Photo by Jane Doe", "Image via Flickr", "Foto di Mario Rossi"
    | (?-i:(?:Photos?|Images?|Pictures?|Illustrations?|Fotos?|Fotografia|Fot\.)
      \s+(?:by|via|from|courtesy\s+of|von|por|di|door|de)\s+[@A-ZÀ-ÞА-Я])
    )[^\n]*""",
    re.IGNORECASE | re.VERBOSE,
)
_NEXT_SENTENCE = re.compile(r"[.!?]\s+\w+(?:\s+\w+){3}")


def strip_image_credit(text: str) -> str:
    """Take image credits off the end of a text, unless nothing else would be left.

    A credit is a short last line that a known opening gives away ("Featured image …",
    "Crédit photo : …", "Bildquelle: …"), after a blank line.
    """
    while (body := _without_last_credit(text)) is not None:
        text = body
    return text


def _without_last_credit(text: str) -> str | None:
    content = text.rstrip()
    body, blank_line, last = content.rpartition("\n\n")
    if not blank_line or len(last) > MAX_CREDIT or "\n" in last or not body.strip():
        return None
    if not _CREDIT.match(last) or _NEXT_SENTENCE.search(last):
        return None
    return body.rstrip() + ("\n" if text.endswith("\n") else "")
