#!/usr/bin/env bash
# Makes a network for trying synfin by hand: two namespaces joined by a veth pair.
#
#   scripts/netns.sh up      sfA (interface sfA0 for synfin, no address) <-> sfB (interface sfB0 for the kernel, 10.77.0.1/24
#                            and 2001:db8:77::1/64)
#   scripts/netns.sh down    removes both namespaces with the pair (end the programs in them first)
#   scripts/netns.sh status  shows the interfaces
#
# synfin serves in sfA:        ip netns exec sfA build/apps/synfin/synfin serve --device af_packet:sfA0 --address 10.77.0.2/24 --app http
# a kernel client asks in sfB: ip netns exec sfB curl http://10.77.0.2/
# For IPv6, add --address 2001:db8:77::2/64 to serve, and ask for 'http://[2001:db8:77::2]/'.
set -euo pipefail
say() { printf 'netns: %s\n' "$*" >&2; }

if [ "$(id -u)" != 0 ]; then
    say "network namespaces need root: sudo $0 $*"
    exit 1
fi

set_ipv6() { # NAMESPACE FILE VALUE
    ip netns exec "$1" sh -c "if [ -e /proc/sys/net/ipv6/conf/$2 ]; then echo $3 > /proc/sys/net/ipv6/conf/$2; fi"
}

up() {
    if ip netns list | grep -qE '^sf[AB]( |$)'; then
        say "sfA or sfB already exists; remove them: $0 down"
        exit 1
    fi
    trap 'down' ERR
    ip netns add sfA
    ip netns add sfB
    # Make the pair inside the namespaces, so that it never appears outside and is removed with them.
    ip -n sfA link add sfA0 type veth peer name sfB0 netns sfB
    for end in A B; do
        # synfin's end: the kernel there must not answer over IPv6. The kernel's end: it must not ask for routers.
        if [ $end = A ]; then set_ipv6 sfA all/disable_ipv6 1; else set_ipv6 sfB sfB0/accept_ra 0; fi
        ip -n sf$end link set lo up
        ip -n sf$end link set sf${end}0 up
    done
    ip -n sfB address add 10.77.0.1/24 dev sfB0
    # nodad: the address answers at once.
    ip -n sfB address add 2001:db8:77::1/64 dev sfB0 nodad 2>/dev/null || say "this kernel has no IPv6: sfB0 has IPv4 only"
    trap - ERR
    say "up: synfin uses sfA0 in sfA, the kernel uses sfB0 (10.77.0.1/24, 2001:db8:77::1/64) in sfB"
}

down() {
    for end in A B; do
        if ip netns list | grep -qE "^sf$end( |\$)"; then ip netns del sf$end; fi
    done
}

case ${1:-} in
    up) up ;;
    down) down ;;
    status)
        for end in A B; do
            if ip netns list | grep -qE "^sf$end( |\$)"; then ip -n sf$end -br address show; else say "no sf$end"; fi
        done
        ;;
    *) say "usage: $0 up|down|status"; exit 2 ;;
esac
