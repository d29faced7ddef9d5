using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

static class WebhookSignature
{
    // Whether the request is genuine. The first three are its headers webhook-id, webhook-timestamp
    // and webhook-signature; body is what came, before any JSON parser touched it; now is
    // DateTimeOffset.UtcNow.ToUnixTimeSeconds().
    public static bool Verify(
        string secret, string id, string timestamp, string signatures, byte[] body, long now)
    {
        if (string.IsNullOrEmpty(id) || signatures == null) return false;
        if (!Regex.IsMatch(timestamp ?? "", @"\A[0-9]{1,12}\z")) return false;
        if (Math.Abs(now - long.Parse(timestamp)) > 5 * 60) return false;

        byte[] key = Encoding.UTF8.GetBytes(secret);
        if (secret.StartsWith("whsec_", StringComparison.Ordinal))
        {
            string encoded = secret.Substring("whsec_".Length).TrimEnd('=');
            key = Convert.FromBase64String(encoded + new string('=', (4 - encoded.Length % 4) % 4));
        }
        byte[] signed = Encoding.UTF8.GetBytes(id + "." + timestamp + ".").Concat(body).ToArray();
        byte[] expected;
        using (var hmac = new HMACSHA256(key))
        {
            expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(hmac.ComputeHash(signed)));
        }

        // There are several signatures while a secret is being rotated; one that fits is enough.
        return signatures.Split(' ').Any(given =>
            CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), expected));
    }
}
