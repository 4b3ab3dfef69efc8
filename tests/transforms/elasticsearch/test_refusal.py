from __future__ import annotations

import pytest

from transforms.elasticsearch.refusal import Refusal, cause_of


def test_the_innermost_cause_is_told() -> None:
    body = {
        "error": {
            "type": "document_parsing_exception",
            "reason": "failed to parse field [n]",
            "caused_by": {
                "type": "x",
                "reason": "bad number",
                "caused_by": {"reason": 'For input:\n"y"'},
            },
        }
    }
    assert Refusal.of_body(400, body) == Refusal(
        400, "document_parsing_exception", 'failed to parse field [n]: bad number: For input: "y"'
    )


def test_what_is_wrong_with_credentials_is_told() -> None:
    error = {
        "type": "security_exception",
        "reason": "unable to authenticate",
        "additional_unsuccessful_credentials": "API key: api key is expired",
    }
    told = "unable to authenticate: API key: api key is expired"
    assert Refusal.of_body(401, {"error": error}).reason == told


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<html>\n Bad   Gateway </html>", "<html> Bad Gateway </html>"),
        (None, "Bad Gateway"),
        ({"error": "no handler"}, "no handler"),
        ({"message": "no"}, "{'message': 'no'}"),
        ("x" * 600, "x" * 500 + "…"),
    ],
)
def test_any_answer_is_one_line(body: object, reason: str) -> None:
    assert Refusal.of_body(502, body).reason == reason


def test_a_status_without_a_name_or_words_is_said_so() -> None:
    assert Refusal.of_body(599, None).reason == "no reason given"


def test_the_systems_words_are_found_behind_wrappers() -> None:
    wrapper = RuntimeError("wrapped")
    wrapper.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert cause_of(wrapper) == "Connection refused"
    assert cause_of(ValueError("odd\nanswer")) == "odd answer"
    assert cause_of(ValueError()) == "ValueError"
