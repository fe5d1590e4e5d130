"""`synfin devices` and `synfin doctor` in a guest: what a card offers, and what is missing before and after a mend."""

import json

from nic_rig import NicCase


class HostTest(NicCase):
    def concerns(self, card):
        return card.name in ("igb-4", "virtio-packed")

    def run_json(self, *args, status=0):
        process = self.rig.synfin(*args, "--json", "/tmp/look.json")
        self.assertEqual(process.wait(), status, process.said())
        return json.loads(self.rig.guest.run("cat /tmp/look.json"))

    def test_devices_names_the_card_and_its_owner(self):
        cards = {card["device"]: card for card in self.run_json("devices")["pci"]}
        card = cards[f"pci:{self.rig.device}"]
        self.assertEqual(card["state"], "ready")
        self.assertEqual(card["iommu_group"] != "", self.card.bind == "vfio")
        self.assertEqual(len(cards), 2, "and the one that the kernel keeps")

    def test_a_card_that_the_kernel_has_is_refused(self):
        talk = next(c for c in self.run_json("devices")["pci"] if c["state"] == "the kernel's")
        process = self.rig.synfin("serve", "--device", talk["device"], "--address", "10.77.0.2/24")
        self.assertEqual(process.wait(), 1, process.said())
        self.assertRegex(process.out, "a kernel driver is bound to it .virtio-pci.; how to give it to DPDK: synfin doctor")
        said = self.rig.guest.run(f"synfin doctor --device {talk['device']}")
        self.assertRegex(said, r"in use by the kernel \(virtio-pci\), and up")
        self.assertRegex(said, r"driver_override .*drivers_probe")
        self.rig.guest.run("ip route add default via 10.0.2.2")
        try:
            said = self.rig.guest.run(f"synfin doctor --device {talk['device']}")
        finally:
            self.rig.guest.run("ip route del default")
        self.assertRegex(said, "carries this host's default route and is left alone")
        self.assertNotIn("driver_override", said)

    def test_a_device_is_opened_described_and_left_as_it_was(self):
        report = self.run_json("devices", "--device", f"pci:{self.rig.device}", "--cores", self.rig.cores)
        self.assertEqual(report["rx_queues"], self.card.engines)
        self.assertEqual(report["steering"], "RSS" if self.card.rss else "one engine")
        self.assertEqual(report["offloads"]["tx TCP checksum"]["used"], "igb" in self.card.name)

    def test_doctor_misses_hugepages_and_sets_them_aside_when_agreed_to(self):
        pages = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
        before = self.rig.guest.run(f"cat {pages}").strip()
        doctor = f"synfin doctor --device pci:{self.rig.device}"
        self.rig.guest.run(f"echo 0 >{pages}")
        try:
            said = self.rig.guest.run(f"{doctor}; echo status $?")
            self.assertRegex(said, "missing +hugepages")
            self.assertIn("status 3", said)
            self.assertIn("[y/N]", self.rig.guest.run(f"yes n | {doctor} --fix"))
            self.assertEqual(self.rig.guest.run(f"cat {pages}").strip(), "0", "not agreed to")
            self.assertRegex(self.rig.guest.run(f"yes y | {doctor} --fix; echo status $?"), "done(.|\n)*status 0")
            self.assertEqual(self.rig.guest.run(f"cat {pages}").strip(), "256")
        finally:
            self.rig.guest.run(f"echo {before} >{pages}")
