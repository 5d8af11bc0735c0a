#include "transport/ucx/context.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>

#include "transport/ucx/error.hpp"
#include "transport/ucx/signals.hpp"

namespace locum::ucx {
namespace {

struct Release {
  void operator()(ucp_config_t* config) const noexcept { ucp_config_release(config); }
};
using Config = std::unique_ptr<ucp_config_t, Release>;

const char* variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

// A list in the syntax of UCX's variables: names, or after a ^ those to leave out.
class NameList {
 public:
  explicit NameList(std::string_view text)
      : excludes_(text.starts_with('^')), names_(',' + std::string(text.substr(excludes_ ? 1 : 0)) + ',') {}

  [[nodiscard]] bool excludes() const noexcept { return excludes_; }
  [[nodiscard]] bool names(std::string_view name) const {
    return names_.find(',' + std::string(name) + ',') != std::string::npos;
  }

 private:
  bool excludes_;
  std::string names_;
};

// Whether UCX_TLS allows shared memory between ranks of one machine. If not, UCX 1.13 would warn that the
// settings for it are unused.
bool shares_memory() {
  const NameList lanes(variable("UCX_TLS", "all"));
  const bool all = lanes.names("all") || lanes.names("sm") || lanes.names("shm") || lanes.names("mm");
  const bool posix = lanes.names("posix");
  const bool sysv = lanes.names("sysv");
  return lanes.excludes() ? !all && !(posix && sysv) : all || posix || sysv;
}

// Whether UCX_TLS and UCX_NET_DEVICES allow TCP between ranks; the same holds for its setting.
bool takes_sockets() {
  const NameList lanes(variable("UCX_TLS", "all"));
  if (lanes.excludes() == (lanes.names("tcp") || lanes.names("all"))) {
    return false;
  }
  const NameList devices(variable("UCX_NET_DEVICES", "all"));
  if (devices.excludes() || devices.names("all")) {
    return true;
  }
  std::error_code none;
  for (const auto& device : std::filesystem::directory_iterator("/sys/class/net", none)) {
    if (devices.names(device.path().filename().string())) {
      return true;
    }
  }
  return false;
}

// Settings of the shared-memory lanes, unless set by the user (UCX 1.13; decisions 13 and 16). Endpoints that
// report dead peers do not get such lanes without error handling, and two ranks of one machine would use TCP.
// Pieces and queue: their size is what can be transferred between two turns of the processor: 4 MiB instead
// of 512 KiB. UCX makes 512 pieces at once by default, and fills them: with so few, large ones it takes as
// much memory as by its own settings. Pieces of 64 KiB and more crash it.
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

bool before_version_1(unsigned this_minor) noexcept {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  ucp_get_version(&major, &minor, &release);
  return major == 1 && minor < this_minor;
}

bool has_infiniband() {
  std::error_code none;
  return std::filesystem::directory_iterator("/sys/class/infiniband", none) !=
         std::filesystem::directory_iterator();
}

// UCX keeps registrations after use, and reuses them for memory at the same address. It notices unmapping,
// but not that arenas return pages to the system while they stay mapped, least of all when another process
// does: a device would then access the former pages (decision 20). InfiniBand has a separate cache before UCX
// 1.16, with a setting that UCX warns of if there is no such device.
void keep_no_registrations(ucp_config_t* config) {
  constexpr const char* failed = "UCX does not disable its registration cache; use UCX 1.13 or later";
  check(ucp_config_modify(config, "RCACHE_ENABLE", "n"), failed);
  if (before_version_1(16) && has_infiniband()) {
    check(ucp_config_modify(config, "REG_METHODS", "direct"), failed);
  }
}

// The protocols that are the default since UCX 1.16 end the process by assertions when a peer dies at the
// wrong moment (1.16.0: over TCP in every second run of a test; never with the older ones). A later UCX may
// have no others, and so no such setting.
void keep_older_protocols(ucp_config_t* config) {
  if (!before_version_1(16) && *variable("UCX_PROTO_ENABLE", "") == '\0') {
    static_cast<void>(ucp_config_modify(config, "PROTO_ENABLE", "n"));
  }
}

// By default UCX waits in connect(): for a silent host two minutes, on the thread that makes progress for all
// others. This is never wanted, even if UCX_TCP_CONN_NB=n is set for another user of UCX. Settings of TCP
// have no prefix in UCX before 1.17, which would warn of it as an unused setting.
void connect_without_waiting(ucp_config_t* config) {
  if (takes_sockets()) {
    check(ucp_config_modify(config, before_version_1(17) ? "CONN_NB" : "TCP_CONN_NB", "y"),
          "UCX does not accept the setting for connecting without waiting; use UCX 1.13 or later");
  }
}

// One call of UCX takes up to 16 events of its sockets from the system, and handles one after the other.
// Where one of them says that a peer has died, UCX closes that peer's other sockets, too; an event for one of
// these, further behind among those taken, ends the process by an assertion (`conn_state != … CLOSED`;
// docs/failure.md). Events that are still with the system go when their socket is closed.
void take_one_event_at_a_time(ucp_config_t* config) {
  if (takes_sockets() && *variable("UCX_TCP_MAX_POLL", "") == '\0') {
    check(ucp_config_modify(config, before_version_1(17) ? "MAX_POLL" : "TCP_MAX_POLL", "1"),
          "UCX does not accept the setting for events of sockets; use UCX 1.13 or later");
  }
}

Config read_config() {
  ucp_config_t* raw = nullptr;
  check(ucp_config_read(nullptr, nullptr, &raw), "UCX cannot read its settings; check the variables UCX_*");
  Config config(raw);
  keep_no_registrations(config.get());
  keep_older_protocols(config.get());
  connect_without_waiting(config.get());
  take_one_event_at_a_time(config.get());
  if (!shares_memory()) {
    return config;
  }
  for (const Setting& setting : shared_memory_settings) {
    if (!said_by_user(setting.name)) {
      check(ucp_config_modify(config.get(), (std::string("MM_") + setting.name).c_str(), setting.value),
            "UCX does not know a setting of its shared-memory transport; use UCX 1.13 or later");
    }
  }
  return config;
}

// Over TCP a connection takes one or two descriptors on either side, and a process without free ones when
// another one connects is lost to all that connect later: UCX closes its listening socket for good. So the
// soft limit, which exists for programs that call select(), is raised as far as the process may raise it; not
// beyond Linux's default hard limit, as some programs close every number up to the limit before an exec.
void allow_many_descriptors() noexcept {
  constexpr rlim_t most = 1U << 20U;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, most));
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
  }
}

}  // namespace

Context::Context(int ranks, bool remote_memory) : wants_registered_(!before_version_1(16)) {
  allow_many_descriptors();
  restore_signals();
  const Config config = read_config();
  ucp_params_t params{};
  params.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_ESTIMATED_NUM_EPS | UCP_PARAM_FIELD_NAME;
  params.features = UCP_FEATURE_AM | UCP_FEATURE_WAKEUP | (remote_memory ? unsigned{UCP_FEATURE_RMA} : 0U);
  params.estimated_num_eps = static_cast<std::size_t>(ranks);
  params.name = "locum";
  ucp_context_h raw = nullptr;
  check(ucp_init(&params, config.get(), &raw), "UCX does not start; UCX_LOG_LEVEL=info shows why");
  handle_.reset(raw);
}

// UCX 1.13 has no function that lists them, but prints them: a line "# resource 3 : md 1 dev 1 flags --
// tcp/lo" for each.
std::string Context::description() const {
  char* printed = nullptr;
  std::size_t size = 0;
  std::FILE* const stream = ::open_memstream(&printed, &size);
  if (stream == nullptr) {
    return std::string("UCX ") + ucp_get_version_string();
  }
  ucp_context_print_info(handle(), stream);
  std::fclose(stream);
  const std::unique_ptr<char, decltype(&std::free)> owner(printed, &std::free);
  std::istringstream lines(std::string(printed, size));
  std::string lanes;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t last = line.rfind(' ');
    if (line.find("resource") != std::string::npos && last != std::string::npos &&
        line.find('/', last) != std::string::npos) {
      const std::string lane = line.substr(last + 1);
      lanes += lane.starts_with("self/") ? "" : (lanes.empty() ? " with " : ", ") + lane;
    }
  }
  return std::string("UCX ") + ucp_get_version_string() + lanes;
}

}  // namespace locum::ucx
