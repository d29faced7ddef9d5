#!/usr/bin/env bash
# The Debian package in a throw-away Debian: installed, started as its unit says, upgraded over itself,
# removed and purged. Changes nothing outside a temporary folder. As root, with debootstrap:
#
#   packaging/prove-deb.sh target/release-files/hookstead_0.1.0-1_amd64.deb
set -euo pipefail
package=$(realpath "$1")
work=$(mktemp -d)
root=$work/root
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
say() { echo "--- $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

say "a Debian of its own"
debootstrap --variant=minbase bookworm "$root" >"$work/log" 2>&1 || { tail -5 "$work/log"; fail debootstrap; }
# Nothing is started in it by a package.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc"
cp "$package" "$root/hookstead.deb"

say "installed"
inside dpkg --install /hookstead.deb
for file in /usr/bin/hookstead /etc/hookstead/hookstead.toml /usr/share/man/man1/hookstead.1.gz \
    /usr/share/bash-completion/completions/hookstead /usr/share/doc/hookstead/copyright; do
    [ -s "$root$file" ] || fail "$file is not there"
done
unit=$(find "$root/lib/systemd/system" "$root/usr/lib/systemd/system" -name hookstead.service 2>/dev/null | head -1)
[ -n "$unit" ] || fail "no unit"
inside dpkg --verify hookstead
inside hookstead version

say "started as the unit says, as somebody without rights"
install -d -m 700 -o 61184 -g 61184 "$root/var/lib/hookstead"
start=$(sed -n 's/^ExecStart=//p' "$unit")
mapfile -t variables < <(sed -n 's/^Environment=//p' "$unit")
# shellcheck disable=SC2086 # the words of the command
chroot --userspec=61184:61184 "$root" /usr/bin/env -i "${variables[@]}" HOOKSTEAD_LISTEN=127.0.0.1:0 $start \
    >"$work/out" 2>"$work/err" &
server=$!
for _ in $(seq 100); do
    grep -q '^listening on ' "$work/err" && break
    kill -0 "$server" || { cat "$work/err"; fail "it ended"; }
    sleep 0.1
done
base=$(sed -n 's/^listening on //p' "$work/err")
curl --noproxy '*' --fail --silent "$base/readyz" >/dev/null || fail "not ready"
# The commands of the package find the server by its configuration.
key=$(inside hookstead apikey create proof --config /etc/hookstead/hookstead.toml)
curl --noproxy '*' --fail --silent --output /dev/null --header "Authorization: Bearer $key" "$base/api/v1/me" || fail "no key"
[ "$(stat --format %a "$root/var/lib/hookstead/hookstead.key")" = 600 ] || fail "the key is not beside the data"
kill "$server" && wait "$server" || fail "it did not stop in order"
server=

say "installed over itself: the configuration stays as it was changed"
echo '# changed by the operator' >>"$root/etc/hookstead/hookstead.toml"
inside dpkg --force-confold --install /hookstead.deb
grep -q 'changed by the operator' "$root/etc/hookstead/hookstead.toml" || fail "the configuration was overwritten"

say "removed, then purged: the data stays"
inside dpkg --remove hookstead
[ ! -e "$root/usr/bin/hookstead" ] || fail "the program is still there"
[ -e "$root/etc/hookstead/hookstead.toml" ] || fail "removing took the configuration"
inside dpkg --purge hookstead
[ ! -e "$root/etc/hookstead/hookstead.toml" ] || fail "purging left the configuration"
[ -s "$root/var/lib/hookstead/data/hookstead.redb" ] || fail "the data is gone"
[ -s "$root/var/lib/hookstead/hookstead.key" ] || fail "the key of the data is gone"
say "all of it held"
