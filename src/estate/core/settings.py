"""The one settings object; nothing else reads the environment."""

import re
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from estate.core.browsers import is_loopback

__all__ = ["ConsoleSettings", "Environment", "Settings", "api_address", "get_console_settings", "get_settings"]

MIN_SECRET_LENGTH = 20
MODEL_URL = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (compared with, never bound)
DEVELOPMENT_PEPPER = b"estate-development-pepper"


class Environment(StrEnum):
    """Where the process runs; anything but development refuses default secrets."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


def _is_here(host: str) -> bool:
    return host == "localhost" or is_loopback(host)


def _checks_certificate(url: str) -> bool:
    return parse_qs(urlsplit(url).query).get("sslmode") == ["verify-full"]


def _uses_tls(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "rediss" and parse_qs(parts.query).get("ssl_cert_reqs", ["required"]) == ["required"]


class ConsoleSettings(BaseSettings):
    """What the console is configured with: it knows where the API is, and no secret."""

    model_config = SettingsConfigDict(env_prefix="ESTATE_", frozen=True, extra="ignore", hide_input_in_errors=True)

    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, ge=1, le=65_535)
    api_url: str | None = None
    api_timeout_s: float = Field(60.0, gt=0)
    console_host: str = "127.0.0.1"
    console_port: int = Field(8080, ge=1, le=65_535)
    console_reconnect_timeout_s: float = Field(120.0, ge=120)
    import_max_bytes: int = Field(16 * 1024 * 1024, ge=1)
    forwarded_allow_ips: str | None = None
    log_level: str = "INFO"


class Settings(ConsoleSettings):
    """Configuration from ``ESTATE_*`` variables; every limit carries its unit in its name."""

    environment: Environment = Environment.DEVELOPMENT
    data_dir: Path = Path(".estate")
    default_currency: str = Field("AED", pattern=r"^[A-Z]{3}$")

    database_url: SecretStr | None = None
    api_database_password: SecretStr | None = None
    worker_database_password: SecretStr | None = None
    db_pool_size: int = Field(10, ge=1)
    db_connect_timeout_s: int = Field(2, ge=1)
    db_pool_timeout_s: float = Field(2.0, gt=0)
    db_statement_timeout_ms: int = Field(5_000, ge=1)
    db_worker_statement_timeout_ms: int = Field(60_000, ge=1)
    db_lock_timeout_ms: int = Field(1_000, ge=1)
    db_idle_in_transaction_timeout_ms: int = Field(10_000, ge=1)
    db_connection_check_interval_ms: int = Field(500, ge=0)
    migration_lock_timeout_ms: int = Field(200, ge=1)
    migration_timeout_s: float = Field(120.0, gt=0)

    redis_url: SecretStr | None = None
    redis_timeout_ms: int = Field(100, ge=1)
    plaintext_hosts: str | None = None

    api_key: SecretStr | None = None
    bootstrap_api_key: SecretStr | None = None
    key_pepper: SecretStr | None = None
    credential_cache_ms: int = Field(1_000, ge=0, le=1_000)
    key_overlap_hours: int = Field(24, ge=0, le=8_760)
    session_idle_minutes: int = Field(30, ge=2)
    session_lifetime_hours: int = Field(12, ge=1)
    cors_allow_origins: str | None = None
    body_max_bytes: int = Field(16 * 1024 * 1024, ge=1)
    log_in_max_bytes: int = Field(8_192, ge=1)
    batch_max_items: int = Field(10_000, ge=1)
    problems_max_items: int = Field(100, ge=1)
    import_max_unpacked_bytes: int = Field(256 * 1024 * 1024, ge=1)
    import_max_rows: int = Field(100_000, ge=1)
    import_max_columns: int = Field(1_000, ge=1)
    import_max_cells: int = Field(5_000_000, ge=1)
    import_batch_rows: int = Field(500, ge=1)
    header_receive_deadline_s: float = Field(10.0, gt=0)
    body_receive_deadline_s: float = Field(15.0, gt=0)
    reads_per_minute: int = Field(6_000, ge=1)
    writes_per_minute: int = Field(6_000, ge=1)
    costly_per_minute: int = Field(600, ge=1)
    wrong_keys_per_minute: int = Field(10, ge=1)
    log_ins_per_minute: int = Field(10, ge=1)
    rate_limit_enabled: bool = True
    group_commit_max_waiting_rows: int = Field(2_000, ge=1)
    group_commit_max_rows: int = Field(1_000, ge=1)
    group_commit_gather_ms: float = Field(5.0, ge=0)
    group_commit_timeout_s: float = Field(5.0, gt=0)
    group_commit_lock_timeout_ms: int = Field(20, ge=1)
    group_commit_writers: int = Field(1, ge=1)
    idempotency_retention_hours: int = Field(24, ge=1)

    erasure_timeout_s: float = Field(60.0, gt=0)
    export_max_rows: int = Field(100_000, ge=1)
    retention_interval_s: float = Field(3_600.0, gt=0)
    retention_rejected_days: int = Field(90, ge=0)
    retention_replies_days: int = Field(0, ge=0)
    retention_utterances_days: int = Field(0, ge=0)
    retention_scores_days: int = Field(0, ge=0)
    retention_sessions_days: int = Field(30, ge=0)
    retention_imports_days: int = Field(90, ge=0)

    outbox_batch_rows: int = Field(500, ge=1)
    outbox_max_attempts: int = Field(5, ge=1)
    sweep_interval_s: float = Field(10.0, gt=0)
    analysis_interval_s: float = Field(10.0, ge=0)
    analysis_timeout_s: float = Field(240.0, gt=0)
    training_delay_s: float = Field(5.0, ge=0)
    training_timeout_s: float = Field(240.0, gt=0)
    training_max_deals: int = Field(20_000, ge=1)
    contact_rules_file: Path | None = None
    discount_rate_pct: Decimal = Field(Decimal(8), ge=0, le=1_000)
    market_window_days: int = Field(90, ge=1)
    demand_window_days: int = Field(30, ge=1)
    velocity_window_days: int = Field(182, ge=1)
    retrieval_max_records: int = Field(50, ge=1)
    embedder: Literal["off", "hashing", "local", "remote"] = "off"
    embedder_model: str = "sentence-transformers/all-MiniLM-L6-v2"
    embedder_url: str | None = None
    embedder_api_key: SecretStr | None = None
    embedder_timeout_s: float = Field(2.0, gt=0)
    dense_exact_max_rows: int = Field(5_000, ge=0)
    dense_ef_search_rows: int = Field(200, ge=1, le=1_000)
    learning_delay_s: float = Field(3_600.0, ge=0)
    learning_max_replies: int = Field(10_000, ge=1)
    llm_base_url: str | None = None
    llm_model: str | None = Field(None, min_length=1, max_length=200)
    llm_api_key: SecretStr | None = None
    llm_allow_private_addresses: bool = False
    llm_timeout_s: float = Field(20.0, gt=0)
    llm_max_retries: int = Field(1, ge=0, le=5)
    llm_reply_max_tokens: int = Field(2_000, ge=1)
    llm_agent_max_tokens_per_day: int = Field(500_000, ge=0)
    llm_house_max_tokens_per_day: int = Field(5_000_000, ge=0)
    llm_min_kept_share: Decimal = Field(Decimal("0.5"), ge=0, le=1)
    stream_heartbeat_s: float = Field(10.0, gt=0)
    false_discovery_share: Decimal = Field(Decimal("0.10"), gt=0, lt=1)

    sentry_dsn: SecretStr | None = None
    metrics_enabled: bool = True
    metrics_cache_s: float = Field(5.0, ge=0)
    metrics_statement_timeout_ms: int = Field(1_000, ge=1)
    worker_metrics_host: str = "127.0.0.1"
    worker_metrics_port: int = Field(0, ge=0, le=65_535)
    doctor_outbox_max_age_s: float = Field(300.0, gt=0)
    doctor_sweep_max_age_s: float = Field(60.0, gt=0)
    doctor_clock_max_difference_s: float = Field(2.0, gt=0)
    doctor_disk_min_free_bytes: int = Field(1024**3, ge=0)
    doctor_model_max_lag_hours: float = Field(24.0, gt=0)
    docs_enabled: bool = True

    @model_validator(mode="after")
    def _refuse_default_secrets(self) -> Self:
        if self.embedder == "remote" and self.embedder_url is None:
            raise ValueError("ESTATE_EMBEDDER=remote needs ESTATE_EMBEDDER_URL")
        if self.environment is not Environment.DEVELOPMENT and self.key_pepper is None:
            raise ValueError("ESTATE_KEY_PEPPER must be set outside development")
        if self.environment is not Environment.PRODUCTION:
            return self
        for name in ("database_url", "redis_url", "bootstrap_api_key"):
            if getattr(self, name) is None:
                raise ValueError(f"ESTATE_{name.upper()} must be set in production")
        for name in ("bootstrap_api_key", "key_pepper"):
            if len(getattr(self, name).get_secret_value()) < MIN_SECRET_LENGTH:
                raise ValueError(f"ESTATE_{name.upper()} needs at least {MIN_SECRET_LENGTH} characters")
        return self

    @model_validator(mode="after")
    def _name_the_model_whole(self) -> Self:
        """Ask for a URL with a model, without credentials in it, and encrypted where it leaves our network."""
        if (self.llm_base_url is None) != (self.llm_model is None):
            raise ValueError("ESTATE_LLM_BASE_URL and ESTATE_LLM_MODEL are set together or not at all")
        if self.llm_base_url is None:
            return self
        if not MODEL_URL.fullmatch(self.llm_base_url):
            raise ValueError("ESTATE_LLM_BASE_URL is like https://models.example.com/v1, without key or query")
        if not self.llm_base_url.startswith("https://") and not self.llm_allow_private_addresses:
            raise ValueError("ESTATE_LLM_BASE_URL is https:// unless ESTATE_LLM_ALLOW_PRIVATE_ADDRESSES is set")
        return self

    @model_validator(mode="after")
    def _refuse_plain_connections(self) -> Self:
        """Refuse to speak to another machine unless its certificate is checked, in production."""
        if self.environment is not Environment.PRODUCTION:
            return self
        for name, is_checked in (("database_url", _checks_certificate), ("redis_url", _uses_tls)):
            url = getattr(self, name).get_secret_value()
            host = urlsplit(url).hostname
            if host is not None and not _is_here(host) and not is_checked(url) and host not in self._spoken_to_plainly:
                raise ValueError(
                    f"ESTATE_{name.upper()} needs TLS with a checked certificate (sslmode=verify-full, rediss://), "
                    "or its host in ESTATE_PLAINTEXT_HOSTS"
                )
        return self

    @property
    def _spoken_to_plainly(self) -> list[str]:
        return _listed(self.plaintext_hosts)

    @field_validator("cors_allow_origins")
    @classmethod
    def _name_every_origin(cls, origins: str | None) -> str | None:
        wrong = [origin for origin in _listed(origins) if not ORIGIN.fullmatch(origin)]
        if wrong:
            raise ValueError("ESTATE_CORS_ALLOW_ORIGINS lists origins like https://console.example.com, by commas")
        return origins

    def allowed_origins(self) -> list[str]:
        """Return the origins whose pages may call the API with a key of their own."""
        return _listed(self.cors_allow_origins)

    def pepper(self) -> bytes:
        """Return the key that secrets are stored and models signed under; in development one that everybody knows."""
        return DEVELOPMENT_PEPPER if self.key_pepper is None else self.key_pepper.get_secret_value().encode()

    def require_database_url(self) -> str:
        """Return the database URL, or say how to get one."""
        if self.database_url is None:
            raise ValueError("ESTATE_DATABASE_URL is not set; `estate up` starts an embedded PostgreSQL")
        return self.database_url.get_secret_value()

    def require_redis_url(self) -> str:
        """Return the Redis URL, or say how to get one."""
        if self.redis_url is None:
            raise ValueError("ESTATE_REDIS_URL is not set; `estate up` starts an embedded Redis")
        return self.redis_url.get_secret_value()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the environment once."""
    return Settings()


@lru_cache(maxsize=1)
def get_console_settings() -> ConsoleSettings:
    """Read what the console needs, once."""
    return ConsoleSettings()


def api_address(host: str, port: object) -> str:
    """Return the URL under which an API that listens there is reached from this machine."""
    host = "127.0.0.1" if host in ANY_ADDRESS else host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
