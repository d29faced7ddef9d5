import base64
import hashlib
import hmac
import re
import time


def verify_webhook(secret, headers, body, now=None):
    """Whether the request is genuine.

    body: the bytes as they came, before any JSON parser touched them.
    headers: a mapping; its names in lower case unless it ignores case itself.
    """
    webhook_id = headers.get("webhook-id") or ""
    timestamp = headers.get("webhook-timestamp") or ""
    signatures = headers.get("webhook-signature") or ""
    if not webhook_id or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > 5 * 60:
        return False

    if secret.startswith("whsec_"):
        encoded = secret[len("whsec_"):].rstrip("=")
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    else:
        key = secret.encode()
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)

    # There are several signatures while a secret is being rotated; one that fits is enough.
    return any(hmac.compare_digest(given.encode(), expected) for given in signatures.split(" "))
