#!/usr/bin/env bash
# Makes a network for trying synfin by hand: two namespaces joined by a veth pair.
#
#   scripts/netns.sh up      sfA (interface sfA0 for synfin, no address) <-> sfB (interface sfB0 for the kernel, 10.77.0.1/24)
#   scripts/netns.sh down    removes both namespaces with the pair (end the programs in them first)
#   scripts/netns.sh status  shows the interfaces
#
# synfin serves in sfA:        ip netns exec sfA build/apps/synfin/synfin serve --device af_packet:sfA0 --address 10.77.0.2/24 --app http
# a kernel client asks in sfB: ip netns exec sfB curl http://10.77.0.2/
set -euo pipefail
say() { printf 'netns: %s\n' "$*" >&2; }

if [ "$(id -u)" != 0 ]; then
    say "network namespaces need root: sudo $0 $*"
    exit 1
fi

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
        # Without IPv6 the kernel sends nothing on its own, so a capture shows only the connection.
        ip netns exec sf$end sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'
        ip -n sf$end link set lo up
        ip -n sf$end link set sf${end}0 up
    done
    ip -n sfB address add 10.77.0.1/24 dev sfB0
    trap - ERR
    say "up: synfin uses sfA0 in sfA, the kernel uses sfB0 (10.77.0.1/24) in sfB"
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
