"""What ingestion refused."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from estate.api.deps import ReadSession, keyed_caller
from estate.core.paging import PageOut
from estate.core.rejected import RejectedFilter, RejectedOut, list_rejected

router = APIRouter(prefix="/ingest", tags=["ingest"])


@router.get("/rejected", dependencies=[Depends(keyed_caller)])
def rejected(session: ReadSession, wanted: Annotated[RejectedFilter, Query()]) -> PageOut[RejectedOut]:
    """List refused rows with their bytes and the reason, newest first; needs a key, as they may hold anything."""
    page = list_rejected(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)
