"""Values of a form that a schema can't describe: most of what a generator makes is none. Waiting for news takes as long as
it says."""

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format("uri", st.sampled_from(["https://example.com/hook", "http://a.test:8080/x?y=1"]))
schemathesis.openapi.format("url", st.sampled_from(["http://localhost:3000/hooks", "https://example.com/ñ"]))
schemathesis.openapi.format("condition", st.sampled_from(["data.object.total > 1000", 'event == "invoice.paid"']))
schemathesis.openapi.format("jinja", st.sampled_from(['{"text": "{{ event }}"}', "{}"]))
schemathesis.openapi.format("time or date", st.sampled_from(["2026-03-01", "2026-03-01 10:00:00", "1774000000"]))


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
