/// @file
/// synfin.h in a build without DPDK: calls that need a device refuse.

#include "api/c_handles.hh"

int synfin_open(const synfin_config* config, synfin_runtime** out, char* why, size_t why_size) {
    const synfin::c::Why told(why, why_size);
    if (out != nullptr) *out = nullptr;
    if (out == nullptr || config == nullptr) return told.refuse(SYNFIN_E_INVALID, "config or out is null");
    return told.refuse(SYNFIN_E_NOT_SUPPORTED,
                       "this library was built without DPDK; build it with -Ddpdk=true");
}
