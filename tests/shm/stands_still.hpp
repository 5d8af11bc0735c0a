#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace locum::tests {

/// Waits until a process that received a stop signal is stopped: that takes until one of its threads handles
/// the signal, and the others run until then. False: not within 20 s.
[[nodiscard]] inline bool stands_still(pid_t process) {
  const auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto is_stopped = [](const auto& thread) {
    std::string line;
    std::getline(std::ifstream(thread.path() / "stat"), line);
    const auto after_name = line.rfind(')');
    return after_name != std::string::npos && line.substr(after_name).starts_with(") T");
  };
  for (const std::filesystem::path all = "/proc/" + std::to_string(process) + "/task";;) {
    std::filesystem::directory_iterator threads(all);
    if (std::ranges::all_of(threads, is_stopped)) {
      return true;
    }
    if (std::chrono::steady_clock::now() >= latest) {
      return false;
    }
    std::this_thread::yield();
  }
}

}  // namespace locum::tests
