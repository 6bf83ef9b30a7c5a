"""`estate console`: the web pages, one process, beside an API that runs."""

import typer

from estate.core.settings import api_address, get_console_settings

__all__ = ["console"]

STOP_DEADLINE_S = 5


def console() -> None:
    """Serve the console; it is signed in to with what `estate users create` made."""
    import uvicorn

    from estate.console.app import create_app

    settings = get_console_settings()
    typer.echo(f"Console  {api_address(settings.console_host, settings.console_port)}", err=True)
    uvicorn.run(
        create_app(),
        host=settings.console_host,
        port=settings.console_port,
        log_level=settings.log_level.lower(),
        access_log=False,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=STOP_DEADLINE_S,
    )
