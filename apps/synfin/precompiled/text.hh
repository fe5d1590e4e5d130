/// Read by the compiler once, not once per file: a second and a half of each. Builds with -Db_pch=false show
/// a missing include.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/fields.hh"
#include "results/run_result.hh"
#include "synfin/runtime.hh"
