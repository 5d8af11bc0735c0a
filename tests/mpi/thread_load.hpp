#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace locum::tests {

/// The cost of one thread of this process since its start, as measured by the system.
struct ThreadLoad {
  std::uint64_t cpu_ns = 0;    ///< time on a core
  std::uint64_t wake_ups = 0;  ///< how often it had given up its core by itself, and continued
};

/// The thread of this process with that name; none, or the first of several.
[[nodiscard]] inline std::optional<std::filesystem::path> thread_named(std::string_view name) {
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string line;
    if (std::getline(std::ifstream(thread.path() / "comm"), line) && line == name) {
      return thread.path();
    }
  }
  return std::nullopt;
}

/// The same, waiting for at most 20 s if `is_expected`: the thread's first step is to set its name, which may
/// be later than what the caller has seen of it on a busy machine.
[[nodiscard]] inline std::optional<std::filesystem::path> awaited_thread(std::string_view name,
                                                                         bool is_expected) {
  using namespace std::chrono_literals;
  const auto until = std::chrono::steady_clock::now() + 20s;
  for (;;) {
    auto thread = thread_named(name);
    if (thread || !is_expected || std::chrono::steady_clock::now() >= until) {
      return thread;
    }
    std::this_thread::sleep_for(1ms);
  }
}

/// A number (in base 10, or 16) behind a word and a colon in /proc/PID/task/TID/status; none of a thread that
/// has ended.
[[nodiscard]] inline std::optional<std::uint64_t> status_of(const std::filesystem::path& thread,
                                                            std::string_view field, int base = 10) {
  std::ifstream status(thread / "status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field) && line.substr(field.size()).starts_with(':')) {
      return std::stoull(line.substr(field.size() + 1), nullptr, base);
    }
  }
  return std::nullopt;
}

[[nodiscard]] inline ThreadLoad load_of(const std::filesystem::path& thread) {
  ThreadLoad load;
  std::ifstream(thread / "schedstat") >> load.cpu_ns;
  load.wake_ups = status_of(thread, "voluntary_ctxt_switches").value_or(0);
  return load;
}

}  // namespace locum::tests
