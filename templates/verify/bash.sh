# Whether the request is genuine: verify_webhook SECRET ID TIMESTAMP SIGNATURES BODY_FILE [NOW]
# with its headers webhook-id, webhook-timestamp and webhook-signature, and the body in a file as
# it came. Needs openssl. For trying things out: others on the machine can see the key while it runs.
verify_webhook() {
    local secret=$1 id=$2 timestamp=$3 signatures=$4 body=$5 now=${6:-$(date +%s)}
    [[ -n $id && $timestamp =~ ^[0-9]{1,12}$ ]] || return 1
    local age=$((now - 10#$timestamp))
    ((age <= 300 && age >= -300)) || return 1

    local key
    if [[ $secret == whsec_* ]]; then
        local encoded=${secret#whsec_}
        encoded=${encoded%%=*}
        while ((${#encoded} % 4)); do encoded+="="; done
        key=$(printf %s "$encoded" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    else
        key=$(printf %s "$secret" | od -An -v -tx1 | tr -d ' \n')
    fi
    local expected
    expected=v1,$({ printf %s "$id.$timestamp."; cat "$body"; } |
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 | tr -d '\n')

    # Shells compare byte by byte, which takes longer the more of it fits. So both sides are hashed
    # under a random key first, and what takes longer tells nothing.
    local given blind fits=1
    blind=$(openssl rand -hex 32)
    blinded() { printf %s "$1" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$blind" -r; }
    # There are several signatures while a secret is being rotated; one that fits is enough.
    for given in $signatures; do
        [[ $(blinded "$given") == "$(blinded "$expected")" ]] && fits=0
    done
    return $fits
}
