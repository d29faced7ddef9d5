require "openssl"

# Whether the request is genuine.
#
# body: the bytes as they came, from request.body.read, before any JSON parser touched them.
# headers: a hash; its names in lower case.
def verify_webhook(secret, headers, body, now = Time.now.to_i)
  id = headers["webhook-id"].to_s
  timestamp = headers["webhook-timestamp"].to_s
  signatures = headers["webhook-signature"].to_s
  return false if id.empty? || !timestamp.match?(/\A[0-9]{1,12}\z/)
  return false if (now - timestamp.to_i).abs > 5 * 60

  key = secret.start_with?("whsec_") ? secret.delete_prefix("whsec_").unpack1("m") : secret
  signed = "#{id}.#{timestamp}.".b + body.b
  expected = "v1," + [OpenSSL::HMAC.digest("SHA256", key, signed)].pack("m0")

  # There are several signatures while a secret is being rotated; one that fits is enough.
  signatures.split(" ").any? { |given| OpenSSL.secure_compare(given, expected) }
end
