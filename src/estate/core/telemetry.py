"""What this process counts and times; `core.gauges` reads what the database and Redis know."""

from prometheus_client import Counter, Histogram

__all__ = [
    "GROUP_COMMIT_REFUSED",
    "GROUP_COMMIT_ROWS",
    "HTTP_REQUESTS",
    "HTTP_SECONDS",
    "INGESTED_ROWS",
    "OUTBOX_DEAD",
    "OUTBOX_DONE",
    "RATE_LIMIT_OPEN",
    "WAKES_DROPPED",
    "WRONG_CREDENTIALS",
]

HTTP_REQUESTS = Counter("estate_http_requests_total", "Requests answered.", ("method", "route", "status"))
HTTP_SECONDS = Histogram("estate_http_request_seconds", "Time to answer a request.", ("method", "route"))
INGESTED_ROWS = Counter("estate_ingested_rows_total", "Rows by layer and what became of them.", ("layer", "status"))
GROUP_COMMIT_ROWS = Histogram(
    "estate_group_commit_rows", "Rows written in one transaction.", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
GROUP_COMMIT_REFUSED = Counter("estate_group_commit_refused_total", "Rows answered 503 since too many waited.")
OUTBOX_DONE = Counter("estate_outbox_done_total", "Outbox rows done.", ("topic",))
OUTBOX_DEAD = Counter("estate_outbox_dead_total", "Outbox rows given up.", ("topic",))
WAKES_DROPPED = Counter("estate_wakes_dropped_total", "Wake-ups that did not reach Redis; the sweep catches them.")
RATE_LIMIT_OPEN = Counter("estate_rate_limit_open_total", "Requests let through because Redis did not answer.")
WRONG_CREDENTIALS = Counter("estate_wrong_credentials_total", "Requests with a key or session that is not good.")
