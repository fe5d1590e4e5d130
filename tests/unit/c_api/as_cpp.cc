/// @file
/// synfin.h is C++ too: it compiles, and its functions keep their C names.
#include "synfin.h"

#include <type_traits>

static_assert(std::is_trivially_copyable_v<synfin_event> && std::is_standard_layout_v<synfin_config>);

int main() {
    return synfin_c_api() == SYNFIN_C_API ? 0 : 1;
}
