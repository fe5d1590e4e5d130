/// @file
/// synfin.h in a build without DPDK: there are no devices.

#include "api/c_handles.hh"

int synfin_open(const synfin_config*, synfin_runtime** out, char* why, size_t why_size) {
    if (out != nullptr) *out = nullptr;
    return synfin::c::Why(why, why_size)
        .refuse(SYNFIN_E_NOT_SUPPORTED, "this library was built without DPDK; build it with -Ddpdk=true");
}
