"""Kibana over HTTP: its version, its spaces, its saved objects; every fault is one clear line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import orjson
import requests

from pipelines.kibana_config import DEFAULT_SPACE, KibanaConfig
from transforms.elasticsearch.secret import read_secret

_TIMEOUT_SECONDS = 60
_SHOWN = 3
_OLDEST_8 = 19
_MAJORS = (8, 9)


class KibanaError(RuntimeError):
    """Kibana cannot be used, or refuses what it is sent; the message is one line for the user."""


class Kibana:
    """A client of one space; close it after use. Nothing is sent before the first call.

    Raises:
        ValueError: a secret or a certificate that is not where the configuration says.
    """

    def __init__(self, config: KibanaConfig) -> None:
        self.config = config
        self._session = requests.Session()
        self._session.trust_env = False  # as with Elasticsearch: no proxy, no .netrc
        self._session.headers["kbn-xsrf"] = "docsluice"
        if config.api_key:
            self._session.headers["Authorization"] = f"ApiKey {read_secret(config.api_key)}"
        elif config.username and config.password:
            self._session.auth = (config.username, read_secret(config.password))
        if config.ca_certs:
            if not Path(config.ca_certs).exists():
                raise ValueError(f"there are no CA certificates at {config.ca_certs}")
            self._session.verify = config.ca_certs

    def check_version(self) -> str | None:
        """Kibana's version; None where it keeps it from who may not know it.

        Raises:
            KibanaError: no Kibana answers, or not one of 8.19 or later 8.x, or 9.x.
        """
        answer = self._request("GET", f"{self.config.url.rstrip('/')}/api/status")
        if answer.status_code not in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
            self._refuse(answer, "tell its status")
        status = _object(answer)
        if "status" not in status:
            if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                raise KibanaError(
                    f"Kibana at {self.config.url} is not ready yet: try again in a minute"
                )
            raise self._no_kibana()
        version = status.get("version", {}).get("number")
        if version is None:
            return None
        major, minor = (int(number) for number in re.findall(r"\d+", version)[:2])
        if major not in _MAJORS or (major, minor) < (8, _OLDEST_8):
            raise KibanaError(
                f"Kibana at {self.config.url} is {version}: "
                f"the dashboards need 8.{_OLDEST_8} or later 8.x, or 9.x"
            )
        return str(version)

    def ensure_space(self) -> bool:
        """Make the space if there is none; returns whether it was made.

        Raises:
            KibanaError: it is not there and may not be made.
        """
        space = self.config.space
        if space == DEFAULT_SPACE:
            return False
        spaces = f"{self.config.url.rstrip('/')}/api/spaces/space"
        found = self._request("GET", f"{spaces}/{space}")
        if found.status_code == HTTPStatus.OK:
            return False
        if found.status_code != HTTPStatus.NOT_FOUND:
            self._refuse(found, f"show the space {space}", "any privilege in that space")
        made = self._request("POST", spaces, json={"id": space, "name": space})
        if made.status_code == HTTPStatus.CONFLICT:  # another has just made it
            return False
        if made.status_code != HTTPStatus.OK:
            self._refuse(
                made,
                f"make the space {space}, which is not there",
                "the base privilege All in all spaces (role kibana_admin); or have it made",
            )
        return True

    def export(self, objects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
        """Saved objects as they are in the space, by type and id; None where one is not there.

        Raises:
            KibanaError: Kibana refuses.
        """
        answer = self._request(
            "POST",
            f"{self.config.space_url}/api/saved_objects/_export",
            json={
                "objects": [{"type": one["type"], "id": one["id"]} for one in objects],
                "excludeExportDetails": True,
            },
        )
        if answer.status_code == HTTPStatus.BAD_REQUEST:
            return None
        if answer.status_code != HTTPStatus.OK:
            self._refuse(answer, "export saved objects", self._privilege)
        return [orjson.loads(line) for line in answer.content.splitlines() if line.strip()]

    def import_(self, objects: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
        """Write saved objects, over those of the same ids; returns the ids they have now.

        Kibana gives an object another id where one of its id is in another space.

        Raises:
            KibanaError: Kibana refuses them, or some of them.
        """
        content = b"".join(orjson.dumps(one) + b"\n" for one in objects)
        answer = self._request(
            "POST",
            f"{self.config.space_url}/api/saved_objects/_import",
            params={"overwrite": "true"},
            files={"file": ("docsluice.ndjson", content, "application/ndjson")},
        )
        if answer.status_code != HTTPStatus.OK:
            self._refuse(answer, "import saved objects", self._privilege)
        result = _object(answer)
        if "successCount" not in result:
            raise self._no_kibana()
        if errors := result.get("errors"):
            shown = "; ".join(map(_reason, errors[:_SHOWN]))
            more = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
            raise KibanaError(
                f"Kibana at {self.config.url} refuses {len(errors)} of {len(objects)} objects "
                f"for the space {self.config.space}: {shown}{more}"
            )
        return {
            (one["type"], one["id"]): one.get("destinationId", one["id"])
            for one in result.get("successResults", ())
        }

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _privilege(self) -> str:
        return f"Saved Objects Management: All in the space {self.config.space}"

    def _request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        where = self.config.url
        try:
            answer = self._session.request(
                method, url, timeout=_TIMEOUT_SECONDS, allow_redirects=False, **arguments
            )
        except requests.exceptions.SSLError as error:
            raise KibanaError(
                f"no secure connection to Kibana at {where} ({_cause(error)}): "
                "name its CA (kibana.ca_certs); or does it speak http and not https?"
            ) from None
        except requests.exceptions.RequestException as error:
            raise KibanaError(
                f"no Kibana answers at {where} ({_cause(error)}): "
                "is it running, and is that its address (https or http, host, port)?"
            ) from None
        if answer.is_redirect:
            raise self._no_kibana()
        return answer

    def _refuse(self, answer: requests.Response, what: str, privilege: str = "") -> None:
        where, said = self.config.url, _message(answer)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise KibanaError(f"Kibana at {where} rejects {self.config.credentials}: {said}")
        if answer.status_code == HTTPStatus.FORBIDDEN:
            needs = f"; that needs {privilege}" if privilege else ""
            raise KibanaError(
                f"Kibana at {where} does not let {self.config.credentials} {what} ({said}){needs}"
            )
        raise KibanaError(f"Kibana at {where} does not {what}: {said} ({answer.status_code})")

    def _no_kibana(self) -> KibanaError:
        return KibanaError(
            f"what answers at {self.config.url} is no Kibana: "
            "is that its address, with its base path?"
        )


def _object(answer: requests.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _message(answer: requests.Response) -> str:
    return str(_object(answer).get("message") or answer.reason or "no reason given")


def _reason(error: Mapping[str, Any]) -> str:
    """What is wrong with one object, as ``_import`` tells it."""
    about = error["error"]
    said = about.get("message") or about["type"].replace("_", " ")
    if lacking := about.get("references"):
        said += " " + ", ".join(f"{one['type']} {one['id']}" for one in lacking)
    return f"{error['type']} {error['id']}: {said}"


def _cause(error: BaseException) -> str:
    """The innermost reason that the libraries below give."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return " ".join(str(getattr(error, "strerror", None) or error).split())
