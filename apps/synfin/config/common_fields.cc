/// @file
/// Fields outside sections: the device, its addresses, cores and files.

#include "field_table.hh"

namespace synfin::app {

void add_common_fields(FieldTable& table) {
    table.scalar("device", "--device", kDevice | kLook, "DEV", text(), AT(device),
                 "pci:ADDRESS, af_xdp:IFACE, af_packet:IFACE, tap:NAME, memif:PATH[,server|,client], "
                 "vhost:PATH, virtio-user:PATH or vdev:ARGS");
    table.list("address", "--address", kDevice, "ADDR[-ADDR]/LENGTH", addresses(), AT(addresses),
               "addresses of this end: 10.0.0.1/24, 10.0.1.1-10.0.4.254/16, 2001:db8::1/64; repeatable, both "
               "families in any order");
    table
        .gateways(
            "gateway", "--gateway", kDevice,
            "next hop for destinations off link, one of each family; with @MAC, synfin neither resolves "
            "it nor accepts updates; auto: the IPv6 router that advertises itself; repeatable")
        .when_absent = "none: on link only";
    table.scalar(
        "dad", "", kDevice, "off|optimistic|wait", choice<Dad>(), AT(dad),
        "IPv6 duplicate address detection (RFC 4862): off; optimistic: addresses are used at once, while "
        "the probe is under way; wait: after the probe, a second later");
    table.optional("vlan", "--vlan", kDevice, "ID", count(1, 4094), AT(vlan), "802.1Q tag on every frame")
        .when_absent = "no tag";
    table
        .optional("outer-vlan", "--outer-vlan", kDevice, "ID", count(1, 4094), AT(outer_vlan),
                  "802.1ad tag, outside that of --vlan (QinQ) or alone")
        .when_absent = "no tag";
    table.scalar("mtu", "--mtu", kDevice | kLook, "SIZE", size(576, 9000), AT(mtu), "largest IP packet");
    table
        .scalar("cores", "--cores", kAll | kDevices, "LIST", cores(), AT(cores),
                "cores to run on, for example 0-3,6; one engine each")
        .when_absent = "one, the first that the process may use";
    table
        .scalar("impair", "--impair", kAll, "FAULTS", impairments(), AT(impair),
                "faults on purpose, in both directions: loss=1%,delay=10ms,jitter=1ms,reorder=1%,"
                "reorder-delay=2ms,rate=100M,queue=50ms,duplicate=1%,corrupt=0.1%,seed=1; rx.loss=1% or "
                "tx.loss=1% in one; a deviation")
        .when_absent = "none";
    table.flag("no-huge", "--no-huge", kDevice | kDevices, AT(no_huge), "use no huge pages");
    table.flag("no-offload", "--no-offload", kDevice | kDevices, AT(no_offload),
               "compute checksums in software even if the device offers to");
    table.flag("verbose", "-v,--verbose", kAll | kDevices, AT(verbose),
               "report how the device was opened, and show DPDK's log");
    table.scalar("control", "--control", kDevice, "PATH", text(), AT(control), "path of the control socket")
        .when_absent = "/run/synfin/COMMAND-PID";
    table.scalar("json", "--json", kAll | kLook | kCompare, "FILE", text(), AT(json),
                 "write the result as JSON to FILE; - for standard output");
    table.scalar("report", "--report", kAll, "FILE", text(), AT(report),
                 "write the result as an HTML page with charts to FILE");
    table.scalar("compare.margin", "--margin", kCompare, "PERCENT", percent(), AT(margin),
                 "differences of single runs below this are undecidable; repeats need no margin");
    table.scalar("report.output", "-o,--output", kReport, "FILE", text(), AT(page),
                 "write the HTML page to FILE");
    table.scalar("report.csv", "--csv", kReport, "FILE", text(), AT(csv),
                 "write the figures and the series as CSV to FILE; - for standard output");
    table.flag("doctor.fix", "--fix", kDoctor, AT(doctor_fix),
               "offer to run the harmless remedies; each needs your confirmation");
}

}  // namespace synfin::app
