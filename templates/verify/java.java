import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

final class WebhookSignature {
    /**
     * Whether the request is genuine. The first three are its headers webhook-id, webhook-timestamp
     * and webhook-signature, null if missing; body is what came, before any JSON parser touched it;
     * now is Instant.now().getEpochSecond().
     */
    static boolean verify(String secret, String id, String timestamp, String signatures, byte[] body, long now)
            throws GeneralSecurityException {
        if (id == null || id.isEmpty() || signatures == null) return false;
        if (timestamp == null || !timestamp.matches("[0-9]{1,12}")) return false;
        if (Math.abs(now - Long.parseLong(timestamp)) > 5 * 60) return false;

        byte[] key = secret.startsWith("whsec_")
                ? Base64.getDecoder().decode(secret.substring("whsec_".length()))
                : secret.getBytes(StandardCharsets.UTF_8);
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        String signed = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
        byte[] expected = signed.getBytes(StandardCharsets.UTF_8);

        // There are several signatures while a secret is being rotated; one that fits is enough.
        for (String given : signatures.split(" ")) {
            if (MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), expected)) return true;
        }
        return false;
    }
}
