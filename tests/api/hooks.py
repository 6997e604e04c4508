"""URLs that a webhook may have: most of what a generator makes leads nowhere. Waiting for news takes as long as it says."""

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format("uri", st.sampled_from(["https://example.com/hook", "http://a.test:8080/x?y=1"]))


@schemathesis.hook
def filter_query(context, query):
    return query is None or "wait" not in query or str(query["wait"]) in ("0", "1")


def is_ambiguous(value):
    """A float beyond 64 bits is a number to us and an integer to a schema, which can't see how it was written."""
    if isinstance(value, dict):
        return any(is_ambiguous(one) for one in value.values())
    if isinstance(value, list):
        return any(is_ambiguous(one) for one in value)
    return isinstance(value, float) and abs(value) >= 2**63


@schemathesis.hook
def filter_body(context, body):
    return not is_ambiguous(body)
