"""Sessions of browsers, with clocks that the tests set."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from gateway.auth import sessions
from gateway.auth.askers import Askers, cookie_name, session_ids
from gateway.auth.credentials import Credentials
from gateway.auth.permissions import Asker
from gateway.auth.sessions import Sessions
from gateway.auth.tokens import make_token
from gateway.errors import Code, GatewayError
from tests.support.server import put

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = START + timedelta(days=1)


class Clocks:
    """The time of sessions, in seconds, and that of tokens."""

    def __init__(self):
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def instant(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def secrets(tmp_path):
    """Write a tokens file, and give the secrets in it."""
    made = {
        "etl": make_token("etl"),
        "old": make_token("etl"),
        "guest": make_token("guest", expires=DAY),
        "auditor": make_token("auditor", views=True),
    }
    lines = [line for name, (_, line) in made.items() if name != "old"]
    digest = hashlib.sha256(made["old"][0].encode()).hexdigest()
    lines[0] = lines[0].replace("]", f", sha256:{digest}]")
    put(tmp_path / "tokens.yaml", "\n".join(lines))
    return {name: secret for name, (secret, _) in made.items()}


@pytest.fixture
def credentials(tmp_path, clocks, secrets):
    return Credentials(tmp_path, tmp_path / "tokens.yaml", clocks.instant)


@pytest.fixture
def opened(credentials, clocks):
    return Sessions(credentials, idle=60, lifetime=3600, clock=clocks.now)


def test_session_ids_are_long_and_unique(opened, secrets):
    ids = {opened.open(secrets["etl"]) for _ in range(10)}

    assert len(ids) == len(opened) == 10
    assert {len(each) for each in ids} == {43}
    assert {opened.find(each) for each in ids} == {"etl"}
    assert opened.find("x" * 43) is None
    assert opened.find("") is None


def test_memory_holds_no_secret_and_no_id(opened, secrets):
    session_id = opened.open(secrets["etl"])

    held = repr(opened._sessions)
    assert session_id not in held
    assert secrets["etl"] not in held


def test_unused_session_ends_after_the_idle_time(opened, secrets, clocks):
    session_id = opened.open(secrets["etl"])
    clocks.seconds = 59
    assert opened.find(session_id) == "etl"
    clocks.seconds = 59 + 59
    assert opened.find(session_id) == "etl"
    clocks.seconds = 59 + 59 + 60

    assert opened.find(session_id) is None
    assert len(opened) == 0


def test_used_session_ends_after_its_lifetime(opened, secrets, clocks):
    session_id = opened.open(secrets["etl"])
    for clocks.seconds in range(0, 3600, 30):
        assert opened.find(session_id) == "etl"
    clocks.seconds = 3600

    assert opened.find(session_id) is None


def test_session_ends_with_its_expired_token(credentials, secrets, clocks):
    opened = Sessions(credentials, idle=10**6, lifetime=10**6, clock=clocks.now)
    session_id = opened.open(secrets["guest"])
    clocks.seconds = timedelta(days=1).total_seconds() - 1
    assert opened.find(session_id) == "guest"
    clocks.seconds += 1

    assert opened.find(session_id) is None
    with pytest.raises(GatewayError) as refused:
        opened.open(secrets["guest"])
    assert refused.value.code is Code.TOKEN_EXPIRED


def test_revoked_digest_ends_only_its_own_sessions(opened, secrets, credentials, tmp_path):
    old, new, other = (opened.open(secrets[name]) for name in ("old", "etl", "auditor"))
    text = (tmp_path / "tokens.yaml").read_text()
    digest = hashlib.sha256(secrets["old"].encode()).hexdigest()
    put(tmp_path / "tokens.yaml", text.replace(f", sha256:{digest}", ""))
    credentials.refresh()

    assert [opened.find(each) for each in (old, new, other)] == [None, "etl", "auditor"]


def test_digest_under_another_name_ends_the_session(opened, secrets, credentials, tmp_path):
    session_id = opened.open(secrets["etl"])
    text = (tmp_path / "tokens.yaml").read_text()
    put(tmp_path / "tokens.yaml", text.replace("etl:", "loader:"))
    credentials.refresh()

    assert opened.find(session_id) is None


def test_admin_session_ends_with_admin_of_tokens_file(opened, credentials, tmp_path):
    session_id = opened.open((tmp_path / "admin-token").read_text().strip())
    assert opened.find(session_id) == "admin"
    put(tmp_path / "tokens.yaml", f"{(tmp_path / 'tokens.yaml').read_text()}\n{make_token('admin')[1]}")
    credentials.refresh()

    assert opened.find(session_id) is None


def test_sessions_above_the_limit_end_by_last_use(opened, secrets, monkeypatch):
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 3)
    first, second, third = (opened.open(secrets["etl"]) for _ in range(3))
    assert opened.find(first) == "etl"
    fourth = opened.open(secrets["etl"])

    found = [opened.find(each) for each in (first, second, third, fourth)]
    assert found == ["etl", None, "etl", "etl"]


def test_many_sessions_of_one_token_end_no_other(opened, secrets, monkeypatch):
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 3)
    other = opened.open(secrets["auditor"])
    many = [opened.open(secrets["etl"]) for _ in range(10)]

    assert opened.find(other) == "auditor"
    assert [opened.find(each) for each in many[-2:]] == ["etl", "etl"]
    assert len(opened) == 3


def test_sign_in_removes_idle_sessions(opened, secrets, clocks):
    for _ in range(5):
        opened.open(secrets["etl"])
    assert len(opened) == 5
    clocks.seconds = 60
    assert len(opened) == 0
    opened.open(secrets["etl"])

    assert len(opened) == len(opened._sessions) == 1


def test_ended_session_is_unknown(opened, secrets):
    session_id, other = opened.open(secrets["etl"]), opened.open(secrets["etl"])
    opened.end(session_id)
    opened.end("unknown")

    assert (opened.find(session_id), opened.find(other)) == (None, "etl")


@pytest.mark.parametrize("secret", ["", "gw_wrong", "\udce9", "é"])
def test_unknown_secret_opens_no_session(opened, secret):
    with pytest.raises(GatewayError) as refused:
        opened.open(secret)

    assert refused.value.code is Code.TOKEN_INVALID
    assert len(opened) == 0


# -- askers


def test_header_alone_counts_beside_a_session(opened, secrets, credentials):
    askers = Askers(credentials, opened)
    cookie = f"gateway={opened.open(secrets['etl'])}"

    assert askers.of(None, cookie, is_secure=False) == Asker("etl")
    assert askers.of(f"Bearer {secrets['auditor']}", cookie, is_secure=False) == Asker("auditor", views=True)
    with pytest.raises(GatewayError):
        askers.of("Bearer gw_wrong", cookie, is_secure=False)


def test_session_has_the_view_of_its_token(opened, secrets, credentials):
    cookie = f"gateway={opened.open(secrets['auditor'])}"

    assert Askers(credentials, opened).of(None, cookie, is_secure=False) == Asker("auditor", views=True)


@pytest.mark.parametrize(
    "cookies", [None, "", "gateway", "gateway=", ";;=;", "gateway=x", "other=ID", "Gateway=ID"]
)
def test_cookies_without_a_session_are_nobody(opened, secrets, credentials, cookies):
    cookies = cookies and cookies.replace("ID", opened.open(secrets["etl"]))

    assert Askers(credentials, opened).of(None, cookies, is_secure=False) == Asker()


def test_cookie_of_another_path_hides_no_session(opened, secrets, credentials):
    cookies = f"theme=dark; gateway=stale; gateway={opened.open(secrets['etl'])}"

    assert Askers(credentials, opened).of(None, cookies, is_secure=False) == Asker("etl")


def test_cookie_of_http_does_not_count_over_https(opened, secrets, credentials):
    session_id = opened.open(secrets["etl"])
    askers = Askers(credentials, opened)

    assert askers.of(None, f"gateway={session_id}", is_secure=True) == Asker()
    assert askers.of(None, f"__Secure-gateway={session_id}", is_secure=True) == Asker("etl")
    assert askers.of(None, f"__Secure-gateway={session_id}", is_secure=False) == Asker()
    assert [cookie_name(is_secure=each) for each in (True, False)] == ["__Secure-gateway", "gateway"]
    assert list(session_ids("gateway=a; gateway=b", is_secure=False)) == ["a", "b"]
