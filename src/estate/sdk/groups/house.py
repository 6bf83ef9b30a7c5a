"""Calls about rows that were refused, and about who calls."""

from estate.sdk.errors import UnexpectedAnswer
from estate.sdk.groups.base import Group, Id
from estate.sdk.models.house import LoggedOut, Me, RejectedRow
from estate.sdk.pages import Pages
from estate.sdk.transport import SESSION_COOKIES, Call, parsed, to_body


class IngestApi(Group):
    """What came in and was refused."""

    def rejected(
        self,
        *,
        layer: str | None = None,
        batch_id: Id | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Pages[RejectedRow]:
        """List refused rows with their bytes and the reason, newest first."""
        return self._pages(RejectedRow, "/ingest/rejected", layer=layer, batch_id=batch_id, cursor=cursor, limit=limit)


class AuthApi(Group):
    """Who calls."""

    def login(self, *, email: str, password: str) -> Me:
        """Open a session, which this client's calls carry from now on."""
        body = to_body({"email": email, "password": password})
        response = self._transport.send(Call("POST", "/auth/login", {}, body))
        token = next((response.cookies[name] for name in SESSION_COOKIES if name in response.cookies), None)
        if token is None:
            raise UnexpectedAnswer("The log-in brought no session.", request_id=response.headers.get("x-request-id"))
        me = parsed(Me, response)
        self._transport.session = token
        return me

    def logout(self) -> LoggedOut:
        """End the session at once."""
        left = parsed(LoggedOut, self._transport.send(Call("POST", "/auth/logout", {})))
        self._transport.session = None
        return left

    def me(self) -> Me:
        """Tell who calls."""
        return self._get(Me, "/auth/me")
