"""What stations are told of the file server, by the settings."""

from __future__ import annotations

import pytest

from csms.app.file_door import addresses_of
from csms.config import Address, Settings, SettingsError
from csms.services.transfers import FileProtocol

pytestmark = pytest.mark.feature("F-FILE-1")
HTTP, HTTPS, FTP, FTPS = FileProtocol.HTTP, FileProtocol.HTTPS, FileProtocol.FTP, FileProtocol.FTPS
LOCAL = Address("127.0.0.1", 0)


def test_in_the_clear_there_is_http_only() -> None:
    assert addresses_of(Settings(files_listen=LOCAL), 9001, None) == {HTTP: "http://127.0.0.1:9001/"}


def test_with_tls_the_secure_ones_come_first() -> None:
    settings = Settings(
        files_listen=Address("::1", 0),
        ocpp_tls_listen="127.0.0.1:9443",
        files_ftp_listen="127.0.0.1:2121",
        files_ftp_security="optional",
        files_ftp_public_host="ftp.example.org",
    )
    assert addresses_of(settings, 9001, 2121) == {
        HTTPS: "https://[::1]:9001/",
        HTTP: "http://[::1]:9001/",
        FTPS: "ftps://ftp.example.org:2121/",
        FTP: "ftp://ftp.example.org:2121/",
    }


def test_a_public_address_is_the_only_one() -> None:
    settings = Settings(files_public_url="https://files.example.org/x")
    assert addresses_of(settings, 9001, None) == {HTTPS: "https://files.example.org/x/"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"files_ftp_listen": "127.0.0.1:21"},
        {"files_ftp_listen": "x", "files_ftp_security": "optional"},
        {"files_ftp_passive_ports": "60000"},
        {"files_ftp_passive_ports": "60100-60000"},
        {"files_public_url": "ftp://x"},
    ],
)
def test_settings_that_do_not_go_together(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        Settings(**wrong)  # type: ignore[arg-type]
