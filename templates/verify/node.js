const { createHmac, timingSafeEqual } = require("node:crypto");

// body: the bytes of the request as they came, before any JSON parser touched them (a Buffer).
// headers: their names in lower case, as in req.headers.
function verifyWebhook(secret, headers, body, now = Math.floor(Date.now() / 1000)) {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  const signatures = headers["webhook-signature"];
  if (!id || !signatures || !/^[0-9]{1,12}$/.test(timestamp ?? "")) return false;
  if (Math.abs(now - Number(timestamp)) > 5 * 60) return false;

  const key = secret.startsWith("whsec_")
    ? Buffer.from(secret.slice("whsec_".length), "base64")
    : Buffer.from(secret, "utf8");
  const signed = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
  const expected = Buffer.from("v1," + signed.digest("base64"));

  // There are several signatures while a secret is being rotated; one that fits is enough.
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
