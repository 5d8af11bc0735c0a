#include "core/value/options.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>

namespace locum {

namespace {

Error wrong(std::string_view name, std::string_view value, std::string_view takes) {
  return Error(Errc::invalid_argument,
               std::string(name).append(" is \"").append(value).append("\"; it takes ").append(takes));
}

/// Parses a number of bytes, "64", "2G", "512k"; none if the text is not one or is too large.
std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.empty()) {
    return number;
  }
  constexpr std::string_view units = "KMGTkmgt";
  const std::size_t index = unit.size() == 1 ? units.find(unit.front()) : std::string_view::npos;
  if (index == std::string_view::npos) {
    return std::nullopt;
  }
  const unsigned shift = 10 * (static_cast<unsigned>(index % 4) + 1);
  if (number > (std::numeric_limits<std::uint64_t>::max() >> shift)) {
    return std::nullopt;
  }
  return number << shift;
}

template <class Integer>
std::optional<Integer> parse_integer(std::string_view text) {
  Integer number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

/// The variable's value; none if it is not set, or empty.
std::optional<std::string_view> variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? std::nullopt : std::optional<std::string_view>(text);
}

Result<void> override_bytes(const char* name, std::uint64_t& field) {
  if (const auto text = variable(name)) {
    const auto bytes = parse_bytes(*text);
    if (!bytes) {
      return wrong(name, *text, "a number of bytes, optionally followed by K, M, G or T (powers of 1024)");
    }
    field = *bytes;
  }
  return {};
}

constexpr std::array<std::string_view, 3> one_sided_names = {"off", "auto", "ucx_memory"};

constexpr std::array<std::string_view, 3> transport_names = {"auto", "ucx", "mpi"};

constexpr std::array<std::string_view, 3> log_names = {"warnings", "off", "info"};

/// `names` are those of the values of the enumeration, in its order.
template <class Choice>
Result<void> override_choice(const char* name, const std::array<std::string_view, 3>& names,
                             std::string_view takes, Choice& field) {
  if (const auto text = variable(name)) {
    const auto found = std::ranges::find(names, *text);
    if (found == names.end()) {
      return wrong(name, *text, takes);
    }
    field = static_cast<Choice>(found - names.begin());
  }
  return {};
}

template <class Choice>
std::string name_of(const std::array<std::string_view, 3>& names, Choice choice) {
  return std::string(names.at(static_cast<std::size_t>(choice)));
}

struct SignalName {
  std::string_view name;
  int number;
};
constexpr std::array<SignalName, 7> signal_names = {{{"USR1", SIGUSR1},
                                                     {"USR2", SIGUSR2},
                                                     {"TERM", SIGTERM},
                                                     {"INT", SIGINT},
                                                     {"HUP", SIGHUP},
                                                     {"URG", SIGURG},
                                                     {"CONT", SIGCONT}}};
constexpr const char* signal_wanted =
    "USR1, USR2, TERM, INT, HUP, URG, CONT or the number of a signal that a program may handle; 0 for none";

Result<void> override_signal(const char* name, int& field) {
  if (const auto text = variable(name)) {
    const std::string_view bare = text->starts_with("SIG") ? text->substr(3) : *text;
    const auto found = std::ranges::find(signal_names, bare, &SignalName::name);
    const auto number = found != signal_names.end() ? found->number : parse_integer<int>(*text);
    if (!number) {
      return wrong(name, *text, signal_wanted);
    }
    field = *number;
  }
  return {};
}

// Those that end a process by its own faults are not sent by a scheduler, and 32 and 33 are the library's.
bool may_be_handled(int number) {
  constexpr std::array<int, 9> others = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                                         SIGILL,  SIGTRAP, SIGABRT, SIGCHLD};
  return number >= 0 && number <= 64 && number != 32 && number != 33 &&
         std::ranges::find(others, number) == others.end();
}

constexpr const char* milliseconds_wanted = "a number of milliseconds above 0";

Result<void> override_milliseconds(const char* name, std::chrono::milliseconds& field) {
  if (const auto text = variable(name)) {
    const auto count = parse_integer<std::int64_t>(*text);
    if (!count) {
      return wrong(name, *text, milliseconds_wanted);
    }
    field = std::chrono::milliseconds(*count);
  }
  return {};
}

Result<void> check(const RuntimeOptions& options) {
  if (options.timeout.count() <= 0) {
    return wrong("timeout (LOCUM_TIMEOUT_MS)", std::to_string(options.timeout.count()), milliseconds_wanted);
  }
  if (options.collective_timeout.count() <= 0) {
    return wrong("collective_timeout (LOCUM_COLLECTIVE_TIMEOUT_MS)",
                 std::to_string(options.collective_timeout.count()), milliseconds_wanted);
  }
  // Unlike the other times it is not a deadline, which saturates: multiples of it are added to the clock.
  constexpr std::chrono::milliseconds longest_peer_timeout = std::chrono::hours(24 * 365);
  if (options.peer_timeout.count() <= 0 || options.peer_timeout > longest_peer_timeout) {
    return wrong("peer_timeout (LOCUM_PEER_TIMEOUT_MS)", std::to_string(options.peer_timeout.count()),
                 "a number of milliseconds above 0, a year (" + std::to_string(longest_peer_timeout.count()) +
                     ") at most");
  }
  if (options.inline_bytes > 64_KiB) {
    return wrong("inline_bytes (LOCUM_INLINE_BYTES)", std::to_string(options.inline_bytes), "at most 64K");
  }
  if (options.ranks_per_node < 0) {
    return wrong("ranks_per_node (LOCUM_RANKS_PER_NODE)", std::to_string(options.ranks_per_node),
                 "a number of ranks, or 0 to keep each machine one node");
  }
  if (!may_be_handled(options.checkpoint_signal)) {
    return wrong("checkpoint_signal (LOCUM_CHECKPOINT_SIGNAL)", std::to_string(options.checkpoint_signal),
                 signal_wanted);
  }
  constexpr std::size_t longest_name = 256;
  if (options.name.size() > longest_name || options.name.find('\n') != std::string_view::npos) {
    return wrong("name", std::string(options.name.substr(0, longest_name)),
                 "at most 256 bytes, and no line break");
  }
  if (options.spill_folder.find('\n') != std::string_view::npos) {
    return wrong("spill_folder (LOCUM_SPILL_FOLDER)", std::string(options.spill_folder),
                 "the path of a folder, without a line break");
  }
  if (options.stores.find('\n') != std::string_view::npos) {
    return wrong("stores (LOCUM_STORES)", options.stores, "the path of a file, without a line break");
  }
  constexpr std::uint64_t smallest_step = 64_KiB;
  if (options.step_bytes != 0 &&
      (!std::has_single_bit(options.step_bytes) || options.step_bytes < smallest_step)) {
    return wrong("step_bytes (LOCUM_STEP_BYTES)", std::to_string(options.step_bytes),
                 "0, or a power of two of at least 64K");
  }
  if (options.reserve_bytes == 0 || options.reserve_bytes < options.memory_bytes) {
    return wrong("reserve_bytes (LOCUM_RESERVE_BYTES)", std::to_string(options.reserve_bytes),
                 "at least memory_bytes, which is " + std::to_string(options.memory_bytes));
  }
  return {};
}

// Beyond that, moments in nanoseconds would not fit their words.
constexpr std::chrono::hours longest_lifetime{24 * 365 * 100};

}  // namespace

Result<void> check(const StoreOptions& options) {
  if (options.timeout < options.timeout.zero()) {
    return Error(Errc::invalid_argument,
                 "the timeout of a store is 0, which is the runtime's, or more; this "
                 "one is " +
                     std::to_string(options.timeout.count()) + " ms");
  }
  if (!options.keep_decoded && (options.decoded_cache_bytes | options.decoded_cache_values) != 0) {
    return Error(
        Errc::invalid_argument,
        "a store that keeps no decoded values has no cache of them; leave out keep_decoded = false, or "
        "decoded_cache_bytes and decoded_cache_values");
  }
  return check_lifetime(options.lifetime);
}

Result<void> check_lifetime(std::chrono::milliseconds lifetime) {
  if (lifetime < lifetime.zero() || lifetime > longest_lifetime) {
    return Error(Errc::invalid_argument,
                 "the lifetime of objects is more than 0, up to 100 years, or 0 for "
                 "that of the store, which is for ever if 0; this one is " +
                     std::to_string(lifetime.count()) + " ms");
  }
  return {};
}

Result<RuntimeOptions> with_environment(RuntimeOptions given) {
  if (given.as_others) {
    return RuntimeOptions{.as_others = true};
  }
  struct Size {
    const char* name;
    std::uint64_t& field;
  };
  for (const Size& size :
       {Size{"LOCUM_MEMORY_BYTES", given.memory_bytes}, Size{"LOCUM_RESERVE_BYTES", given.reserve_bytes},
        Size{"LOCUM_STEP_BYTES", given.step_bytes}, Size{"LOCUM_PREPARE_BYTES", given.prepare_bytes},
        Size{"LOCUM_DECODED_CACHE_BYTES", given.decoded_cache_bytes},
        Size{"LOCUM_INLINE_BYTES", given.inline_bytes}, Size{"LOCUM_PREFETCH_BYTES", given.prefetch_bytes},
        Size{"LOCUM_SPILL_BYTES", given.spill_bytes}}) {
    if (const auto done = override_bytes(size.name, size.field); !done) {
      return done.error();
    }
  }
  struct Time {
    const char* name;
    std::chrono::milliseconds& field;
  };
  for (const Time& time : {Time{"LOCUM_TIMEOUT_MS", given.timeout},
                           Time{"LOCUM_COLLECTIVE_TIMEOUT_MS", given.collective_timeout},
                           Time{"LOCUM_PEER_TIMEOUT_MS", given.peer_timeout}}) {
    if (const auto done = override_milliseconds(time.name, time.field); !done) {
      return done.error();
    }
  }
  if (const auto folder = variable("LOCUM_SPILL_FOLDER")) {
    given.spill_folder = *folder;
  }
  if (const auto file = variable("LOCUM_STORES")) {
    given.stores = *file;
  }
  if (const auto text = variable("LOCUM_RANKS_PER_NODE")) {
    const auto ranks = parse_integer<int>(*text);
    if (!ranks) {
      return wrong("LOCUM_RANKS_PER_NODE", *text, "a number of ranks, or 0 to keep each machine one node");
    }
    given.ranks_per_node = *ranks;
  }
  if (const auto done =
          override_choice("LOCUM_ONE_SIDED", one_sided_names, "off, auto or ucx_memory", given.one_sided);
      !done) {
    return done.error();
  }
  if (const auto done =
          override_choice("LOCUM_TRANSPORT", transport_names, "auto, ucx or mpi", given.transport);
      !done) {
    return done.error();
  }
  if (const auto done = override_choice("LOCUM_LOG", log_names, "warnings, off or info", given.log); !done) {
    return done.error();
  }
  if (const auto done = override_signal("LOCUM_CHECKPOINT_SIGNAL", given.checkpoint_signal); !done) {
    return done.error();
  }
  if (const auto allowed = check(given); !allowed) {
    return allowed.error();
  }
  return given;
}

std::string to_string(const RuntimeOptions& options) {
  std::string text;
  const auto line = [&text](std::string_view name, const std::string& value) {
    text.append(name).append(" = ").append(value).append("\n");
  };
  line("memory_bytes", std::to_string(options.memory_bytes));
  line("timeout_ms", std::to_string(options.timeout.count()));
  line("collective_timeout_ms", std::to_string(options.collective_timeout.count()));
  line("peer_timeout_ms", std::to_string(options.peer_timeout.count()));
  line("ranks_per_node", std::to_string(options.ranks_per_node));
  line("transport", name_of(transport_names, options.transport));
  line("one_sided", name_of(one_sided_names, options.one_sided));
  line("reserve_bytes", std::to_string(options.reserve_bytes));
  line("step_bytes", std::to_string(options.step_bytes));
  line("prepare_bytes", std::to_string(options.prepare_bytes));
  line("decoded_cache_bytes", std::to_string(options.decoded_cache_bytes));
  line("inline_bytes", std::to_string(options.inline_bytes));
  line("prefetch_bytes", std::to_string(options.prefetch_bytes));
  line("spill_folder", std::string(options.spill_folder));
  line("spill_bytes", std::to_string(options.spill_bytes));
  line("log", name_of(log_names, options.log));
  line("checkpoint_signal", std::to_string(options.checkpoint_signal));
  line("stores", std::string(options.stores));
  line("name", std::string(options.name));
  return text;
}

Result<RuntimeOptions> options_in(std::string_view text) {
  RuntimeOptions options;
  bool is_valid = true;
  const auto value_of = [&](std::string_view name) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    constexpr std::string_view equals = " = ";
    is_valid = is_valid && end != std::string_view::npos && line.starts_with(name) &&
               line.substr(name.size()).starts_with(equals);
    text.remove_prefix(is_valid ? end + 1 : text.size());
    return is_valid ? line.substr(name.size() + equals.size()) : std::string_view();
  };
  const auto number = [&]<class Integer>(std::string_view name, Integer& field) {
    const auto value = parse_integer<Integer>(value_of(name));
    is_valid = is_valid && value.has_value();
    field = value.value_or(Integer{});
  };
  const auto time = [&](std::string_view name, std::chrono::milliseconds& field) {
    std::int64_t count = 0;
    number(name, count);
    field = std::chrono::milliseconds(count);
  };
  number("memory_bytes", options.memory_bytes);
  time("timeout_ms", options.timeout);
  time("collective_timeout_ms", options.collective_timeout);
  time("peer_timeout_ms", options.peer_timeout);
  number("ranks_per_node", options.ranks_per_node);
  const auto choice = [&]<class Choice>(std::string_view name, const std::array<std::string_view, 3>& names,
                                        Choice& field) {
    const auto found = std::ranges::find(names, value_of(name));
    is_valid = is_valid && found != names.end();
    field = is_valid ? static_cast<Choice>(found - names.begin()) : Choice{};
  };
  choice("transport", transport_names, options.transport);
  choice("one_sided", one_sided_names, options.one_sided);
  number("reserve_bytes", options.reserve_bytes);
  number("step_bytes", options.step_bytes);
  number("prepare_bytes", options.prepare_bytes);
  number("decoded_cache_bytes", options.decoded_cache_bytes);
  number("inline_bytes", options.inline_bytes);
  number("prefetch_bytes", options.prefetch_bytes);
  options.spill_folder = value_of("spill_folder");
  number("spill_bytes", options.spill_bytes);
  choice("log", log_names, options.log);
  number("checkpoint_signal", options.checkpoint_signal);
  options.stores = value_of("stores");
  options.name = value_of("name");
  if (!is_valid || !text.empty()) {
    return Error(Errc::corrupt,
                 "these are not the options of a runtime of this version; link all programs of the job with "
                 "the same version of the library");
  }
  const auto allowed = check(options);
  return allowed ? Result<RuntimeOptions>(options) : Error(Errc::corrupt, allowed.error().text());
}

}  // namespace locum
