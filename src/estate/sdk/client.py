"""The client: one object whose attributes are the groups of calls."""

import json
from types import TracebackType
from typing import Any, Self

from estate.sdk.errors import UnexpectedAnswer
from estate.sdk.groups.agent import AgentApi
from estate.sdk.groups.base import Group, new_key
from estate.sdk.groups.behavior import BehaviorApi
from estate.sdk.groups.client import ClientApi
from estate.sdk.groups.gpt import GptApi
from estate.sdk.groups.house import AuthApi, IngestApi
from estate.sdk.groups.imports import ImportsApi
from estate.sdk.groups.market import MarketApi
from estate.sdk.groups.property import PropertyApi
from estate.sdk.groups.system import SystemApi
from estate.sdk.models.house import Health, Readiness
from estate.sdk.transport import JSON, RETRIES, TIMEOUT_S, Call, Carrier, Transport, to_body


class Estate(Group):
    """A client of Estate's API; many threads may share one.

    Parameters
    ----------
    base_url : str
        Where the API is, e.g. ``"http://127.0.0.1:8000"``.
    api_key : str or None
        An API key.
    session : str or None
        The token of a session, instead of a key; `login` opens one.
    timeout_s : float
        Longest silence of the API within a call.
    retries : int
        How often a call that may be repeated is repeated, when it did not get through or the API asked to wait.
    http : httpx2.BaseTransport or None
        What carries the requests instead of the network.
    forwarded_for : str or None
        Address of the person on whose behalf a server calls: limits by address are then theirs. The API believes it
        from the servers that ``ESTATE_FORWARDED_ALLOW_IPS`` names.

    Examples
    --------
    >>> with Estate("http://127.0.0.1:8000", api_key="...") as estate:  # doctest: +SKIP
    ...     for area in estate.market.heatmap():
    ...         print(area.area_name, area.heat_score)
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        session: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
        http: Carrier | None = None,
        forwarded_for: str | None = None,
    ) -> None:
        transport = Transport(
            base_url,
            api_key=api_key,
            session=session,
            timeout_s=timeout_s,
            retries=retries,
            http=http,
            forwarded_for=forwarded_for,
        )
        super().__init__(transport)
        self.market = MarketApi(transport)
        self.agent = AgentApi(transport)
        self.client = ClientApi(transport)
        self.property = PropertyApi(transport)
        self.behavior = BehaviorApi(transport)
        self.gpt = GptApi(transport)
        self.ingest = IngestApi(transport)
        self.imports = ImportsApi(transport)
        self.auth = AuthApi(transport)
        self.system = SystemApi(transport)

    @classmethod
    def login(cls, base_url: str, email: str, password: str, *, timeout_s: float = TIMEOUT_S) -> Self:
        """Log in and return a client that carries the session; `session` is its token, to be kept."""
        estate = cls(base_url, timeout_s=timeout_s)
        try:
            estate.auth.login(email=email, password=password)
        except BaseException:
            estate.close()
            raise
        return estate

    @property
    def session(self) -> str | None:
        """Token of the session that calls carry."""
        return self._transport.session

    def healthz(self) -> Health:
        """Tell that the API answers."""
        return self._get(Health, "/healthz")

    def readyz(self) -> Readiness:
        """Tell whether the API can serve requests."""
        return self._get(Readiness, "/readyz")

    def metrics(self) -> str:
        """Return the metrics of the process that answers, as Prometheus reads them."""
        return self._transport.send(Call("GET", "/metrics", {})).text

    def request(self, method: str, path: str, *, params: dict[str, Any] | None = None, body: object = None) -> Any:
        """Make any call and return the JSON of its answer, or the text where it is none.

        Raises
        ------
        ValueError
            The path does not begin with a slash: the key goes to this API only.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("A path begins with one slash, like /market/heatmap.")
        content = None if body is None else to_body(body)
        key = new_key() if method == "POST" else None
        response = self._transport.send(Call(method, path, params or {}, content, key=key))
        if not response.headers.get("content-type", "").startswith(JSON):
            return response.text
        try:
            return json.loads(response.content)
        except ValueError as error:
            request_id = response.headers.get("x-request-id")
            raise UnexpectedAnswer("The answer is no JSON.", request_id=request_id) from error

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
