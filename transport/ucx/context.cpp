#include "transport/ucx/context.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

#include "transport/ucx/error.hpp"

namespace locum::ucx {
namespace {

struct Release {
  void operator()(ucp_config_t* config) const noexcept { ucp_config_release(config); }
};
using Config = std::unique_ptr<ucp_config_t, Release>;

// Whether UCX_TLS (its words: lanes or groups of them; behind a ^, those to leave out) lets ranks of one
// machine share memory. Where it does not, UCX 1.13 would warn that the setting below is of no use.
bool shares_memory(std::string_view lanes) {
  const bool but = lanes.starts_with('^');
  const auto named = [lanes](std::string_view lane) {
    return (',' + std::string(lanes.substr(lanes.starts_with('^') ? 1 : 0)) + ',')
               .find(',' + std::string(lane) + ',') != std::string::npos;
  };
  const bool all = named("all") || named("sm") || named("shm") || named("mm");
  return but ? !all && !(named("posix") && named("sysv")) : all || named("posix") || named("sysv");
}

const char* variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

// What the user's environment says, and of what it leaves open the one thing that we need: endpoints that
// tell of a dead peer are not given lanes through shared memory unless this is set (UCX 1.13), and two ranks
// of one machine would talk over TCP.
Config read_config() {
  ucp_config_t* raw = nullptr;
  check(ucp_config_read(nullptr, nullptr, &raw),
        "UCX's settings cannot be read; look at the variables UCX_*");
  Config config(raw);
  if (shares_memory(variable("UCX_TLS", "all")) && *variable("UCX_MM_ERROR_HANDLING", "") == '\0') {
    check(ucp_config_modify(config.get(), "MM_ERROR_HANDLING", "y"),
          "UCX does not know the setting MM_ERROR_HANDLING; use UCX 1.13 or later");
  }
  return config;
}

}  // namespace

Context::Context(int ranks) {
  const Config config = read_config();
  ucp_params_t params{};
  params.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_ESTIMATED_NUM_EPS | UCP_PARAM_FIELD_NAME;
  params.features = UCP_FEATURE_AM | UCP_FEATURE_WAKEUP;
  params.estimated_num_eps = static_cast<std::size_t>(ranks);
  params.name = "locum";
  ucp_context_h raw = nullptr;
  check(ucp_init(&params, config.get(), &raw), "UCX does not start; UCX_LOG_LEVEL=info shows what it finds");
  handle_.reset(raw);
}

}  // namespace locum::ucx
