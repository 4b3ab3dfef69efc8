"""What can be wrong with an Elasticsearch server, as errors of one clear line each."""

from __future__ import annotations

import re

from elasticsearch import ApiError, SSLError, TransportError, UnsupportedProductError

from transforms.elasticsearch.refusal import Refusal, cause_of
from transforms.index import SearchIndexError

MAJOR_VERSIONS = (8, 9)
"""Of the servers that the client library of version 8.19 talks to."""


class ElasticsearchError(SearchIndexError):
    """The server cannot be used for a reason that is not one document's; no retry helps."""


class ElasticsearchUnreachableError(ElasticsearchError):
    """No server answers, or none did for as long as it was waited for."""


class ElasticsearchAuthenticationError(ElasticsearchError):
    """The server does not know the user, the password or the API key."""


class ElasticsearchPrivilegeError(ElasticsearchError):
    """The server knows the user, who may not do this."""


class ElasticsearchVersionError(ElasticsearchError):
    """The server is of a version, or a product, that the client library does not talk to."""


class ElasticsearchRefusedError(ElasticsearchError):
    """The index is missing, closed or blocked, or the server took nothing for too long."""


_UNAUTHORIZED = re.compile(
    r"action \[(?P<action>\S+)\] is unauthorized for (?P<who>.+?)(?: with effective roles.*?)?"
    r"(?: on (?:restricted )?indices \[(?P<indices>[^\]]+)\])?"
    r", this action is granted by the (?P<kind>\w+) privileges \[(?P<privileges>[^\]]+)\]"
)
_MEDIA_TYPES = ("media_type_header_exception", "compatible-with")
_UNAUTHENTICATED, _NOT_ACCEPTABLE = 401, 406


def explain(error: ApiError | TransportError, where: str, credentials: str) -> ElasticsearchError:
    """An error of the client library as one of ours.

    Args:
        error: what the library raised.
        where: the addresses that were tried.
        credentials: whom the client says it is, and from where it has the secret.
    """
    if isinstance(error, TransportError):
        return unreachable(error, where)
    if isinstance(error, UnsupportedProductError):
        return ElasticsearchVersionError(f"what answers at {where} is no Elasticsearch")
    refusal = Refusal.of_error(error)
    if refusal.status == _NOT_ACCEPTABLE or any(m in refusal.reason for m in _MEDIA_TYPES):
        return wrong_version(where, f"it refuses the requests of this client: {refusal.reason}")
    return refused(refusal, where, credentials)


def refused(refusal: Refusal, where: str, credentials: str) -> ElasticsearchError:
    """What the server refuses whatever the document is."""
    if refusal.status == _UNAUTHENTICATED:
        return ElasticsearchAuthenticationError(
            f"Elasticsearch at {where} rejects {credentials}: {refusal.reason}"
        )
    if refusal.error_type == "security_exception":
        return ElasticsearchPrivilegeError(
            f"Elasticsearch at {where}: {missing_privilege(refusal.reason)}"
        )
    return ElasticsearchRefusedError(
        f"Elasticsearch at {where} refuses: {refusal.reason} ({refusal.status})"
    )


def gave_up(refusal: Refusal, where: str, waited: str) -> ElasticsearchError:
    """What is said when a refusal that might have passed did not; ``waited`` says how long."""
    if refusal.status:
        return ElasticsearchRefusedError(
            f"Elasticsearch at {where} refuses, and {waited}: {refusal.reason} ({refusal.status})"
        )
    return ElasticsearchUnreachableError(
        f"Elasticsearch at {where} does not answer, and {waited}: {refusal.reason}"
    )


def missing_privilege(reason: str) -> str:
    """The server's words on a missing privilege, put so that the privilege stands out."""
    found = _UNAUTHORIZED.search(reason)
    if not found:
        return reason
    on = f" on {found['indices']}" if found["indices"] else ""
    privileges = found["privileges"].replace(",", ", ")
    return (
        f"{found['who']} lacks a privilege{on}: {found['action']} "
        f"needs one of the {found['kind']} privileges {privileges}"
    )


def unreachable(error: TransportError, where: str) -> ElasticsearchUnreachableError:
    """What is said where a connection fails."""
    cause = cause_of(error)
    if isinstance(error, SSLError):
        advice = (
            "does it speak http and not https?"
            if "WRONG_VERSION_NUMBER" in cause
            else "name its CA (ca_certs) or its fingerprint (ssl_assert_fingerprint)"
        )
        return ElasticsearchUnreachableError(f"no secure connection to {where} ({cause}): {advice}")
    return ElasticsearchUnreachableError(
        f"no Elasticsearch answers at {where} ({cause}): "
        "is it running, and is that its address (https or http, host, port)?"
    )


def wrong_version(where: str, what: str) -> ElasticsearchVersionError:
    """What is said to a server of another version."""
    spoken = " and ".join(f"{major}.x" for major in MAJOR_VERSIONS)
    return ElasticsearchVersionError(f"Elasticsearch at {where} must be {spoken}; {what}")
