"""The address of a lake from the settings of a gateway."""

import socket
from dataclasses import replace

from gateway.settings import Settings
from gateway.store.lake.lake_address import InvalidAddress, LakeAddress, S3Access


def lake_address(settings: Settings) -> LakeAddress:
    """Return the address of the lake of a gateway.

    Raises:
        InvalidAddress: A setting is missing or cannot be used.
    """
    catalog, data = settings.lake_catalog, settings.lake_data
    if catalog is None or data is None:
        missing = "GATEWAY_LAKE_CATALOG" if catalog is None else "GATEWAY_LAKE_DATA"
        raise InvalidAddress(f"a lake needs {missing}; gateway docs lake has an example")
    s3 = _s3_access(settings, settings.lake_s3_key_id, settings.lake_s3_secret, "GATEWAY_LAKE_S3")
    address = LakeAddress.of(catalog, data, s3, settings.name or socket.gethostname())
    return replace(address, deleting=_deleting_access(settings), keep=settings.lake_keep)


def _deleting_access(settings: Settings) -> S3Access | None:
    """Return the credentials that may delete data files on S3, None if this gateway has none.

    Raises:
        InvalidAddress: One of the two settings is missing.
    """
    if settings.lake_delete_key_id is None and settings.lake_delete_secret is None:
        return None
    key_id, secret = settings.lake_delete_key_id, settings.lake_delete_secret
    return _s3_access(settings, key_id, secret, "GATEWAY_LAKE_DELETE")


def _s3_access(settings: Settings, key_id: str | None, secret: str | None, name: str) -> S3Access | None:
    if not (settings.lake_data or "").startswith("s3://"):
        return None
    if not key_id or not secret:
        raise InvalidAddress(f"data files on S3 need {name}_KEY_ID and {name}_SECRET")
    scheme, _, host = (settings.lake_s3_endpoint or "").rpartition("://")
    return S3Access(key_id, secret, host, settings.lake_s3_region, scheme != "http")
