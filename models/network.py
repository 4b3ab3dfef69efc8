"""The shape of the networks."""

from __future__ import annotations

from typing import Any


def network(by: str) -> dict[str, Any]:
    """The network, for words that are looked up by an attribute: a part of spaCy's config.

    Where that is the norm, a word's hash is of its small letters, as else the norm is.
    """
    by_norm = by == "NORM"
    return {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 64,
        "maxout_pieces": 2,
        "use_upper": True,
        "tok2vec": {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": {
                "@architectures": "spacy.MultiHashEmbed.v2",
                "width": 128,
                "attrs": ["LOWER" if by_norm else "NORM", "PREFIX", "SUFFIX", "SHAPE"],
                "rows": [4000 if by_norm else 3000, 500, 2000, 600],
                "include_static_vectors": True,
            },
            "encode": {
                "@architectures": "spacy.MaxoutWindowEncoder.v2",
                "width": 128,
                "depth": 4,
                "window_size": 1,
                "maxout_pieces": 2,
            },
        },
    }
