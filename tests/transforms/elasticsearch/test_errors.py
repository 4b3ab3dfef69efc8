from __future__ import annotations

import pytest

from transforms.elasticsearch.errors import missing_privilege


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (
            "action [indices:data/write/bulk[s]] is unauthorized for user [ada] with effective "
            "roles [reader] on indices [docs-1], this action is granted by the index privileges "
            "[create_doc,create,delete,index,write,all]",
            "user [ada] lacks a privilege on docs-1: indices:data/write/bulk[s] needs one of the "
            "index privileges create_doc, create, delete, index, write, all",
        ),
        (
            "action [cluster:monitor/main] is unauthorized for API key id [x] of user [ada], this "
            "action is granted by the cluster privileges [monitor,manage,all]",
            "API key id [x] of user [ada] lacks a privilege: cluster:monitor/main needs one of the "
            "cluster privileges monitor, manage, all",
        ),
        ("something new", "something new"),
    ],
)
def test_a_missing_privilege_is_named(reason: str, line: str) -> None:
    assert missing_privilege(reason) == line
