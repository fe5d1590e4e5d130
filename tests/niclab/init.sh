#!/bin/busybox sh
# shellcheck shell=dash disable=SC2013
# Process 1 of a guest: mounts, modules, cards to their drivers, then a shell for whoever calls at port 1 of the card that
# stays with the kernel. The kernel's command line says what to do: synfin.bind=uio|vfio synfin.vf=DRIVER
chmod 755 /  # DPDK loads nothing from below a directory that anybody may write to
/bin/busybox --install -s /usr/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/shm /dev/hugepages
mount -t tmpfs shm /dev/shm
mount -t hugetlbfs huge /dev/hugepages
for word in $(cat /proc/cmdline); do
    case $word in
        synfin.bind=*) bind=${word#*=} ;;
        synfin.vf=*) physical=${word#*=} ;;
    esac
done
load() {
    while read -r module; do [ -e "/sys/module/$(basename "$module" .ko | tr - _)" ] || insmod "$module"; done <"/etc/modules.$1"
}
load talk

# The first Ethernet device is for talking; the others are what is tested.
ip link set lo up
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
talk=$(basename "$(readlink -f /sys/class/net/eth0/device/..)")
case ${bind:-} in
    uio) load uio; driver=uio_pci_generic ;;
    vfio) load vfio; driver=vfio-pci ;;
    *) driver= ;;
esac
if [ -n "${physical:-}" ]; then  # the kernel drives that one, and makes a virtual one
    load "$physical"
    ip link set eth1 up
    echo 1 >/sys/class/net/eth1/device/sriov_numvfs
fi
for device in /sys/bus/pci/devices/*; do
    address=$(basename "$device")
    case $(cat "$device/class") in 0x0200*) ;; *) continue ;; esac
    if [ "$address" = "$talk" ] || [ -z "$driver" ] || [ -e "$device/virtfn0" ]; then continue; fi
    if [ -e "$device/driver" ]; then echo "$address" >"$device/driver/unbind"; fi
    echo $driver >"$device/driver_override"
    echo "$address" >/sys/bus/pci/drivers_probe
    [ -e "$device/driver" ] && echo "$address" >>/run/cards || echo "init: $address is not bound to $driver"
done
echo "init: up after $(cut -d' ' -f1 /proc/uptime) s"
while :; do nc -ll -p 1 -e /bin/sh; done
