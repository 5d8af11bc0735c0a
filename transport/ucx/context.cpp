#include "transport/ucx/context.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

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

// What we need of lanes through shared memory where the user has not said otherwise (UCX 1.13; decisions 13
// and 16). Endpoints that tell of a dead peer are not given such lanes without error handling, and two ranks
// of one machine would talk over TCP. Pieces and queue: what fits in there goes over between two turns of the
// processor: 4 MiB instead of 512 KiB. UCX makes 512 pieces at once unless told, and fills them: with so
// few, large ones it takes as much memory as by its own settings. Pieces of 64 KiB and more crash it.
struct Setting {
  const char* name;
  const char* value;
};
constexpr std::array<Setting, 4> shared_memory_settings = {
    {{"ERROR_HANDLING", "y"}, {"SEG_SIZE", "32k"}, {"FIFO_SIZE", "128"}, {"RX_BUFS_GROW", "129"}}};

bool said_by_user(const char* name) {
  return std::ranges::any_of(std::array{"UCX_MM_", "UCX_POSIX_", "UCX_SYSV_"}, [name](const char* lane) {
    return *variable((std::string(lane) + name).c_str(), "") != '\0';
  });
}

bool before_1_16() noexcept {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  ucp_get_version(&major, &minor, &release);
  return major == 1 && minor < 16;
}

bool has_infiniband() {
  std::error_code none;
  return std::filesystem::directory_iterator("/sys/class/infiniband", none) !=
         std::filesystem::directory_iterator();
}

// UCX keeps registrations beyond their use, and takes them again for what lies at the same address. It sees
// unmapping, not that arenas give pages back to the system while they stay mapped, least of all when another
// process does: a device would then go on with the pages of before (decision 20). InfiniBand has a cache of
// its own before UCX 1.16, and the setting for it, which UCX warns of where there is no such device.
void keep_no_registrations(ucp_config_t* config) {
  constexpr const char* failed = "UCX does not give up its cache of registrations; use UCX 1.13 or later";
  check(ucp_config_modify(config, "RCACHE_ENABLE", "n"), failed);
  if (before_1_16() && has_infiniband()) {
    check(ucp_config_modify(config, "REG_METHODS", "direct"), failed);
  }
}

// The protocols that are the default since UCX 1.16 end the process by their own assertions when a peer dies
// at the wrong moment (1.16.0: over TCP in every second run of a test; never with the older ones). A later
// UCX may have no others, and so no such setting.
void keep_older_protocols(ucp_config_t* config) {
  if (!before_1_16() && *variable("UCX_PROTO_ENABLE", "") == '\0') {
    static_cast<void>(ucp_config_modify(config, "PROTO_ENABLE", "n"));
  }
}

Config read_config() {
  ucp_config_t* raw = nullptr;
  check(ucp_config_read(nullptr, nullptr, &raw),
        "UCX's settings cannot be read; look at the variables UCX_*");
  Config config(raw);
  keep_no_registrations(config.get());
  keep_older_protocols(config.get());
  if (!shares_memory(variable("UCX_TLS", "all"))) {
    return config;
  }
  for (const Setting& setting : shared_memory_settings) {
    if (!said_by_user(setting.name)) {
      check(ucp_config_modify(config.get(), (std::string("MM_") + setting.name).c_str(), setting.value),
            "UCX does not know a setting of its shared memory; use UCX 1.13 or later");
    }
  }
  return config;
}

// Over TCP a connection takes one or two descriptors on either side, and a process that has none left when
// another one connects is lost to all that come later: UCX closes its listening socket for good. So the soft
// limit, which is there for programs that call select(), goes up as far as the process may raise it; not
// beyond what Linux allows by default, as some programs close every number up to the limit before an exec.
void allow_many_descriptors() noexcept {
  constexpr rlim_t most = 1U << 20U;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, most));
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
  }
}

}  // namespace

Context::Context(int ranks, bool remote_memory) : wants_registered_(!before_1_16()) {
  allow_many_descriptors();
  const Config config = read_config();
  ucp_params_t params{};
  params.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_ESTIMATED_NUM_EPS | UCP_PARAM_FIELD_NAME;
  params.features = UCP_FEATURE_AM | UCP_FEATURE_WAKEUP | (remote_memory ? unsigned{UCP_FEATURE_RMA} : 0U);
  params.estimated_num_eps = static_cast<std::size_t>(ranks);
  params.name = "locum";
  ucp_context_h raw = nullptr;
  check(ucp_init(&params, config.get(), &raw), "UCX does not start; UCX_LOG_LEVEL=info shows what it finds");
  handle_.reset(raw);
}

}  // namespace locum::ucx
